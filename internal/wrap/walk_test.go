//go:build linux && (amd64 || arm64) && !race

package wrap_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// outside is every function that is not ours and may be called, with the
// reason. None of them is written in Go but RawSyscall6.
var outside = map[string]string{
	"syscall.RawSyscall6":                          "jumps to the next",
	"internal/runtime/syscall/linux.Syscall6":      "assembly: moves registers, the system call",
	"internal/runtime/syscall/linux.Syscall6.abi0": "",
	"runtime.memequal":                             "assembly: compares memory",
	"memeqbody":                                    "its second half",
}

// never is what the code refers to and can't come to.
var never = map[string]string{
	"runtime.morestack_noctxt.abi0": "a stack that is full: its bound is that of noG, 0",
	"runtime.panicBounds":           "an index out of range: a bug, on which the process dies of SIGSEGV, as there is no g",
}

// A machine is how the disassembly of an architecture looks.
type machine struct {
	call  *regexp.Regexp // a call or a jump to another function: its name
	other *regexp.Regexp // a call or jump that names no function
	g     *regexp.Regexp // an instruction with the register of g
	bound *regexp.Regexp // the only one that there may be: a look at the stack's bound
	frame *regexp.Regexp // what a function takes of the stack
}

var machines = map[string]*machine{
	"amd64": {
		call:  regexp.MustCompile(`^(?:CALL|J[A-Z]+) ([^ ]+)\(SB\)$`),
		other: regexp.MustCompile(`^(?:CALL|JMP) (?:[A-Z0-9]+$|.*\(|\*)`),
		g:     regexp.MustCompile(`\bR14\b|\bFS\b|\bGS\b`),
		bound: regexp.MustCompile(`^CMPQ (SP|R12), 0x10\(R14\)$`),
		frame: regexp.MustCompile(`^(?:SUBQ \$|ADDQ \$-)(0x[0-9a-f]+|\d+), SP$`),
	},
	"arm64": {
		call:  regexp.MustCompile(`^(?:CALL|JMP|B[A-Z.]*) ([^ ]+)\(SB\)$`),
		other: regexp.MustCompile(`^(?:CALL|JMP) \(`),
		g:     regexp.MustCompile(`\bR28\b|\bg\b|TPIDR`),
		bound: regexp.MustCompile(`^MOVD 16\(R28\), R16$`),
		frame: regexp.MustCompile(`^(?:SUB \$|MOVD\.W .*-)(0x[0-9a-f]+|\d+)(?:, RSP, R(?:SP|20)|\(RSP\))$`),
	},
}

// ours begins the names of this module's functions.
const ours = "ucspitls/"

// TestWalk reads the linked programs and follows every call and jump from the
// entry on. It proves, for what the compiler and the linker really made, that
// nothing of the runtime is reached: no allocation, no write barrier, no map,
// no interface method, no other way into it; that the code does nothing with g
// but look at the bound of its stack, which noG has; and that it needs little
// stack and does not recurse.
func TestWalk(t *testing.T) {
	for arch, m := range machines {
		for _, program := range []string{"s6-ucspitlsd", "s6-tlsc"} {
			t.Run(arch+"/"+program, func(t *testing.T) {
				w := &walk{machine: m, functions: disassemble(t, arch, program), depth: map[string]int{}, seen: map[string]bool{}}
				total := w.visit("ucspitls_fast", nil)
				for _, root := range []string{"start", "child", "parent"} {
					total = max(total, w.visit("ucspitls/internal/wrap."+root, nil))
				}
				for _, fault := range w.faults {
					t.Error(fault)
				}
				if len(w.depth) < 30 {
					t.Errorf("only %d functions found", len(w.depth))
				}
				for name, why := range never {
					if !w.seen[name] {
						t.Errorf("%s (%s) is not referred to any more", name, why)
					}
				}
				// The walk does see what is not allowed: the portable path's way.
				w.faults = nil
				for _, name := range []string{"ucspitls/internal/wrap.(*Program).Main", "ucspitls/internal/ucspi.IOEnviron", "ucspitls/internal/wrap.Version"} {
					if w.visit(name, nil); len(w.faults) == 0 {
						t.Errorf("nothing found in %s", name)
					}
					w.faults = nil
				}
				// A page is what every process has.
				if t.Logf("%d functions, %d bytes of stack", len(w.depth), total); total > 4096 {
					t.Errorf("%d bytes of stack", total)
				}
			})
		}
	}
}

type walk struct {
	*machine
	faults    []string
	functions map[string][]string
	depth     map[string]int // of what was visited: bytes of stack from there on
	seen      map[string]bool
}

// visit checks the function name and all that it calls, and gives the stack
// that it needs. path is how it was come to.
func (w *walk) visit(name string, path []string) int {
	if depth, done := w.depth[name]; done {
		return depth
	}
	if slices.Contains(path, name) {
		w.fault("%s calls itself: %v", name, path)
		return 0
	}
	path = append(slices.Clone(path), name)
	code, ok := w.functions[name]
	if !ok {
		w.fault("%s was not found, on the way %v", name, path)
	}
	frame, deepest := 16, 0 // return address, frame pointer
	for _, instruction := range code {
		if w.g.MatchString(instruction) && !w.bound.MatchString(instruction) && name != "ucspitls_fast" {
			w.fault("%s: %q does something with g", name, instruction)
		}
		if strings.Contains(instruction, "writeBarrier") {
			w.fault("%s: a write barrier: %s", name, instruction)
		}
		if f := w.frame.FindStringSubmatch(instruction); f != nil {
			n, _ := strconv.ParseInt(f[1], 0, 64)
			frame += int(n)
		}
		if f := w.call.FindStringSubmatch(instruction); f != nil {
			if f[1] != name { // back to its beginning, from morestack
				deepest = max(deepest, w.follow(name, f[1], path))
			}
		} else if w.other.MatchString(instruction) && name != "ucspitls_fast" {
			w.fault("%s: %q leads somewhere unknown", name, instruction)
		}
	}
	w.depth[name] = frame + deepest
	return frame + deepest
}

func (w *walk) fault(format string, a ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, a...))
}

// follow follows one call or jump.
func (w *walk) follow(from, to string, path []string) int {
	w.seen[to] = true
	_, foreign := outside[to]
	switch {
	case never[to] != "":
		return 0
	case from == "ucspitls_fast" && to == "ucspitls_brief":
		return 0 // the way to main
	case foreign, strings.HasPrefix(to, ours):
		return w.visit(to, path)
	}
	w.fault("%s reaches %s, on the way %v", from, to, path)
	return 0
}

// disassemble gives the instructions of each function of a program.
func disassemble(t *testing.T, arch, program string) map[string][]string {
	exe := filepath.Join(t.TempDir(), program)
	build := exec.Command("go", "build", "-tags", "fastentry", "-o", exe, "-ldflags", "-E ucspitls_fast", "ucspitls/cmd/"+program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("go", "tool", "objdump", "-s", `^ucspitls_|^`+regexp.QuoteMeta(ours)+`|^syscall\.RawSyscall6|syscall/linux\.Syscall6|^runtime\.memequal|^memeqbody`, exe).Output()
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string][]string{}
	name := ""
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "TEXT "); ok {
			name, _, _ = strings.Cut(rest, "(SB)")
			continue
		}
		// FILE:LINE, address, bytes, instruction, with tabs between them.
		if f := strings.FieldsFunc(lines.Text(), func(c rune) bool { return c == '\t' }); len(f) > 3 {
			functions[name] = append(functions[name], strings.TrimSpace(f[3]))
		}
	}
	return functions
}
