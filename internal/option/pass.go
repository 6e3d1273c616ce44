package option

import "ucspitls/internal/words"

// A Passed is an option that is passed on to the next program of the chain,
// where a field has that value.
type Passed struct {
	Rule
	Word string
	kind passedKind
	side Sides // whose programs have it
}

// Sides are the server's, the client's, or both.
type Sides uint8

const (
	OfServer Sides = 1 << iota
	OfClient
	OfBoth = OfServer | OfClient
)

type passedKind uint8

const (
	flag   passedKind = iota
	apart             // the argument is the next word
	joined            // it is in the same word
)

// ForIO is what an -io needs to know, and nothing else.
var ForIO = [...]Passed{
	{Rule{Verbosity, Argument}, "-v", apart, OfBoth},
	{Rule{CloseNotify, 1}, "-S", flag, OfBoth},
	{Rule{Enforce, 1}, "-J", flag, OfBoth},
	{Rule{Timeout, Argument}, "-K", apart, OfBoth},
	{Rule{ClientCert, ClientCertOptional}, "-Y", flag, OfServer},
	{Rule{ClientCert, ClientCertMandatory}, "-y", flag, OfServer},
	{Rule{SNILevel, SNIOn}, "--sni", flag, OfServer},
	{Rule{SNILevel, SNIMandatory}, "--mandatory-sni", flag, OfServer},
	{Rule{SendCert, 1}, "-y", flag, OfClient},
	{Rule{NoVerifyCert, 1}, "--no-verify-cert", flag, OfClient},
	// One word: a name that begins with a dash stays a name.
	{Rule{ServerName, Argument}, "-k", joined, OfClient},
}

// forWrapper is what a wrapper needs besides.
var forWrapper = [...]Passed{
	{Rule{Keep, 1}, "-Z", flag, OfBoth},
	{Rule{DropUID, Argument}, "--uid=", joined, OfServer},
	{Rule{DropGID, Argument}, "--gid=", joined, OfServer},
	{Rule{DropGroups, Argument}, "--gidlist=", joined, OfServer},
	{Rule{DropFromEnv, 1}, "--envuidgid", flag, OfServer},
}

// Passes reports whether p is passed on by a program of that side.
func (v *Values) Passes(p *Passed, side Sides) bool {
	switch {
	case p.side&side == 0:
		return false
	case p.To == SNILevel:
		return v.SNI() == p.Value
	case p.Value != Argument:
		return v.Number(p.To) == p.Value
	case p.To == Verbosity:
		return v.Number(Verbosity) != 1
	case p.To == Timeout:
		return v.Number(Timeout) != 0
	case p.To == ServerName:
		return v.Text(ServerName) != ""
	}
	return v.Has(p.To)
}

// Argument is the argument of p: with Apart it is a word of its own.
func (v *Values) Argument(p *Passed, room *words.Digits) (s string, isApart bool) {
	switch {
	case p.kind == flag:
		return "", false
	case kinds[p.To].form == number:
		return room.Format(uint64(v.Number(p.To))), p.kind == apart
	}
	return v.Text(p.To), p.kind == apart
}

func (v *Values) pass(args []string, list []Passed, side Sides) []string {
	for i := range list {
		p := &list[i]
		if !v.Passes(p, side) {
			continue
		}
		var room words.Digits
		argument, apart := v.Argument(p, &room)
		if apart {
			args = append(args, p.Word, string([]byte(argument)))
		} else {
			args = append(args, p.Word+argument)
		}
	}
	return args
}

// ServerIO is the command line, without the name, of s6-tlsd-io.
func (v *Values) ServerIO() []string { return v.pass(nil, ForIO[:], OfServer) }

// ClientIO gives the arguments of s6-tlsc-io.
func (v *Values) ClientIO() []string { return v.pass(nil, ForIO[:], OfClient) }

// ServerWrapper is the command line, without the name, that s6-tlsd or
// s6-ucspitlsd gets from s6-tlsserver.
func (v *Values) ServerWrapper() []string { return v.pass(v.ServerIO(), forWrapper[:], OfServer) }

// ClientWrapper is what s6-tlsc gets from s6-tlsclient. With no server's name it
// gets name, if there is one.
func (v *Values) ClientWrapper(name string) []string {
	args := v.ClientIO()
	if name != "" && v.Text(ServerName) == "" {
		args = append(args, "-k"+name)
	}
	return v.pass(args, forWrapper[:], OfClient)
}
