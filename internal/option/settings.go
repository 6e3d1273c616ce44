package option

import (
	"time"

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

// Settings is Values for programs that run on the Go runtime.
type Settings struct {
	Values
	Show      int
	Verbosity uint32

	CloseNotify bool // -S
	Enforce     bool // -J
	Timeout     uint32
	Keep        bool // -Z

	ClientCert int // server: one of the constants

	SendCert     bool // client: -y
	NoVerifyCert bool
	ServerName   string // client: -k

	NotifyFD        uint32   // -io: -d; 0 is none
	UIDs            []uint32 // s6-tlsd-iod: -u; nil is the default
	ReadFD, WriteFD int      // client wrappers: -6 and -7

	Net     Net
	Tickets Tickets
}

// Parse reads list, the command line without the program's name, and gives the
// settings and the operands. The error is a *diag.Error of code 100.
func (t *Table) Parse(list []string) (*Settings, []string, error) {
	list = append([]string{t.Program}, list...)
	s := &Settings{}
	s.Words = words.Of(list)
	if p := s.Values.Parse(t); p.Kind != Nothing {
		var l line.Line
		p.Say(&l)
		return nil, nil, &diag.Error{Code: diag.Usage, Text: l.Said()}
	}
	v := &s.Values
	s.Show, s.Verbosity = int(v.Number(Show)), v.Number(Verbosity)
	s.CloseNotify, s.Enforce, s.Timeout, s.Keep = v.Is(CloseNotify), v.Is(Enforce), v.Number(Timeout), v.Is(Keep)
	s.ClientCert, s.SendCert, s.NoVerifyCert, s.ServerName = int(v.Number(ClientCert)), v.Is(SendCert), v.Is(NoVerifyCert), v.Text(ServerName)
	s.NotifyFD, s.ReadFD, s.WriteFD = v.Number(NotifyFD), int(v.Number(ReadFD)), int(v.Number(WriteFD))
	if v.Has(UIDs) {
		s.UIDs = Numbers(v.Text(UIDs))
	}
	s.Net = v.net()
	s.Tickets = Tickets{3, time.Duration(v.Number(IfOlder)) * time.Second, time.Duration(v.Number(Every)) * time.Second}
	if v.Has(Previous) {
		s.Tickets.Previous = int(v.Number(Previous))
	}
	if s.Show == ShowHelp || s.Show == ShowVersion {
		return s, nil, nil
	}
	return s, list[s.Operands:], nil
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
