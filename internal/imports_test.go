package internal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// The house rules about imports, each with its reason. A pattern that ends in
// "/..." covers everything below.
var rules = []struct {
	who       string // packages or programs
	forbidden []string
	why       string
}{
	{"ucspitls/internal/...", []string{
		"crypto/tls", "crypto/x509", "net/http", "runtime/cgo", "github.com/refraction-networking/utls",
		"ucspitls/backend/gotls", "ucspitls/backend/openssl", "ucspitls/backend/utls", selected,
	}, "the engine is the same for every backend: it must not link one"},
	{"ucspitls/engine", []string{
		"crypto/tls", "crypto/x509", "net", "runtime/cgo",
		"ucspitls/backend/gotls", "ucspitls/backend/openssl", "ucspitls/backend/utls", selected,
	}, "whoever calls it brings the backend"},
	{"ucspitls/internal/...", []string{"net"}, "package net brings dual stack, keepalive and a costly init"},
	{"ucspitls/backend/...", []string{"ucspitls/internal/..."}, "the engine stands on the contract: a backend, of others too, needs nothing of it"},
	{"ucspitls/backend/backendtest/pki", []string{"ucspitls/internal/...", "ucspitls/test/..."}, "a backend of others has its certificates from it"},
	{"ucspitls/internal/...", []string{"ucspitls/test/..."}, "only tests, and packages for them, are tested with what tests share"},
	{"ucspitls/test/lab/...", []string{"ucspitls/internal/...", "ucspitls/backend/gotls", "ucspitls/backend/openssl", "ucspitls/backend/utls"},
		"the tests of every room use it: it stands below all of them"},
	{"ucspitls/backend", []string{"crypto/tls", "crypto/x509", "ucspitls/backend/..."}, "the contract is the same for every backend"},
	{"ucspitls/backend/openssl", []string{"ucspitls/backend/cryptotls/..."}, "a build on OpenSSL must not drag in Go's TLS"},
	{"ucspitls/cmd/...", []string{"ucspitls/test/..."}, "what is installed is free of what tests it"},
	{"ucspitls/backend/...", []string{"ucspitls/engine", selected}, "a backend is linked by a program, which calls the engine"},
	{hostname, []string{"..."}, "programs without TLS link it, and code that runs without the runtime"},
	{"ucspitls/backend/stack", []string{"..."}, "the engine links it too, and calls it before anything else"},
	{"ucspitls/cmd/s6-tlsd", wrapper, wrapperWhy},
	{"ucspitls/cmd/s6-tlsc", wrapper, wrapperWhy},
	{"ucspitls/cmd/s6-ucspitlsd", wrapper, wrapperWhy},
	{"ucspitls/cmd/s6-ucspitlsc", wrapper, wrapperWhy},
	{"ucspitls/cmd/s6-tlsserver", tls, "only the -io programs link TLS code"},
	{"ucspitls/cmd/s6-tlsclient", tls, "only the -io programs link TLS code"},
	{"ucspitls/cmd/s6-tls-ticketkeys", []string{"crypto/tls", "crypto/x509", "net", "ucspitls/backend", "ucspitls/internal/material"}, "it writes a file"},
}

const (
	// hostname is the one package below backend that every program may link.
	hostname = "ucspitls/backend/hostname"
	// selected is the one package below internal that links a backend: it lies
	// there because it is nobody else's, and is no part of the engine.
	selected = "ucspitls/internal/selected"
)

var (
	tls        = []string{"crypto/tls", "crypto/x509", "ucspitls/backend/..."}
	wrapper    = append([]string{"fmt", "log", "net", "net/netip", "reflect", "flag", "os/exec", "os/signal", "crypto/...", "math/big", "golang.org/x/sys/unix"}, append(tls, "ucspitls/backend")...)
	wrapperWhy = "every connection starts a wrapper: it links nothing that costs start-up time, and no TLS code"
)

// A listed package is what go list knows of one; Deps are of all levels.
type listed struct {
	ImportPath                string
	Deps                      []string
	TestImports, XTestImports []string
}

// list gives every package as a build on a backend has it.
func list(t *testing.T, backend, cgo string) []listed {
	cmd := exec.Command("go", "list", "-tags="+backend, "-json=ImportPath,Deps,TestImports,XTestImports",
		"ucspitls/internal/...", "ucspitls/backend/...", "ucspitls/engine/...", "ucspitls/cmd/...", "ucspitls/test/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImports(t *testing.T) {
	for backend, cgo := range map[string]string{"gotls": "0", "utls": "0", "openssl": "1"} {
		t.Run(backend, func(t *testing.T) { keepsRules(t, list(t, backend, cgo)) })
	}
}

func keepsRules(t *testing.T, packages []listed) {
	for _, p := range packages {
		for _, dep := range slices.Concat(p.TestImports, p.XTestImports) {
			if covers("ucspitls/backend/...", p.ImportPath) && (covers("ucspitls/internal/...", dep) || dep == selected || dep == "ucspitls/engine") {
				t.Errorf("the tests of %s import %s: a backend is tested without the engine", p.ImportPath, dep)
			}
		}
	}
	for _, r := range rules {
		for _, f := range r.forbidden {
			if strings.HasPrefix(f, "ucspitls/") && !slices.ContainsFunc(packages, func(p listed) bool { return covers(f, p.ImportPath) }) {
				t.Errorf("%s is forbidden for %s, and does not exist", f, r.who)
			}
		}
		found := false
		for _, p := range packages {
			if !covers(r.who, p.ImportPath) || covers("ucspitls/internal/...", p.ImportPath) && strings.HasSuffix(p.ImportPath, "test") { // help for tests
				continue
			}
			found = true
			for _, dep := range p.Deps {
				for _, f := range r.forbidden {
					if covers(f, dep) {
						t.Errorf("%s imports %s: %s", p.ImportPath, dep, r.why)
					}
				}
			}
		}
		if !found {
			t.Errorf("no package matches %s", r.who)
		}
	}
}

func covers(pattern, p string) bool {
	if pattern == "..." {
		return true
	}
	if p == hostname || p == selected {
		return pattern == p
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return p == base && base != "crypto" || strings.HasPrefix(p, base+"/")
	}
	return p == pattern
}

// TestMainsAreThin: a main.go only joins options, engine and exit code.
func TestMainsAreThin(t *testing.T) {
	files, err := os.ReadDir("../cmd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "s6-") {
			continue
		}
		dir := path.Join("../cmd", f.Name())
		inside, _ := os.ReadDir(dir)
		for _, f := range inside {
			// An import that only one backend's programs have.
			if name := f.Name(); name != "main.go" && !(strings.HasSuffix(dir, "-io") && name == "brief_openssl.go") {
				t.Errorf("%s holds more than main.go: %s", dir, name)
			}
		}
		b, err := os.ReadFile(path.Join(dir, "main.go"))
		if n := bytes.Count(b, []byte("\n")); err != nil || n >= 100 {
			t.Errorf("%s/main.go: %d lines, %v", dir, n, err)
		}
	}
}

// exits are the places that end a process.
var exits = map[string]string{
	"./diag/diag.go":                     "every program, through Printer.Exit",
	"./sys/raw_linux.go":                 "the wrappers, where there is no runtime to do it",
	"./entry/limits_linux.go":            "every program whose runtime has met a limit, before or without main",
	"./listen/spawn_linux.go":            "a child between fork and exec, which can't go through the runtime",
	"./privilege/sandbox/table_linux.go": "a row of the table of system calls",
	"../test/bench/main.go":              "a tool for development",
	"../test/interop/main.go":            "a tool for development",
	"../test/interop/app.go":             "a prog for the tool",
	"../test/lab/prog/steps.go":          "a prog for tests",
	"../doc/demo/main.go":                "the demonstration",
	"../test/run/main.go":                "a tool for development",
	"../test/rename/main.go":             "a tool for development",
}

// TestOneExit: one function ends a program, but for the places above.
func TestOneExit(t *testing.T) {
	out, err := exec.Command("grep", "-rlE", `\b(os|syscall|unix)\.Exit\(|SYS_EXIT`, "--include=*.go",
		"--exclude=*_test.go", "--exclude-dir=testdata", "--exclude-dir=build", ".", "../backend", "../cmd", "../doc", "../test", "../man").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Fields(string(out))
	c, _ := exec.Command("grep", "-rnE", `\b(_?exit|_Exit|abort)\(`, "--include=*.c", "--include=*.h", "../backend").Output()
	for line := range strings.Lines(string(c)) {
		if !strings.HasPrefix(line, "../backend/openssl/start.c:") { // before main, where no thread can be had
			t.Errorf("C code ends a process: %s", line)
		}
	}
	for _, f := range found {
		if exits[f] == "" {
			t.Errorf("%s ends a process", f)
		}
	}
	for f := range exits {
		if !slices.Contains(found, f) {
			t.Errorf("%s does not end a process any more", f)
		}
	}
}
