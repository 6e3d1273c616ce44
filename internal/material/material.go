// Package material turns the environment of an -io program, and the files it
// names, into values that every backend understands: DER, names and numbers.
//
// It frames PEM and looks at the outline of the DER inside; whether a
// certificate can be used and whether a key belongs to it is the backend's to
// say. It imports no cryptography, so that a build on another library does
// not carry Go's.
//
// A required variable that is unset or empty is an error of code 100, as is a
// malformed value; a file that can't be had or used is 96; a shortage of the
// system's is 111. An optional variable that is set but empty counts as unset.
package material

import (
	"errors"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/ucspi"
)

// A Report is what the administrator should hear about once messages can be
// printed.
type Report struct {
	Notes    []string // for -v2
	Warnings []string // for -v1
}

// Print prints it.
func (r *Report) Print(p *diag.Printer) {
	for _, w := range r.Warnings {
		p.Warning(w)
	}
	for _, n := range r.Notes {
		p.Info(n)
	}
}

// Options are what is to be opened.
type Options struct {
	Environ []string
	Server  bool
	// Guard, which may be nil, has the keys: no KEYFILE is opened, and the pairs
	// have a Guard.
	Guard Guard

	// A server's SNI level is that of -k:
	//
	//	0  the default pair, CERTFILE and KEYFILE, for every name
	//	1  the pairs CERTFILE:name and KEYFILE:name, else the default pair
	//	2  the pairs alone; the default pair is not looked at
	SNI uint
	// AllPairs is for a server of many connections: all pairs are read at once,
	// and Config.Keys can be called at any time, by any goroutine.
	AllPairs bool
	// Client: trust anchors and CRLs are read if it is not CertNone.
	Client backend.CertMode

	// A client's ServerName is a DNS name, whose trailing dot is dropped, or an IP
	// address; empty means that there is none.
	ServerName   string
	SendCert     bool // CERTFILE and KEYFILE are read
	NoVerifyCert bool // trust anchors and CRLs are not
}

// Files is what the environment and its files hold for either role.
type Files interface {
	// Print prints the Report.
	Print(*diag.Printer)
	// Endpoint sets TLS up and wipes the bytes of private keys, which a backend
	// does not need once it has the configuration.
	Endpoint(backend.Backend) (backend.Endpoint, error)
	// Close closes the files that are still open, the key log's too, and wipes
	// the bytes of private keys and of session ticket keys. The backend must be
	// done with Config. It may be called again.
	Close()
}

// Open reads what is needed and opens the files of a server's SNI pairs; it is
// called before privileges are dropped. Its errors are *diag.Error.
func Open(o Options) (Files, error) {
	var f interface {
		Files
		open(*Options) error
	}
	if f = new(client); o.Server {
		f = new(server)
	}
	if err := f.open(&o); err != nil {
		f.Close()
		return nil, fatal(err)
	}
	return f, nil
}

// A server is what a server's environment and files hold.
//
// Config.Keys can be called any number of times at SNI level 0 and once above: it
// closes all pairs but the chosen one before it reads that. Its errors are
// *backend.Error of kind Config, or *diag.Error.
type server struct {
	Config backend.ServerConfig
	Report

	guard  Guard                          // nil: the keys are read here
	names  *names                         // nil at SNI level 0
	loaded map[*filePair]*backend.KeyPair // nil: pairs are read when they are asked for
	chosen *backend.KeyPair
	asked  bool
	log    *keyLog
}

func (s *server) open(o *Options) (err error) {
	env := environment(o.Environ)
	s.Config.Client = o.Client
	s.Config.Keys = s.keys
	s.guard = o.Guard
	if err = env.settings(&s.Config.Common); err != nil {
		return err
	}
	if o.SNI < 2 {
		if s.Config.Default, err = env.pair(s.guard); err != nil {
			return err
		}
	}
	if o.SNI > 0 {
		if s.names, err = openNames(env, s.guard, &s.Report); err != nil {
			return err
		}
		if o.SNI > 1 && len(s.names.pairs) == 0 {
			return diag.Fail(diag.Config, "no ", ucspi.CertFile, ":name and ", ucspi.KeyFile, ":name pair is set")
		}
	}
	if o.Client != backend.CertNone {
		if err = env.trust(&s.Config.Common, &s.Report); err != nil {
			return err
		}
	}
	if err = env.ticketKeys(&s.Config, &s.Report); err != nil {
		return err
	}
	if s.log, err = env.keyLog(&s.Config.Common, &s.Report); err != nil || !o.AllPairs || s.names == nil {
		return err
	}
	return s.readAll()
}

func (s *server) readAll() error {
	s.loaded = make(map[*filePair]*backend.KeyPair)
	for _, p := range s.names.pairs {
		pair, err := p.read()
		if err != nil {
			return err
		}
		s.loaded[p] = pair
		s.Config.Pairs = append(s.Config.Pairs, pair)
	}
	return nil
}

func (s *server) keys(name string) (*backend.KeyPair, error) {
	if s.names == nil {
		return s.Config.Default, nil
	}
	if s.loaded != nil {
		if pair := s.names.find(name); pair != nil {
			return s.loaded[pair], nil
		}
		return s.Config.Default, nil
	}
	if s.asked {
		return nil, &backend.Error{Kind: backend.Setup, Reason: "the pair for a server name was already chosen"}
	}
	s.asked = true
	pair := s.names.find(name)
	s.names.closeBut(pair)
	if pair == nil {
		if s.guard != nil && s.Config.Default != nil {
			return s.Config.Default, s.guard.Use(0)
		}
		return s.Config.Default, nil
	}
	var err error
	if s.chosen, err = pair.read(); err == nil && s.guard != nil {
		err = s.guard.Use(pair.number)
	}
	return s.chosen, err
}

// Endpoint implements Files.
func (s *server) Endpoint(b backend.Backend) (backend.Endpoint, error) {
	defer s.wipe()
	return b.NewServer(&s.Config)
}

// Close implements Files.
func (s *server) Close() {
	if s.names != nil {
		s.names.closeBut(nil)
	}
	s.wipe()
	for _, key := range s.Config.TicketKeys {
		clear(key)
	}
	s.log.close()
}

// wipe leaves what each handshake needs: ticket keys, the key log.
func (s *server) wipe() {
	wipe(s.Config.Default)
	wipe(s.chosen)
	for _, pair := range s.Config.Pairs {
		wipe(pair)
	}
}

// A client is what a client's environment and files hold.
type client struct {
	Config backend.ClientConfig
	Report

	log *keyLog
}

func (c *client) open(o *Options) (err error) {
	env := environment(o.Environ)
	c.Config.NoVerifyCert, c.Config.Fingerprint = o.NoVerifyCert, env.get(ucspi.Fingerprint)
	if o.ServerName != "" {
		name, ok := cleanServerName(o.ServerName)
		if !ok {
			return diag.Fail(diag.Usage, "servername: ", o.ServerName, " is neither a host name nor an IP address")
		}
		c.Config.ServerName = name
	} else if !o.NoVerifyCert {
		c.Warnings = append(c.Warnings, "no server name given, the peer's name is not verified")
	}
	if err = env.settings(&c.Config.Common); err != nil {
		return err
	}
	if o.SendCert {
		if c.Config.Keys, err = env.pair(o.Guard); err != nil {
			return err
		}
	}
	if !o.NoVerifyCert {
		if err = env.trust(&c.Config.Common, &c.Report); err != nil {
			return err
		}
	}
	c.log, err = env.keyLog(&c.Config.Common, &c.Report)
	return err
}

// Endpoint implements Files.
func (c *client) Endpoint(b backend.Backend) (backend.Endpoint, error) {
	defer wipe(c.Config.Keys)
	return b.NewClient(&c.Config)
}

// Close implements Files.
func (c *client) Close() {
	wipe(c.Config.Keys)
	c.log.close()
}

func wipe(pair *backend.KeyPair) {
	if pair != nil {
		clear(pair.Key)
	}
}

// unusable is the error for a variable or a file that can't be used: 96.
func unusable(where string, reason backend.Reason) error {
	return &backend.Error{Kind: backend.Config, Where: where, Reason: reason}
}

// fatal gives err the exit code that goes with it.
func fatal(err error) error {
	var e *backend.Error
	if errors.As(err, &e) {
		return diag.Fail(diag.Config, e.Error())
	}
	return err
}
