//go:build linux

package cli

import (
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// A tunnel without a sandbox: because it was told so, or the system has none.

func TestSandboxOff(t *testing.T) {
	t.Parallel()
	for _, program := range wrappers {
		m, a, io := hold(t, program, "TLS_SANDBOX=off")
		if status := ids(t, io); status["NoNewPrivs"] != "0" || status["Seccomp"] != "0" {
			t.Errorf("%s: NoNewPrivs %s, Seccomp %s", program, status["NoNewPrivs"], status["Seccomp"])
		}
		m.peer.Close()
		if a != nil {
			a.exit(0)
		}
		m.code()
	}
}

// A kernel that says yes and does nothing, as a tracer can make it: who requires
// the sandbox has the system asked what is in force.
func TestSandboxThatIsNone(t *testing.T) {
	needSandbox(t)
	t.Parallel()
	for lie, says := range map[string]string{
		"landlock lie": "no Landlock (a path can still be opened)",
		"seccomp lie":  "not in force (the system says Seccomp_filters 1 of a thread)",
		"dumpable lie": "not in force (it can be traced)",
	} {
		for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
			t.Run(program+" "+lie, func(t *testing.T) {
				t.Parallel()
				var m meeting
				if env, _ := material(t); program == "s6-tlsd" {
					x := serveWith(t, caged(spec{program: program, env: append(env, "TLS_SANDBOX=require")}, lie))
					m = meeting{x.process, x.stage, x.peer}
				} else {
					env, _ = trusting(t)
					x := dialWith(t, caged(spec{program: program, args: []string{"-k", pki.Host}, env: append(env, "TLS_SANDBOX=require")}, lie))
					m = meeting{x.process, x.stage, x.peer}
				}
				m.peer.CloseWrite()
				m.expect(97, ioName(program)+": fatal: TLS_SANDBOX=require: "+says)
			})
		}
	}
}

// A kernel that lacks a part: a warning and a session all the same, or 97.
func TestKernelWithoutSandbox(t *testing.T) {
	needSandbox(t)
	t.Parallel()
	const noLandlock, noFilter = "no Landlock (function not implemented)", "no seccomp filter (function not implemented)"
	for _, c := range []struct{ lacking, says string }{
		{"landlock", noLandlock},
		{"seccomp", noFilter},
		{"landlock,seccomp", noLandlock + ", " + noFilter},
	} {
		warning := func(program string) string {
			return ioName(program) + ": warning: sandbox: " + c.says + "; TLS_SANDBOX=off runs without any of it, and without this line\n"
		}
		for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
			begin := func(args []string, setting string) meeting {
				if program == "s6-tlsd" {
					env, _ := material(t)
					x := serveWith(t, caged(spec{program: program, args: args, env: append(env, setting)}, c.lacking))
					return meeting{x.process, x.stage, x.peer}
				}
				env, _ := trusting(t)
				x := dialWith(t, caged(spec{program: program, args: append(args, "-k", pki.Host), env: append(env, setting)}, c.lacking))
				return meeting{x.process, x.stage, x.peer}
			}
			t.Run(program+" without "+c.lacking, func(t *testing.T) {
				t.Parallel()
				m := begin(nil, "TLS_SANDBOX=require")
				if data, end := drain(m.peer); len(data) > 0 || end != "FIN" {
					t.Errorf("the peer got %q, %s", data, end)
				}
				m.peer.Close()
				m.expect(97, ioName(program)+": fatal: TLS_SANDBOX=require: "+c.says)

				for _, v := range []struct{ flag, line string }{
					{"-v0", ""}, {"-v1", warning(program)}, {"-v2", warning(program)},
				} {
					m = begin([]string{v.flag}, "TLS_SANDBOX=on")
					conn := opposite(t, program, m.peer)
					if err := conn.Handshake(); err != nil {
						t.Fatal(err)
					}
					m.stage.app().exit(0)
					conn.Close()
					if code := m.code(); code != 0 {
						t.Errorf("%s: exit code %d", v.flag, code)
					}
					if out := m.stderr(); !strings.HasPrefix(out, v.line) || v.flag != "-v2" && out != v.line {
						t.Errorf("%s: stderr %q, want %q first", v.flag, out, v.line)
					}
				}
			})
		}
	}
}
