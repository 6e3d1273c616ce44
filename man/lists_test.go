package man

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ucspitls/internal/ucspi"
)

// Every program has a page, and no page is about something else.
func TestComplete(t *testing.T) {
	var pages []string
	for _, p := range programs {
		pages = append(pages, p.table.Program+"."+p.section)
	}
	found, err := filepath.Glob("*.[0-9]")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "file", found, append(pages, "ucspitls.7"))
	commands, err := filepath.Glob("../cmd/s6-*")
	if err != nil || len(commands) == 0 {
		t.Fatal("no programs", err)
	}
	for _, c := range commands {
		if name := filepath.Base(c); !slices.Contains(pages, name+".1") && !slices.Contains(pages, name+".8") {
			t.Errorf("%s has no page", name)
		}
	}
}

// The overview tells every exit code that there is.
func TestAllCodes(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../internal/diag/diag.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST || g.Specs[0].(*ast.ValueSpec).Names[0].Name != "OK" {
			continue
		}
		for _, s := range g.Specs {
			literal := s.(*ast.ValueSpec).Values[0].(*ast.BasicLit)
			codes = append(codes, constant.MakeFromLiteral(literal.Value, literal.Kind, 0).ExactString())
		}
	}
	if len(codes) == 0 {
		t.Fatal("no exit codes in internal/diag")
	}
	same(t, "exit code", codesOf(readPage(t, "ucspitls.7")), codes)
}

// Nowhere a variable that there is not.
func TestVariables(t *testing.T) {
	word := regexp.MustCompile(`\b(?:TLS_|SSL_?)[A-Z][A-Z0-9_]*`)
	for _, file := range texts(t) {
		for _, name := range word.FindAllString(read(t, file), -1) {
			switch {
			case ucspi.IsConfiguration(name), ucspi.IsIdentity(name), ucspi.IsChannel(name):
			case name == "SSL_CERT_FILE", name == "SSL_CERT_DIR", strings.HasPrefix(name, "TLS_AES_"):
			default:
				t.Errorf("%s: unknown variable %s", file, name)
			}
		}
	}
}

// References between the pages.
func TestReferences(t *testing.T) {
	refs := regexp.MustCompile(`(?m)^\.(?:It .*)?Xr (\S+) (\d)|Ta Xr (\S+) (\d)`)
	pages, _ := filepath.Glob("*.[0-9]")
	for _, file := range pages {
		for _, m := range refs.FindAllStringSubmatch(read(t, file), -1) {
			if target := m[1] + m[3] + "." + m[2] + m[4]; !slices.Contains(pages, target) {
				t.Errorf("%s refers to %s, which is not here", file, target)
			}
		}
	}
}
