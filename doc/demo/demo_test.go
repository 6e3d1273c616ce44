package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/internal/entry/entrytest"
)

// tools is where TestMain put the programs.
var tools string

// The demo starts its own executable as the mail program: here, the test's.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == mailMode {
		os.Exit(serveMail())
	}
	var err error
	if tools, err = os.MkdirTemp("", "demo-tools-"); err != nil {
		panic(err)
	}
	code := 1
	build := exec.Command("go", "build", "-o", tools, "ucspitls/cmd/s6-ucspitlsd", "ucspitls/cmd/s6-tlsd-io")
	if msg, err := build.CombinedOutput(); err != nil {
		os.Stderr.Write(msg)
	} else {
		code = m.Run()
	}
	os.RemoveAll(tools)
	os.Exit(code)
}

func TestDemo(t *testing.T) {
	var b bytes.Buffer
	if err := demonstrate(&page{w: &b}, tools); err != nil {
		t.Fatalf("%v\n%s", err, &b)
	}
	for _, want := range []string{
		"        C: STARTTLS\n", "SSLCTLFD=", "SSL_CIPHER=", "  [TLS] C: The password of the day", "exit code 0", "close_notify", "accepted opportunistic TLS",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("colour where there is no terminal")
	}
}

// TestNotice: the demo sees it when a tool does not do what it should.
func TestNotice(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"no close_notify": {`shift; exec "$TOOLS/s6-ucspitlsd" "$@"`, "close_notify"},
		"another pid":     {`"$TOOLS/s6-ucspitlsd" "$@"; exit 0`, "has pid"},
		"no TLS":          {`CERTFILE=/nonexistent exec "$TOOLS/s6-ucspitlsd" "$@"`, "handshake"},
		"a leak":          {`exec "$TOOLS/s6-ucspitlsd" -Z "$@"`, "KEYFILE is in"},
		"nothing":         {`exit 0`, "waiting for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TOOLS", tools)
			dir := t.TempDir()
			if err := os.Symlink(filepath.Join(tools, "s6-tlsd-io"), filepath.Join(dir, "s6-tlsd-io")); err != nil {
				t.Fatal(err)
			}
			if err := entrytest.WriteProgram(filepath.Join(dir, "s6-ucspitlsd"), []byte("#!/bin/sh\n"+c.script+"\n")); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := demonstrate(&page{w: &b}, dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want something about %q\n%s", err, c.want, &b)
			}
		})
	}
}
