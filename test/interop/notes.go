package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// A Note is a line of differences.txt: what is as it is, and why.
//
//	differs FIELD SELECTOR : REASON   the backends are not alike in FIELD
//	fails SELECTOR : REASON           a peer can't do what the cell asks for
type Note struct {
	Kind   string // differs, fails
	Field  string // of differs
	Where  selector
	Text   string // the selector as written
	Reason string
	Line   int
	used   bool
}

// compared are the fields in which backends are compared.
var compared = []string{"exit", "line", "blob", "bytes", "alert", "group", "end"}

func readNotes(path string) ([]*Note, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var notes []*Note
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		note, err := parseNote(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		note.Line = n
		notes = append(notes, note)
	}
	return notes, lines.Err()
}

func parseNote(text string) (*Note, error) {
	head, reason, ok := strings.Cut(text, " : ")
	reason = strings.TrimSpace(reason)
	if !ok || reason == "" {
		return nil, fmt.Errorf("there is no \" : \" with a reason behind it")
	}
	kind, rest, _ := strings.Cut(strings.TrimSpace(head), " ")
	n := &Note{Kind: kind, Reason: reason}
	switch kind {
	case "fails":
	case "differs":
		n.Field, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
		if !contains(compared, n.Field) {
			return nil, fmt.Errorf("%q is none of %s", n.Field, strings.Join(compared, " "))
		}
	default:
		return nil, fmt.Errorf("a line begins with \"differs\" or \"fails\", not with %q", kind)
	}
	n.Text = strings.TrimSpace(rest)
	if n.Text == "" {
		return nil, fmt.Errorf("nothing says where")
	}
	var err error
	n.Where, err = parseSelector(n.Text)
	return n, err
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// explain gives the reason why a cell is unexpected, or why the backends
// differ in a field; "" for none.
func explain(notes []*Note, kind, field string, c *Cell) string {
	for _, n := range notes {
		if n.Kind == kind && n.Field == field && n.Where.match(c) {
			n.used = true
			return n.Reason
		}
	}
	return ""
}
