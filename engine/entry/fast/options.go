//go:build linux && (amd64 || arm64)

package fast

import (
	"unsafe"

	"ucspitls/engine/option"
)

// options follows the rules of the command line, argc words from argv on; ok
// is false for whatever is no plain use. operand is the index of prog.
// It says what Table.Parse says; the grammar is explained there.
func (p *plan) options(t *option.Table, argv unsafe.Pointer, argc int) (operand int, ok bool) {
	p.values[option.Verbosity] = 1
	p.values[option.ReadFD] = 6
	p.values[option.WriteFD] = 7
	i := 1
	for i < argc {
		w := text(at(argv, i))
		if len(w) < 2 || w[0] != '-' {
			break
		}
		i++
		if w == "--" {
			break
		}
		if w[1] == '-' {
			if !p.long(t, w[2:]) {
				return 0, false
			}
			continue
		}
		for flags := w[1:]; flags != ""; {
			o := short(t, flags[0])
			if o == nil {
				return 0, false
			}
			value := flags[1:]
			if o.Arg == "" {
				flags = value
				value = ""
			} else {
				flags = ""
				if value == "" {
					if i >= argc {
						return 0, false
					}
					if value = text(at(argv, i)); value == "--" {
						return 0, false
					}
					i++
				}
			}
			if !p.apply(o, value) {
				return 0, false
			}
		}
	}
	return i, argc-i >= t.Min && p.values[option.ReadFD] != p.values[option.WriteFD]
}

func (p *plan) long(t *option.Table, w string) bool {
	name, value, hasValue := w, "", false
	if i := index(w, '='); i >= 0 {
		name, value, hasValue = w[:i], w[i+1:], true
	}
	for g := range t.Groups {
		group := t.Groups[g]
		for i := range group {
			if o := &group[i]; o.Long == name && (o.Arg != "") == hasValue {
				return p.apply(o, value)
			}
		}
	}
	return false
}

func short(t *option.Table, c byte) *option.Option {
	for g := range t.Groups {
		group := t.Groups[g]
		for i := range group {
			if group[i].Short == c {
				return &group[i]
			}
		}
	}
	return nil
}

// apply follows the rule of o. An option that has none is for main.
func (p *plan) apply(o *option.Option, value string) bool {
	rule, ok := o.Set.(option.Rule)
	if !ok {
		return false
	}
	n := rule.Value
	if n == option.Argument {
		if rule.To == option.ServerName {
			p.hasName = value != ""
			p.name.n = 0
			// One word: a name that begins with a dash stays a name.
			p.name.add("-k")
			p.name.add(value)
			p.name.byte(0)
			return !p.name.full
		}
		if n, ok = number(value); !ok {
			return false
		}
		if (rule.To == option.ReadFD || rule.To == option.WriteFD) && (n < option.MinFD || n > option.MaxFD) {
			return false
		}
	}
	if rule.To < 0 || rule.To >= option.Fields {
		return false
	}
	if rule.To == option.SNILevel {
		p.sniGiven = true
	}
	p.values[rule.To] = n
	return true
}

// arguments is the -io's command line. It says what Settings.ServerIO and
// ClientIO say.
func (p *plan) arguments(server bool) {
	p.arg(p.path.from(0))
	p.arg(word("-d\x00"))
	p.arg(word("5\x00"))
	if v := p.values[option.Verbosity]; v != 1 {
		p.arg(word("-v\x00"))
		p.argNumber(v)
	}
	if p.values[option.CloseNotify] != 0 {
		p.arg(word("-S\x00"))
	}
	if p.values[option.Enforce] != 0 {
		p.arg(word("-J\x00"))
	}
	if ms := p.values[option.Timeout]; ms != 0 {
		p.arg(word("-K\x00"))
		p.argNumber(ms)
	}
	if server {
		p.serverArguments()
	} else {
		p.clientArguments()
	}
	p.arg(word("--\x00"))
	p.arg(word("3\x00"))
	p.arg(word("4\x00"))
}

func (p *plan) serverArguments() {
	switch p.values[option.ClientCert] {
	case option.ClientCertOptional:
		p.arg(word("-Y\x00"))
	case option.ClientCertMandatory:
		p.arg(word("-y\x00"))
	}
	switch p.sni() {
	case option.SNIMandatory:
		p.arg(word("--mandatory-sni\x00"))
	case option.SNIOn:
		p.arg(word("--sni\x00"))
	}
}

// sni is Settings.SNI.
func (p *plan) sni() uint32 {
	level := p.values[option.SNIFlag]
	if p.sniGiven {
		level = p.values[option.SNILevel]
	}
	return min(level, option.SNIMandatory)
}

func (p *plan) clientArguments() {
	if p.values[option.SendCert] != 0 {
		p.arg(word("-y\x00"))
	}
	if p.values[option.NoVerifyCert] != 0 {
		p.arg(word("--no-verify-cert\x00"))
	}
	if p.hasName {
		p.arg(p.name.from(0))
	}
}

func (p *plan) arg(c uintptr) {
	p.ioArgv[p.ioArgc] = c
	p.ioArgc++
}

func (p *plan) argNumber(n uint32) {
	mark := p.numbers.n
	p.numbers.number(uint64(n))
	p.numbers.byte(0)
	p.arg(p.numbers.from(mark))
}
