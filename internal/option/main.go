package option

import "ucspitls/internal/diag"

// Main is the frame of every program: it reads the command line, words being
// os.Args, serves --help, --version and wrong usage, runs body with the
// values and operands (also for what else a program can show), and ends the program. It does not return.
func (t *Table) Main(words []string, version func() error, body func(*diag.Printer, *Values, []string) error) {
	p := &diag.Printer{Name: t.Program, Verbosity: diag.Normal}
	p.Run(func() error {
		v, operands, err := t.Parse(words[min(1, len(words)):])
		if err != nil {
			return err
		}
		p.Verbosity = uint(v.Number(Verbosity))
		switch show := v.Number(Show); {
		case show == ShowHelp:
			return diag.Out(t.Help())
		case show == ShowVersion:
			return version()
		case len(operands) < t.Min && show == ShowNothing:
			return p.Usage(t.Synopsis())
		}
		return body(p, v, operands)
	})
}
