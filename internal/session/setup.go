package session

import (
	"os"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/guard"
	"ucspitls/internal/material"
	"ucspitls/internal/option"
	"ucspitls/internal/privilege"
	"ucspitls/internal/privilege/sandbox"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// A Setup is what a process does before the first byte from the network is
// parsed: its files are read, its privileges dropped. Any goroutine may use it.
type Setup struct {
	Rules tunnel.Rules // of options and environment

	remote   string // TCPREMOTEIP
	role     *Role
	backend  backend.Backend
	endpoint backend.Endpoint
	files    material.Files
	guard    *guard.Guard // nil without one
}

// A scope is what differs between a Setup for one connection and one for many.
type scope struct {
	profile    sandbox.Profile
	allPairs   bool
	startGuard func(sniLevel uint) (*guard.Guard, error)
}

// NewShared sets a server up for many connections. Its warnings go to p.
func NewShared(b backend.Backend, p *diag.Printer, o *option.Values) (*Setup, error) {
	return shared.setUp(b, p, o, scope{sandbox.Worker, true, func(sniLevel uint) (*guard.Guard, error) {
		return guard.StartShared(shared.Table.Program, sniLevel)
	}})
}

// setUp reads environment and files, drops privileges, sets TLS up and goes into
// the sandbox: after it no path is opened.
func (r *Role) setUp(b backend.Backend, p *diag.Printer, o *option.Values, in scope) (*Setup, error) {
	s := &Setup{Rules: rules(o), role: r, backend: b}
	if err := s.readEnvironment(); err != nil {
		return nil, err
	}
	var ids privilege.IDs
	root := privilege.Root()
	err := Untraced(root)
	if err == nil && root {
		ids, err = privilege.FromEnviron(os.LookupEnv, privilege.Passwd)
	}
	if err != nil {
		return nil, err
	}
	files := material.Options{
		Environ: os.Environ(), Server: r.Server,
		SNI: uint(o.SNI()), AllPairs: in.allPairs, Client: backend.CertMode(o.Number(option.ClientCert)),
		ServerName: o.Text(option.ServerName), SendCert: o.Is(option.SendCert), NoVerifyCert: o.Is(option.NoVerifyCert),
	}
	if os.Getenv(ucspi.KeyGuard) != "" && (r.Server || files.SendCert) {
		if s.guard, err = in.startGuard(files.SNI); err != nil {
			return nil, err
		}
		files.Guard = s.guard
	}
	if s.files, err = material.Open(files); err != nil {
		return nil, err
	}
	s.files.Print(p)
	if !root {
		noteUnusedIDs(p)
	}
	if err := privilege.Drop(ids); err != nil {
		return nil, err
	}
	entry.Hide(os.Getenv(ucspi.Sandbox))
	if s.endpoint, err = s.files.Endpoint(b); err == nil && s.guard != nil {
		err = s.guard.Ready()
	}
	if err != nil {
		return nil, s.outcome(err, &Request{Printer: p, Remote: s.remote})
	}
	if err := confine(p, in.profile, root, ids); err != nil {
		return nil, err
	}
	return s, nil
}

// Lost is closed when the key guard has ended, after which there are no more
// handshakes; LostGuard is the error of that. Without a guard it is nil. Call it once.
func (s *Setup) Lost() <-chan struct{} {
	if s.guard == nil {
		return nil
	}
	return s.guard.Watch()
}

// LostGuard has code 97.
func LostGuard() error {
	return diag.Fail(diag.Setup, ucspi.KeyGuard, "=1: the key guard ended, or did not answer: no more handshakes are possible")
}

// release wipes and closes what a handshake needs: there will be no more. It may
// be called twice.
func (s *Setup) release() {
	s.files.Close()
	if s.guard != nil {
		s.guard.Close()
	}
}
