// Package man holds the manual pages. Its tests hold them, and the other
// texts, to what the programs say about themselves.
package man

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
