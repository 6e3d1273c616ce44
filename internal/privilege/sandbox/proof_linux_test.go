//go:build amd64 || arm64

package sandbox

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A process that is in no sandbox has no proof of one.
func TestProofOfNothing(t *testing.T) {
	p, err := newProof()
	defer p.close()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.threads) < 2 {
		t.Errorf("%d threads", len(p.threads))
	}
	if p.noPath() == nil {
		t.Error("a path is shut")
	}
	if p.inForce(IDs{-1, -1}) == nil {
		t.Error("a filter is in force")
	}
}

// Another id than the one that was asked for is no proof either.
func TestProofOfIDs(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SANDBOX_TEST=other id")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "not in force (the system says Uid ") {
		t.Errorf("%v, %q", err, out)
	}
}

func TestTraced(t *testing.T) {
	if err := Traced(); err != nil {
		t.Skip(err) // a debugger
	}
	for lines, want := range map[string]error{
		"Name:\tx\nTracerPid:\t0\n":  nil,
		"Name:\tx\nTracerPid:\t17\n": ErrTraced,
	} {
		if err := traced(lines); err != want {
			t.Errorf("%q: %v", lines, err)
		}
	}
	if traced("Name:\tTracerPid:\n") == nil {
		t.Error("who does not tell is believed")
	}
	// The real file of a traced process says so.
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SANDBOX_TEST=tunnel")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // a tracer is a thread
		var ws syscall.WaitStatus
		err := cmd.Start()
		if err == nil {
			_, err = syscall.Wait4(cmd.Process.Pid, &ws, 0, nil)
		}
		done <- err
		<-done
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
	cmd.Process.Kill()
	close(done)
	if err != nil || traced(string(data)) != ErrTraced {
		t.Errorf("%v, %q", err, data)
	}
}
