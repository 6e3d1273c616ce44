package option

import "strings"

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
