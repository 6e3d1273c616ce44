// Package option is the option grammar of the s6 tools and the option table
// of each program. A table is the source for parsing, the usage line,
// --help and the check of the man pages.
//
// The grammar (skalibs' gol, as measured): the first word that is not an
// option, or "--", ends the options; a lone "-" is not an option; short flags
// bundle; a short option with an argument takes the rest of its word or the
// next word; long flags are --name, long arguments --name=value; nothing is
// abbreviated; the last one wins. Unlike the original, a missing argument is
// an error.
//
// It can be followed before the Go runtime runs, and is by the wrappers: an
// option's effect is data, and nothing is allocated.
package option

import "ucspitls/internal/words"

// An Option is one row of a table. For a flag the value is empty.
type Option struct {
	Short byte   // 0: long only
	Long  string // without the dashes
	Arg   string // name of the argument in the usage line; empty: a flag
	Help  string
	Rule  Rule
}

// A Table describes a program's command line.
type Table struct {
	Program  string
	Groups   [][]Option // alternatives stand in one group: [ -S | -s ]
	Operands string     // "prog..."
	Min      int        // how many operands there must be at least
}

// Parse reads the command line v.Words. --help and --version set Show and end the
// parsing.
func (v *Values) Parse(t *Table) Problem {
	for f := range v.values {
		v.values[f] = 0
	}
	v.given = 0
	v.values[Verbosity], v.values[ReadFD], v.values[WriteFD] = 1, 6, 7
	v.values[MaxConns], v.values[MaxEach], v.values[Backlog], v.values[Previous] = 40, 40, maxBacklog, 3
	v.Operands = min(1, v.Words.N)
	for v.Operands < v.Words.N {
		w := v.Words.At(v.Operands)
		if len(w) < 2 || w[0] != '-' {
			break
		}
		v.Operands++
		if w == "--" {
			break
		}
		var p Problem
		if w[1] == '-' {
			p = v.long(t, w[2:])
		} else {
			p = v.short(t, w)
		}
		if p.Kind != Nothing || v.Is(Show) {
			return p
		}
	}
	if v.values[ReadFD] == v.values[WriteFD] {
		return Problem{Kind: sameFD}
	}
	return Problem{}
}

// long takes a long option, which was the last word.
func (v *Values) long(t *Table, w string) Problem {
	name, _, hasValue := words.Cut(w, '=')
	if name == "" {
		return Problem{Kind: badName, Word: w}
	}
	var other *Option // of that name, but with an argument
	for g := range t.Groups {
		group := t.Groups[g]
		for i := range group {
			o := &group[i]
			switch {
			case o.Long != name:
			case o.Arg == "" && !hasValue:
				v.set(o.Rule.To, uint64(o.Rule.Value))
				return Problem{}
			case o.Arg != "" && hasValue:
				return v.take(o, v.Operands-1, len("--=")+len(name))
			case o.Arg != "":
				other = o
			}
		}
	}
	switch {
	case hasValue:
		return Problem{Kind: badLong, Word: w}
	case w == "help":
		v.set(Show, ShowHelp)
	case w == "version":
		v.set(Show, ShowVersion)
	case other != nil:
		return Problem{Kind: noValue, Option: other}
	default:
		return Problem{Kind: badFlag, Word: w}
	}
	return Problem{}
}

// short takes a word of short options, which was the last one.
func (v *Values) short(t *Table, w string) Problem {
	for i := 1; i < len(w); i++ {
		o := t.letter(w[i])
		switch {
		case o == nil:
			return Problem{Kind: badShort, Word: w[i : i+1]}
		case o.Arg == "":
			v.set(o.Rule.To, uint64(o.Rule.Value))
		case i+1 < len(w):
			return v.take(o, v.Operands-1, i+1)
		case v.Operands < v.Words.N && v.Words.At(v.Operands) != "--":
			v.Operands++
			return v.take(o, v.Operands-1, 0)
		default:
			return Problem{Kind: noArgument, Option: o, Word: w[i : i+1]}
		}
	}
	return Problem{}
}

func (t *Table) letter(c byte) *Option {
	for g := range t.Groups {
		group := t.Groups[g]
		for i := range group {
			if group[i].Short == c && c != 0 {
				return &group[i]
			}
		}
	}
	return nil
}

// Number reads decimal digits, 0 to 4294967295: no sign, no space, no prefix.
func Number(s string) (uint32, bool) { return words.Number(s) }
