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
package option

import (
	"strconv"
	"strings"

	"ucspitls/engine/diag"
)

// An Option is one row of a table. For a flag the value is empty.
type Option struct {
	Short byte   // 0: long only
	Long  string // without the dashes
	Arg   string // name of the argument in the usage line; empty: a flag
	Help  string
	Set   Effect
}

// A Table describes a program's command line.
type Table struct {
	Program  string
	Groups   [][]Option // alternatives stand in one group: [ -S | -s ]
	Operands string     // "prog..."
	Min      int        // how many operands there must be at least
}

// Synopsis is the usage line without "NAME: usage: ". Long-only options are left out.
func (t *Table) Synopsis() string {
	b := t.Program
	for _, group := range t.Groups {
		sep := " [ "
		for i := range group {
			o := &group[i]
			if o.Short == 0 {
				continue
			}
			b += sep + "-" + string(rune(o.Short))
			if o.Arg != "" {
				b += " " + o.Arg
			}
			sep = " | "
		}
		if sep != " [ " {
			b += " ]"
		}
	}
	return b + " " + t.Operands
}

// Help is the text of --help.
func (t *Table) Help() string {
	b := "usage: " + t.Synopsis() + "\n\n"
	for _, group := range t.Groups {
		for i := range group {
			o := &group[i]
			left := "  "
			if o.Short != 0 {
				left += "-" + string(rune(o.Short))
				if o.Arg != "" {
					left += " " + o.Arg
				}
				left += ", "
			}
			left += "--" + o.Long
			if o.Arg != "" {
				left += "=" + o.Arg
			}
			if pad := 44 - len(left); pad > 0 {
				left += strings.Repeat(" ", pad)
			}
			b += left + "  " + o.Help + "\n"
		}
	}
	return b + "  --help" + strings.Repeat(" ", 38) + "print this text\n" +
		"  --version" + strings.Repeat(" ", 35) + "print version, backend and library\n"
}

// Parse reads words, the command line without the program's name, and returns
// the settings and the operands. The error is a *diag.Error of code 100.
// --help and --version set Settings.Show and end the parsing.
func (t *Table) Parse(words []string) (*Settings, []string, error) {
	s := &Settings{Verbosity: diag.Normal, ReadFD: 6, WriteFD: 7}
	for len(words) > 0 {
		w := words[0]
		if len(w) < 2 || w[0] != '-' {
			break
		}
		words = words[1:]
		if w == "--" {
			break
		}
		var err error
		if w[1] == '-' {
			err = t.long(s, w[2:])
		} else {
			words, err = t.short(s, w[1:], words)
		}
		if err != nil {
			return nil, nil, err
		}
		if s.Show != ShowNothing {
			return s, nil, nil
		}
	}
	if s.ReadFD == s.WriteFD {
		return nil, nil, diag.Fail(diag.Usage, "read-fd and write-fd must be different")
	}
	return s, words, nil
}

func (t *Table) long(s *Settings, w string) error {
	name, value, hasValue := strings.Cut(w, "=")
	if name == "" {
		return diag.Fail(diag.Usage, "invalid option: --", w)
	}
	o := t.find(func(o *Option) bool { return o.Long == name && (o.Arg != "") == hasValue })
	switch {
	case o != nil:
		return o.apply(s, value)
	case hasValue:
		return diag.Fail(diag.Usage, "unrecognized option with argument: --", w)
	case w == "help":
		s.Show = ShowHelp
		return nil
	case w == "version":
		s.Show = ShowVersion
		return nil
	}
	if o = t.find(func(o *Option) bool { return o.Long == name }); o != nil {
		return diag.Fail(diag.Usage, "option --", name, " needs an argument: --", name, "=", o.Arg)
	}
	return diag.Fail(diag.Usage, "unrecognized boolean option: --", w)
}

func (t *Table) short(s *Settings, flags string, rest []string) ([]string, error) {
	for flags != "" {
		c := flags[0]
		flags = flags[1:]
		o := t.find(func(o *Option) bool { return o.Short == c && c != 0 })
		if o == nil {
			return nil, diag.Fail(diag.Usage, "unrecognized short option: ", string([]byte{c}))
		}
		value := ""
		if o.Arg != "" {
			switch {
			case flags != "":
				value, flags = flags, ""
			case len(rest) > 0 && rest[0] != "--":
				value, rest = rest[0], rest[1:]
			default:
				return nil, diag.Fail(diag.Usage, "option -", string([]byte{c}), " needs an argument: ", o.Arg)
			}
		}
		if err := o.apply(s, value); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func (t *Table) find(match func(*Option) bool) *Option {
	for _, group := range t.Groups {
		for i := range group {
			if match(&group[i]) {
				return &group[i]
			}
		}
	}
	return nil
}

// Number reads decimal digits, 0 to 4294967295: no sign, no space, no prefix.
func Number(s string) (uint32, bool) {
	if s == "" {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// ID is Number for a user or a group. The highest number is none: to the kernel
// it means "leave it as it is".
func ID(s string) (uint32, bool) {
	n, ok := Number(s)
	return n, ok && n != 1<<32-1
}

func number(to *uint32, name, value string) error {
	n, ok := Number(value)
	if !ok {
		return diag.Fail(diag.Usage, name, " must be an unsigned integer")
	}
	*to = n
	return nil
}
