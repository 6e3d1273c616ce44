//go:build linux

package cli

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/internal/entry/entrytest"
)

// The -io is looked for beside the tool, never in PATH, and why it can't be run
// is said with the code of the table.
func TestTunnelProgramCannotRun(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"s6-tlsd", "s6-ucspitlsd", "s6-tlsc", "s6-ucspitlsc"} {
		for _, way := range entrytest.Unrunnable {
			t.Run(program+"/"+way.Name, func(t *testing.T) {
				t.Parallel()
				dir := copied(t, program)
				s := spec{program: filepath.Join(dir, program), env: []string{"PATH=" + bin}}
				io := filepath.Join(dir, "s6-tls"+program[len(program)-1:]+"-io")
				if err := way.Make(io); err != nil {
					t.Fatal(err)
				}
				var x *server
				if isServerTool(program) {
					base, _ := material(t)
					s.env = append(base, s.env...)
					x = serveWith(t, s)
				} else {
					base, _ := trusting(t)
					s.env = append(base, s.env...)
					d := dialWith(t, s)
					x = &server{d.process, d.stage, d.peer}
				}
				line := program + ": fatal: cannot run " + io + ": " + way.Why.Error()
				if !delayed(program) {
					x.expect(way.Code, line)
					if x.stage.started() {
						t.Error("prog was started")
					}
					return
				}
				a := x.stage.app()
				a.write(a.ctl, "Y")
				a.expectEnd(a.ctl, "")
				a.expectWait(way.Code)
				a.expectEnd(a.rd, "")
				if data, end := drain(x.peer); len(data) > 0 || end != "FIN" { // no cleartext any more
					t.Errorf("the peer got %q, %s", data, end)
				}
				a.exit(0)
				x.expect(0, line)
			})
		}
	}
}

// --version runs through the whole chain, and ends in the same way.
func TestVersionCannotRun(t *testing.T) {
	t.Parallel()
	for program, next := range map[string]string{"s6-tlsserver": "s6-tlsd", "s6-tlsclient": "s6-tlsc", "s6-tlsd": "s6-tlsd-io",
		"s6-tlsc": "s6-tlsc-io", "s6-ucspitlsd": "s6-tlsd-io", "s6-ucspitlsc": "s6-tlsc-io"} {
		for _, way := range entrytest.Unrunnable {
			dir := copied(t, program)
			if err := way.Make(filepath.Join(dir, next)); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(dir, program), "--version")
			out, _ := cmd.CombinedOutput()
			want := program + ": fatal: cannot run " + dir + "/" + next + ": " + way.Why.Error() + "\n"
			if code := cmd.ProcessState.ExitCode(); code != way.Code || !strings.HasSuffix(string(out), want) {
				t.Errorf("%s, %s: exit %d, %s", program, way.Name, code, out)
			}
		}
	}
}

// copied is a directory with nothing but a copy of program.
func copied(t *testing.T, program string) string {
	t.Helper()
	dir := scratchFolder(t)
	if err := entrytest.CopyProgram(filepath.Join(dir, program), filepath.Join(bin, program)); err != nil {
		t.Fatal(err)
	}
	return dir
}
