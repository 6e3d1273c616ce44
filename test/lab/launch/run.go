package launch

import (
	"os"
	"syscall"
	"testing"

	"ucspitls/test/lab/wait"
)

// Run is Start for a test, at whose end the process's group is killed if
// something of it still writes.
func Run(t testing.TB, s Spec) *Process {
	t.Helper()
	p, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-p.Silent:
		default:
			p.Signal(syscall.SIGKILL)
			<-p.Silent
		}
		<-p.Ended
		if out := p.Stderr(); t.Failed() && out != "" {
			t.Logf("stderr of %s:\n%s", s.Argv[0], out)
		}
	})
	return p
}

// Null is /dev/null, for a descriptor of a Spec.
func Null() *os.File {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	return f
}

// Result is what a program that has ended by itself leaves behind.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Output runs a program to its end, which must come by itself. Its stdin is
// empty, unless the Spec has another one.
func Output(t testing.TB, s Spec) Result {
	t.Helper()
	s.Stdout = true
	if s.Files == nil {
		s.Files = map[int]*os.File{0: Null()}
	}
	p := Run(t, s)
	if !p.Wait(wait.Patience) {
		t.Fatalf("waited %v for the end of %q", wait.Patience, s.Argv)
	}
	return Result{p.Code(), string(p.Stdout()), p.Stderr()}
}
