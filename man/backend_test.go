package man

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const newBackend = "../doc/new-backend.md"

// TestNewBackendNames: doc/new-backend.md names what there is in the packages
// for other modules, and all scenarios that it names run.
func TestNewBackendNames(t *testing.T) {
	known := map[string]bool{}
	for pkg, dir := range map[string]string{"backend": "../backend", "backendtest": "../backend/backendtest", "pki": "../backend/backendtest/pki",
		"cryptotls": "../backend/cryptotls", "engine": "../engine"} {
		for name := range exported(t, dir) {
			known[pkg+"."+name] = true
		}
	}
	named := 0
	for _, name := range regexp.MustCompile(`\b(?:backend|backendtest|pki|cryptotls|engine)(?:\.[A-Z]\w*)+`).FindAllString(codeIn(read(t, newBackend)), -1) {
		if named++; !known[name] {
			t.Errorf("%s: there is no %s", newBackend, name)
		}
	}
	scenarios := regexp.MustCompile(`(?m)^\t\t\{"([a-z0-9-]+)", suite\.`).FindAllStringSubmatch(read(t, "../backend/backendtest/run.go"), -1)
	_, table, _ := strings.Cut(read(t, newBackend), "| scenarios |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, m := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(table, -1) {
		if named++; !slices.ContainsFunc(scenarios, func(s []string) bool { return s[1] == m[1] }) {
			t.Errorf("%s: there is no scenario %s", newBackend, m[1])
		}
	}
	if named < 50 {
		t.Errorf("%d names in %s", named, newBackend)
	}
}

// exported are the names of a package: Name, and Type.Member.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				prefix := ""
				if d.Recv != nil {
					typ := d.Recv.List[0].Type
					if star, ok := typ.(*ast.StarExpr); ok {
						typ = star.X
					}
					prefix = typ.(*ast.Ident).Name + "."
				}
				names[prefix+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
						for _, m := range members(s.Type) {
							names[s.Name.Name+"."+m] = true
						}
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

func members(typ ast.Expr) (names []string) {
	var list *ast.FieldList
	switch typ := typ.(type) {
	case *ast.StructType:
		list = typ.Fields
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
	}
	return names
}

// TestNewBackendCode: the code of doc/new-backend.md is the example's, line by line.
func TestNewBackendCode(t *testing.T) {
	lines := map[string]bool{}
	root := "../test/outside/testdata/plaintls"
	for _, pattern := range []string{"/*.go", "/cmd/*/*.go"} {
		files, err := filepath.Glob(root + pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			for line := range strings.Lines(read(t, f)) {
				lines[line] = true
			}
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, newBackend), -1)
	if len(blocks) < 4 {
		t.Errorf("%d pieces of code", len(blocks))
	}
	for _, b := range blocks {
		for line := range strings.Lines(b[1]) {
			if !lines[line] {
				t.Errorf("the example does not have: %s", line)
			}
		}
	}
}
