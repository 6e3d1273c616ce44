// Package man holds the manual pages. Its tests hold them, and the other
// texts, to what the programs say about themselves.
package man

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/test/need"
)

// What kind of program a page is about.
type kind int

const (
	io kind = iota
	delayed
	immediate
	server
	client
	keys
	shared
)

var programs = []struct {
	table   *option.Table
	section string // 8: for administrators, 1: for everybody
	kind    kind
	side    string // as in ucspi.Variable.Reader
}{
	{&option.UCSPITLSD, "8", delayed, "server"},
	{&option.TLSD, "8", immediate, "server"},
	{&option.TLSDIO, "8", io, "server"},
	{&option.TLSServer, "8", server, "server"},
	{&option.UCSPITLSC, "1", delayed, "client"},
	{&option.TLSC, "1", immediate, "client"},
	{&option.TLSCIO, "1", io, "client"},
	{&option.TLSClient, "1", client, "client"},
	{&option.TicketKeys, "8", keys, "none"},
	{&option.TLSDIOD, "8", shared, "server"},
}

// exitCodes are those that a page must list.
var exitCodes = map[kind][]int{
	io:        {diag.OK, diag.Config, diag.Setup, diag.TLS, diag.Usage, diag.Bug, diag.System},
	delayed:   {diag.Usage, diag.Bug, diag.System, diag.NotExecutable, diag.NotFound},
	immediate: {diag.Config, diag.Setup, diag.TLS, diag.Usage, diag.Bug, diag.System, diag.NotExecutable, diag.NotFound, diag.Signal},
	server:    {diag.OK, diag.Config, diag.Usage, diag.Bug, diag.System, diag.NotExecutable, diag.NotFound},
	client:    {diag.Usage, diag.Bug, diag.System, diag.NotExecutable, diag.NotFound},
	shared:    {diag.OK, diag.Config, diag.Setup, diag.Usage, diag.Bug, diag.System},
	keys:      {diag.OK, diag.Config, diag.Usage, diag.Bug, diag.System},
}

// sections that every program's page has, in mdoc(7)'s order.
var sections = []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "DIFFERENCES FROM S6-NETWORKING", "SEE ALSO"}

// A page is mdoc source by section, in lines; order is that of the sections.
type page struct {
	text  string
	order []string
	lines map[string][]string
}

func readPage(t *testing.T, file string) page {
	t.Helper()
	p := page{text: read(t, file), lines: map[string][]string{}}
	at := ""
	for line := range strings.Lines(p.text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, ".Sh "); ok {
			at = name
			p.order = append(p.order, at)
			continue
		}
		p.lines[at] = append(p.lines[at], line)
	}
	return p
}

// items are the heads of a section's lists that begin with the macro, without
// ".It "; after a subsection is named only those in it.
func (p page) items(section, subsection, macro string) (found []string) {
	in := subsection == ""
	for _, line := range p.lines[section] {
		if name, ok := strings.CutPrefix(line, ".Ss "); ok && subsection != "" {
			in = name == subsection
		}
		if item, ok := strings.CutPrefix(line, ".It "); ok && in && strings.HasPrefix(item, macro) {
			found = append(found, item)
		}
	}
	return found
}

// flags are all options that a page speaks of, without the first dash.
func (p page) flags() (found []string) {
	for line := range strings.Lines(p.text) {
		if !strings.HasPrefix(line, ".") {
			continue
		}
		in := false
		for _, word := range strings.Fields(line[1:]) {
			switch {
			case word == "Fl":
				in = true
			case strings.Contains("|,.;:()", word): // Fl goes on behind these
			case slices.Contains([]string{"Ar", "Ns", "No", "Op", "It", "Em", "Pq", "Ql", "Xr", "Ev"}, word):
				in = false
			case in:
				found = append(found, word)
			}
		}
	}
	return found
}

// synopsis is the page's in the form of the usage line.
func (p page) synopsis(name string) string {
	s := name
	for _, line := range p.lines["SYNOPSIS"] {
		if op, ok := strings.CutPrefix(line, ".Op "); ok {
			flag := false
			s += " ["
			for _, word := range strings.Fields(op) {
				switch word {
				case "Fl":
					flag = true
				case "Ar":
					flag = false
				case "|":
					s += " |"
				default:
					s += " "
					if flag {
						s += "-"
					}
					s += word
				}
			}
			s += " ]"
		} else if operands, ok := strings.CutPrefix(line, ".Ar "); ok {
			s += " " + strings.ReplaceAll(operands, " ...", "...")
		}
	}
	return s
}

// head is the list head of an option.
func head(o option.Option) string {
	var parts []string
	if o.Short != 0 {
		part := "Fl " + string(rune(o.Short))
		if o.Arg != "" {
			part += " Ar " + o.Arg
		}
		parts = append(parts, part)
	}
	part := "Fl -" + o.Long
	if o.Arg != "" {
		part += " Ns = Ns Ar " + o.Arg
	}
	return strings.Join(append(parts, part), " , ")
}

func TestPages(t *testing.T) {
	for _, program := range programs {
		name := program.table.Program
		t.Run(name, func(t *testing.T) {
			p := readPage(t, name+"."+program.section)
			if want := ".Dt " + strings.ToUpper(name) + " " + program.section + "\n"; !strings.Contains(p.text, want) {
				t.Errorf("no %q", want)
			}
			if !slices.Equal(p.order, sections) {
				t.Errorf("sections %q, want %q", p.order, sections)
			}
			if got, want := p.synopsis(name), program.table.Synopsis(); got != want {
				t.Errorf("synopsis\n%s, want\n%s", got, want)
			}

			heads := []string{"Fl -help", "Fl -version"}
			known := []string{"-help", "-version"}
			for _, group := range program.table.Groups {
				for _, o := range group {
					heads = append(heads, head(o))
					known = append(known, "-"+o.Long, string(rune(o.Short)))
				}
			}
			same(t, "option", p.items("OPTIONS", "", "Fl"), heads)
			for _, flag := range p.flags() {
				if !slices.Contains(known, flag) {
					t.Errorf("-%s is not an option of this program", flag)
				}
			}

			var codes []string
			for _, c := range exitCodes[program.kind] {
				codes = append(codes, strconv.Itoa(c))
			}
			same(t, "exit code", codesOf(p), codes)

			var variables []string
			for _, v := range ucspi.Variables {
				if program.kind == keys { // reads none
					break
				}
				if v.Reader == "both" || v.Reader == program.side || v.Reader == "wrapper" && program.side == "server" && program.kind != io && program.kind != shared {
					variables = append(variables, v.Name)
				}
				if v.Pairs && program.side == "server" {
					variables = append(variables, v.Name+":x")
				}
			}
			same(t, "variable", names(p.items("ENVIRONMENT", "Read", "Ev")), variables)

			written := names(p.items("ENVIRONMENT", "Written", "Ev"))
			for _, v := range map[kind][]string{
				delayed:   {ucspi.CtlFD, ucspi.ReadFD, ucspi.WriteFD},
				immediate: {ucspi.Protocol, ucspi.Cipher, ucspi.ServerName, ucspi.PeerCertHash, ucspi.PeerCertSubject, ucspi.NegotiatedALPN},
				server:    {"TCPCONNNUM", "TCPREMOTEIP"},
				client:    {"TCPREMOTEIP"},
			}[program.kind] {
				if !slices.Contains(written, v) {
					t.Errorf("%s is not among what is written: %q", v, written)
				}
			}
		})
	}
}

// codesOf are the exit codes in a page: "126 , 127", "128+ Ns Ar N".
func codesOf(p page) (codes []string) {
	for _, item := range p.items("EXIT STATUS", "", "") {
		for _, word := range strings.Fields(item) {
			if word = strings.TrimSuffix(word, "+"); word[0] >= '0' && word[0] <= '9' {
				codes = append(codes, word)
			}
		}
	}
	return codes
}

// names takes the variables out of list heads: "Ev A , Ev B:\& Ns Ar x".
func names(heads []string) (found []string) {
	for _, h := range heads {
		for part := range strings.SplitSeq(h, " , ") {
			part = strings.TrimPrefix(part, "Ev ")
			found = append(found, strings.Replace(part, `:\& Ns Ar x`, ":x", 1))
		}
	}
	return found
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("the page lacks the %s %q", what, w)
		}
	}
	for i, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("the page has the %s %q, the program has not", what, g)
		}
		if slices.Contains(got[:i], g) {
			t.Errorf("the page has the %s %q twice", what, g)
		}
	}
}

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

func TestLint(t *testing.T) {
	mandoc := need.Program(t, "mandoc", "mandoc")
	pages, _ := filepath.Glob("*.[0-9]")
	// Its database of installed pages is not ours: references are checked above.
	out, err := exec.Command(mandoc, append([]string{"-T", "lint"}, pages...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "referenced manual not found") {
			t.Error(line)
		}
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
}

// texts are all pages and documents.
func texts(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"*.[0-9]", "../*.md", "../doc/*.md", "../test/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
