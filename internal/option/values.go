package option

import (
	"ucspitls/internal/line"
	"ucspitls/internal/words"
)

// A Field is a setting.
type Field int

const (
	CloseNotify Field = iota
	Enforce
	ClientCert
	SNIFlag
	SNILevel
	SendCert
	NoVerifyCert
	ServerName
	Timeout
	Verbosity
	Keep
	NotifyFD
	ReadFD
	WriteFD
	DropUID
	DropGID
	DropGroups
	DropFromEnv
	UIDs

	Proxy
	Announce
	MaxConns
	MaxEach
	CountTunnels
	Backlog
	Strict
	Paranoid
	Banner
	NetTimeout
	RulesDir
	RulesFile
	Delayed
	NoDelay
	NoDNS
	Hosts
	Ident
	LocalName
	IPv4
	IPv6
	NoQualify
	LocalIP
	LocalPort
	ConnTimeouts

	Previous
	IfOlder
	Every

	Show
	Fields // how many there are
)

// A Rule is what an option does: field To becomes Value or, if that is Argument,
// what the option's argument says.
type Rule struct {
	To    Field
	Value uint32
}

// Argument is no value of any field.
const Argument = ^uint32(0)

// A kind is what an argument may be.
type kind struct {
	form     form
	min, max uint32 // of a number, or of the bytes of a text
	must     string // what is said if it is not
}

type form uint8

const (
	number form = iota
	text
	list // ids with commas between them; list0 may be empty
	list0
	pair // a number, or two with a plus between them
)

const (
	whole = "must be an unsigned integer"
	// MustBeIDs is what a list of ids must be.
	MustBeIDs = "must be a comma list of unsigned integers"
	anyText   = ^uint32(0)

	maxBanner = 1024      // fits into the send buffer of a fresh connection
	maxKeys   = 31        // with the current key half of what a file may hold
	maxID     = 1<<32 - 2 // the highest number is none: to the kernel it means "leave it as it is"
)

// kinds are the fields that are not plain numbers.
var kinds = [Fields]kind{
	ServerName:   {text, 0, anyText, ""},
	ReadFD:       {number, 3, 1 << 30, whole + " (3 or more)"},
	WriteFD:      {number, 3, 1 << 30, whole + " (3 or more)"},
	DropUID:      {number, 0, maxID, whole},
	DropGID:      {number, 0, maxID, whole},
	DropGroups:   {list0, 0, maxID, MustBeIDs},
	UIDs:         {list, 0, maxID, "must be a comma list of numeric ids"},
	Banner:       {text, 0, maxBanner, "must not be longer than 1024 bytes"},
	RulesDir:     {text, 0, anyText, ""},
	RulesFile:    {text, 0, anyText, ""},
	LocalName:    {text, 0, anyText, ""},
	LocalIP:      {text, 0, anyText, ""},
	LocalPort:    {number, 0, 65535, "must be a port number"},
	ConnTimeouts: {pair, 0, 1<<32 - 1, "must be x+y, in seconds"},
	Previous:     {number, 0, maxKeys, whole + " (31 at most)"},
	Every:        {number, 1, 1<<32 - 1, "must be a number of seconds (1 or more)"},
}

// Values is what a command line said. It holds no pointer, and can be made
// before the Go runtime runs: what is a word stays where it is.
type Values struct {
	Words    words.List // the command line, with the program's name
	Operands int        // index of the first operand

	values [Fields]uint64 // a number; of a word its index and where in it the text begins
	given  uint64         // the fields for which there was an option
}

// Number is the value of a field that is a number.
func (v *Values) Number(f Field) uint32 { return uint32(v.values[f]) }

// Is reports whether a flag is set.
func (v *Values) Is(f Field) bool { return v.values[f] != 0 }

// Has reports whether there was an option for the field.
func (v *Values) Has(f Field) bool { return v.given>>uint(f)&1 != 0 }

// Text is the value of a field that is a text, or "".
func (v *Values) Text(f Field) string {
	if !v.Has(f) {
		return ""
	}
	return v.Words.At(int(v.values[f] >> 32))[uint32(v.values[f]):]
}

// SNI is the level in force: -k beats the flags.
func (v *Values) SNI() uint32 {
	if v.Has(SNILevel) {
		return min(v.Number(SNILevel), SNIMandatory)
	}
	return v.Number(SNIFlag)
}

func (v *Values) set(f Field, n uint64) {
	v.values[f] = n
	v.given |= 1 << uint(f)
}

// take takes the argument of o, which is in a word from some place on.
func (v *Values) take(o *Option, word, from int) Problem {
	k := &kinds[o.Rule.To]
	s := v.Words.At(word)[from:]
	n, ok := uint64(word)<<32|uint64(from), true
	switch k.form {
	case number:
		var m uint32
		m, ok = words.Number(s)
		ok = ok && m >= k.min && (m <= k.max || k.must == "")
		n = uint64(m)
	case text:
		ok = uint64(len(s)) <= uint64(k.max)
	case list0:
		ok = s == "" || IsList(s)
	case list:
		ok = IsList(s)
	case pair:
		a, b, two := words.Cut(s, '+')
		_, ok = words.Number(a)
		if two && ok {
			_, ok = words.Number(b)
		}
	}
	if !ok {
		return Problem{Kind: badArgument, Option: o}
	}
	v.set(o.Rule.To, n)
	return Problem{}
}

// ID is Number for a user or a group.
func ID(s string) (uint32, bool) {
	n, ok := words.Number(s)
	return n, ok && n <= maxID
}

// IsList reports whether s is a list of ids with commas between them.
func IsList(s string) bool {
	for more := true; more; {
		var item string
		item, s, more = words.Cut(s, ',')
		if _, ok := ID(item); !ok {
			return false
		}
	}
	return true
}

// A Problem is what is wrong with a command line; the zero value is nothing.
type Problem struct {
	Kind   Wrong
	Option *Option // if one is known
	Word   string
}

// Wrong is a kind of problem.
type Wrong uint8

const (
	Nothing Wrong = iota
	badShort
	badFlag
	badLong
	badName
	noArgument // of a short option
	noValue    // of a long one
	badArgument
	sameFD
)

// begins is how the line about a word begins.
var begins = [...]string{
	badShort: "unrecognized short option: ",
	badFlag:  "unrecognized boolean option: --",
	badLong:  "unrecognized option with argument: --",
	badName:  "invalid option: --",
}

// Say adds what is wrong to a line.
func (p *Problem) Say(l *line.Line) {
	switch p.Kind {
	case badShort, badFlag, badLong, badName:
		l.Add(begins[p.Kind])
		l.Add(p.Word)
	case noArgument:
		l.Add("option -")
		l.Add(p.Word)
		l.Add(" needs an argument: ")
		l.Add(p.Option.Arg)
	case noValue:
		l.Add("option --")
		l.Add(p.Option.Long)
		l.Add(" needs an argument: --")
		l.Add(p.Option.Long)
		l.Add("=")
		l.Add(p.Option.Arg)
	case badArgument:
		l.Add(p.Option.Long)
		l.Add(" ")
		must := kinds[p.Option.Rule.To].must
		if must == "" {
			must = whole
		}
		l.Add(must)
	case sameFD:
		l.Add("read-fd and write-fd must be different")
	}
}
