package option

import "ucspitls/internal/diag"

// Main is the frame of every program: it reads the command line, words being
// os.Args, serves --help, --version and wrong usage, runs body with the
// settings and operands (also for what else a program can show), and ends the program. It does not return.
func (t *Table) Main(words []string, version func() error, body func(*diag.Printer, *Settings, []string) error) {
	p := &diag.Printer{Name: t.Program, Verbosity: diag.Normal}
	p.Run(func() error {
		s, operands, err := t.Parse(words[min(1, len(words)):])
		if err != nil {
			return err
		}
		p.Verbosity = uint(s.Verbosity)
		switch {
		case s.Show == ShowHelp:
			return diag.Out(t.Help())
		case s.Show == ShowVersion:
			return version()
		case len(operands) < t.Min && s.Show == ShowNothing:
			return p.Usage(t.Synopsis())
		}
		return body(p, s, operands)
	})
}
