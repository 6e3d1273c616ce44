//go:build linux

package cli

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ucspitls/test/need"
)

// The programs as terminal sessions, in testdata. Commands of their own:
//
//	exits CODE program args...      runs it; that is its exit code
//	listen NAME program args...     starts it; NAME is the port that it prints, NAME.log its stderr
//	says FILE REGEXP                waits until a file has a line like that
func TestScripts(t *testing.T) { scripts(t, "testdata") }

// TestScriptsOfPeers are those with programs of others.
func TestScriptsOfPeers(t *testing.T) {
	entryOnly(t) // one has a limit on memory
	front := filepath.Dir(need.Program(t, "smtpfront-echo", "mailfront"))
	need.Program(t, "tcpserver", "ucspi-tcp")
	need.Program(t, "softlimit", "daemontools")
	scripts(t, "testdata/peers", front)
}

func scripts(t *testing.T, dir string, path ...string) {
	need.Program(t, "openssl", "openssl")
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", strings.Join(append(append([]string{bin}, path...), env.Getenv("PATH")), ":"))
			env.Setenv("BIN", bin)
			env.Setenv("BACKEND", backendName)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exitsScript, "listen": listenScript, "says": saysScript},
	})
}

func exitsScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exits: %v", err)
	}
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func listenScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: listen NAME program args...")
	}
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	cmd := exec.Command(args[1], args[2:]...)
	if path := filepath.Join(bin, args[1]); isFile(path) {
		cmd.Path, cmd.Err = path, nil
	}
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), log
	for _, name := range scriptVariables {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
		log.Close()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		ts.Fatalf("%s prints no port: %v\n%s", args[1], err, ts.ReadFile(args[0]+".log"))
	}
	ts.Setenv(args[0], strings.TrimSpace(port))
}

// scriptVariables are what a listener gets of a script's environment.
var scriptVariables = []string{"PATH", "HOME", "TMPDIR", "CERTFILE", "KEYFILE", "CAFILE", "TLS_TICKETKEYS", "TLS_IOD", "UCSPITLS"}

func saysScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: says FILE REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	for deadline := time.Now().Add(patience); !re.MatchString(ts.ReadFile(args[0])); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s has no line like %s:\n%s", args[0], args[1], ts.ReadFile(args[0]))
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
