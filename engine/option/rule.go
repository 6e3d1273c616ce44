package option

import "ucspitls/engine/diag"

// An Effect is what an option does: a Rule where data can say it, otherwise a
// func(s *Settings, value string) error. Data can also be followed before the
// Go runtime runs (engine/entry/fast).
type Effect any

// A Rule is an effect as data: field To becomes Value or, if that is Argument,
// what the option's argument says.
type Rule struct {
	To    Field
	Value uint32
}

// Argument is no value of any field.
const Argument = ^uint32(0)

// A Field is a setting that a rule can change.
type Field int

const (
	CloseNotify Field = iota
	Enforce
	ClientCert
	SNIFlag
	SNILevel
	SendCert
	NoVerifyCert
	ServerName // its argument is kept as it is; all others are numbers
	Timeout
	Verbosity
	Keep
	NotifyFD
	ReadFD
	WriteFD
	Fields // how many there are
)

// A network descriptor's number is within these, on the client side.
const (
	MinFD = 3
	MaxFD = 1 << 30
)

// apply carries out the effect of o.
func (o *Option) apply(s *Settings, value string) error {
	switch set := o.Set.(type) {
	case Rule:
		return set.apply(s, o.Long, value)
	case func(*Settings, string) error:
		return set(s, value)
	}
	return diag.Fail(diag.Bug, "internal error: --", o.Long, " has no effect")
}

func (r Rule) apply(s *Settings, name, value string) error {
	n := r.Value
	if n == Argument {
		switch r.To {
		case ServerName:
			s.ServerName = value
			return nil
		case ReadFD, WriteFD:
			fd, ok := Number(value)
			if !ok || fd < MinFD || fd > MaxFD {
				return diag.Fail(diag.Usage, name, " must be an unsigned integer (3 or more)")
			}
			n = fd
		default:
			if err := number(&n, name, value); err != nil {
				return err
			}
		}
	}
	s.set(r.To, n)
	return nil
}

func (s *Settings) set(to Field, n uint32) {
	switch to {
	case CloseNotify:
		s.CloseNotify = n != 0
	case Enforce:
		s.Enforce = n != 0
	case ClientCert:
		s.ClientCert = int(n)
	case SNIFlag:
		s.sniFlag = n
	case SNILevel:
		s.sniLevel, s.sniGiven = n, true
	case SendCert:
		s.SendCert = n != 0
	case NoVerifyCert:
		s.NoVerifyCert = n != 0
	case Timeout:
		s.Timeout = n
	case Verbosity:
		s.Verbosity = n
	case Keep:
		s.Keep = n != 0
	case NotifyFD:
		s.NotifyFD = n
	case ReadFD:
		s.ReadFD = int(n)
	case WriteFD:
		s.WriteFD = int(n)
	}
}
