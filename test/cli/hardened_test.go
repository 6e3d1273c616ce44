//go:build linux

package cli

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// What the C compiler linked, which parses strangers' bytes in C: random
// addresses, functions that are bound at the start in memory that is then
// read-only, checks of the stack and of copies.
func TestHardenedPrograms(t *testing.T) {
	if backendName != "openssl" {
		t.Skip("the other backends are Go alone")
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("not built so on " + runtime.GOARCH)
	}
	for _, name := range []string{"s6-tlsd-io", "s6-tlsc-io", "s6-tlsd-iod"} {
		f, err := elf.Open(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Type != elf.ET_DYN {
			t.Errorf("%s: %v, not position independent", name, f.Type)
		}
		flags, err := f.DynValue(elf.DT_FLAGS)
		flags1, err1 := f.DynValue(elf.DT_FLAGS_1)
		if err != nil || err1 != nil || len(flags) != 1 || len(flags1) != 1 ||
			elf.DynFlag(flags[0])&elf.DF_BIND_NOW == 0 || elf.DynFlag1(flags1[0])&(elf.DF_1_NOW|elf.DF_1_PIE) != elf.DF_1_NOW|elf.DF_1_PIE {
			t.Errorf("%s: flags %x %x, %v, %v", name, flags, flags1, err, err1)
		}
		if text, _ := f.DynValue(elf.DT_TEXTREL); len(text) > 0 {
			t.Errorf("%s: its code is written to at the start", name)
		}
		relro := false
		for _, p := range f.Progs {
			relro = relro || p.Type == elf.PT_GNU_RELRO
			if p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X != 0 {
				t.Errorf("%s: an executable stack", name)
			}
			if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && p.Flags&elf.PF_W != 0 {
				t.Errorf("%s: code that can be written to", name)
			}
		}
		if !relro {
			t.Errorf("%s: no GNU_RELRO", name)
		}
		symbols, err := f.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		wants := func(what string, is func(string) bool) {
			if !slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return is(s.Name) }) {
				t.Errorf("%s: no reference to %s", name, what)
			}
		}
		wants("__stack_chk_fail", func(s string) bool { return s == "__stack_chk_fail" })
		wants("a checked copy (__*_chk)", func(s string) bool { return strings.HasPrefix(s, "__") && strings.HasSuffix(s, "_chk") })
		data, err := os.ReadFile(filepath.Join(bin, name))
		if mark := map[string]string{"amd64": "\xf3\x0f\x1e\xfa", "arm64": "\x3f\x23\x03\xd5"}[runtime.GOARCH]; err != nil || strings.Count(string(data), mark) < 50 {
			t.Errorf("%s: its C code does not mark where it may be jumped to (%v)", name, err)
		}
	}
}
