package diag

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestMain: the test binary plays a program that ends in various ways.
func TestMain(m *testing.M) {
	p := &Printer{Name: "prog", Verbosity: Normal}
	if os.Getenv("DIAG_QUIET") != "" {
		p.Verbosity = Quiet
	}
	switch os.Getenv("DIAG_TEST") {
	case "":
		os.Exit(m.Run())
	case "ok":
		p.Run(func() error { p.Info("not shown"); p.Warning("shown"); return nil })
	case "fail":
		p.Run(func() error { return Fail(Config, "KEYFILE: ", "/x: bad") })
	case "peer":
		p.Run(func() error { return &Error{TLS, "the peer did it", Normal} })
	case "silent":
		p.Run(func() error { return Silent(111) })
	case "system":
		p.Run(func() error { return FailSys("open it", &os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}) })
	case "usage":
		p.Run(func() error { return p.Usage("prog [ -x ]") })
	case "plain":
		p.Run(func() error { return io.ErrUnexpectedEOF })
	case "panic":
		p.Run(func() error { panic("oh") })
	case "index":
		p.Run(func() error { return Silent([]int{}[len(os.Args)]) })
	case "dirty":
		p.Run(func() error { return Fail(TLS, "name \n\x1b[2Jprog: fatal: forged\x00") })
	}
}

func TestRun(t *testing.T) {
	tests := []struct {
		mode, line string
		code       int
		quietToo   bool
	}{
		{"ok", "prog: warning: shown\n", 0, false},
		{"fail", "prog: fatal: KEYFILE: /x: bad\n", 96, true},
		{"peer", "prog: fatal: the peer did it\n", 98, false},
		{"silent", "", 111, true},
		{"system", "prog: fatal: unable to open it: no such file or directory\n", 111, true},
		{"usage", "prog: usage: prog [ -x ]\n", 100, true},
		{"plain", "prog: fatal: internal error: unexpected EOF\n", 101, true},
		{"panic", "prog: fatal: internal error: oh\n", 101, true},
		{"index", "prog: fatal: internal error: runtime error: index out of range [1] with length 0\n", 101, true},
		{"dirty", `prog: fatal: name \x0A\x1B[2Jprog: fatal: forged\x00` + "\n", 98, true},
	}
	for _, tt := range tests {
		for _, quiet := range []bool{false, true} {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "DIAG_TEST="+tt.mode)
			want := tt.line
			if quiet {
				cmd.Env = append(cmd.Env, "DIAG_QUIET=1")
				if !tt.quietToo {
					want = ""
				}
			}
			var b strings.Builder
			cmd.Stderr = &b
			err := cmd.Run()
			code := 0
			if e, ok := errors.AsType[*exec.ExitError](err); ok {
				code = e.ExitCode()
			}
			if b.String() != want || code != tt.code {
				t.Errorf("%s, quiet %v: %q, code %d", tt.mode, quiet, b.String(), code)
			}
		}
	}
}
