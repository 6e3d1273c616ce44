package option

import (
	"ucspitls/internal/diag"
	"ucspitls/internal/line"
	"ucspitls/internal/words"
)

// What to print instead of running.
const (
	ShowNothing = iota
	ShowHelp
	ShowVersion
	ShowFingerprints // s6-tlsc-io
)

// SNI levels of the server tools' -k.
const (
	SNIOff       = 0 // one key pair, whatever name is asked for
	SNIOn        = 1 // the pair of the name, else the default one
	SNIMandatory = 2 // a name without a pair is refused
)

// What -y and -Y ask of a client.
const (
	ClientCertNone = iota
	ClientCertOptional
	ClientCertMandatory
)

// Parse reads list, the command line without the program's name, and gives what
// it says and the operands. The error is a *diag.Error of code 100.
func (t *Table) Parse(list []string) (*Values, []string, error) {
	list = append([]string{t.Program}, list...)
	v := &Values{Words: words.Of(list)}
	if p := v.Parse(t); p.Kind != Nothing {
		var l line.Line
		p.Say(&l)
		return nil, nil, &diag.Error{Code: diag.Usage, Text: l.Said()}
	}
	if show := v.Number(Show); show == ShowHelp || show == ShowVersion {
		return v, nil, nil
	}
	return v, list[v.Operands:], nil
}

// Numbers gives the numbers of a list for which IsList is true.
func Numbers(list string) (all []uint32) {
	for more := list != ""; more; {
		var item string
		item, list, more = words.Cut(list, ',')
		n, _ := words.Number(item)
		all = append(all, n)
	}
	return all
}
