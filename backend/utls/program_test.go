package utls

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exaring/ja4plus"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// build makes s6-tlsc-io on a backend.
func build(t *testing.T, tags string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "s6-tlsc-io")
	cmd := exec.Command("go", "build", "-tags", tags, "-o", program, "ucspitls/cmd/s6-tlsc-io")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// TestProgram: what TLS_FINGERPRINT says is what s6-tlsc-io sends.
func TestProgram(t *testing.T) {
	program := build(t, "utls")
	run := func(env string, args ...string) (out, errors string, code int) {
		cmd := exec.Command(program, args...)
		cmd.Env = strings.Fields(env)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		b, _ := cmd.Output()
		return string(b), stderr.String(), cmd.ProcessState.ExitCode()
	}

	out, _, code := run("", "--list-fingerprints")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	list := Backend.(backend.Fingerprinter).Fingerprints()
	if code != 0 || len(lines) != len(list) {
		t.Fatalf("--list-fingerprints: %d\n%s", code, out)
	}
	for i, f := range list {
		if got := strings.Fields(lines[i]); len(got) != 2 || got[0] != f.Name || got[1] != f.JA4 {
			t.Errorf("listed %q, want %+v", lines[i], f)
		}
	}

	for env, want := range map[string]struct {
		code int
		says string
	}{
		"TLS_FINGERPRINT=netscape":                             {100, "TLS_FINGERPRINT: unknown value netscape (one of: golang chrome firefox "},
		"TLS_FINGERPRINT=android TLS_MIN_VERSION=1.3":          {96, "TLS_FINGERPRINT: android: this ClientHello can't keep to the TLS versions"},
		"TLS_FINGERPRINT=android TLS_ALPN=h2":                  {96, "TLS_FINGERPRINT: android: this ClientHello has no application protocols"},
		"TLS_FINGERPRINT=randomized-alpn":                      {96, "TLS_FINGERPRINT: randomized-alpn: this ClientHello has application protocols"},
		"TLS_FINGERPRINT=chrome TLS_FIPS=require":              {96, "TLS_FIPS=require"},
		"TLS_FINGERPRINT=chrome CERTFILE=/nope/c KEYFILE=/n/k": {100, "CADIR"},
	} {
		args := []string{"--no-verify-cert", "0", "2"}
		if want.says == "CADIR" {
			args = args[1:] // a fingerprint does not switch verification off
		}
		if _, errors, code := run(env, args...); code != want.code || !strings.Contains(errors, want.says) {
			t.Errorf("%s: %d %s", env, code, errors)
		}
	}

	for env, want := range map[string]string{
		"TLS_FINGERPRINT=chrome TLS_ALPN=h2,http/1.1":      find("chrome_133").ja4,
		"TLS_FINGERPRINT=firefox_120 TLS_ALPN=h2,http/1.1": published["firefox_120"],
	} {
		if got := ja4plus.JA4(parse(t, firstFlight(t, program, env))); got != want {
			t.Errorf("%s sends %s, want %s", env, got, want)
		}
	}
}

// firstFlight is what the program sends to a server that says nothing.
func firstFlight(t *testing.T, program, env string) []byte {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	f, err := dialed.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cmd := exec.Command(program, "-k", pki.Host+".a-name-of-some-length.example", "--no-verify-cert", "3", "3")
	cmd.Env = strings.Fields(env)
	cmd.ExtraFiles = []*os.File{f}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	c.SetDeadline(time.Now().Add(patience))
	record := make([]byte, 5)
	if _, err := io.ReadFull(c, record); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(record[3])<<8|int(record[4]))
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatal(err)
	}
	return append(record, body...)
}

// TestOtherBackend: it refuses what it can't do.
func TestOtherBackend(t *testing.T) {
	program := build(t, "gotls")
	for _, c := range []struct {
		env  string
		args []string
	}{{"TLS_FINGERPRINT=chrome", []string{"--no-verify-cert", "0", "2"}}, {"", []string{"--list-fingerprints"}}} {
		cmd := exec.Command(program, c.args...)
		cmd.Env = []string{c.env}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 96 || !strings.Contains(string(out), "the backend gotls can't choose its ClientHello") {
			t.Errorf("%+v: %d %s", c, code, out)
		}
	}
}
