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

// A Server is what a server's environment and files hold.
type Server struct {
	Config backend.ServerConfig
	Report

	guard  Guard                          // nil: the keys are read here
	names  *names                         // nil at SNI level 0
	loaded map[*filePair]*backend.KeyPair // nil: pairs are read when they are asked for
	chosen *backend.KeyPair
	asked  bool
	log    *keyLog
}

// OpenServer reads what a server needs and opens the files of its SNI pairs;
// it is called before privileges are dropped. The SNI level is that of -k:
//
//	0  the default pair, CERTFILE and KEYFILE, for every name
//	1  the pairs CERTFILE:name and KEYFILE:name, else the default pair
//	2  the pairs alone; the default pair is not looked at
//
// Trust anchors and CRLs are read if client is not CertNone. Config.Keys can
// be called any number of times at level 0 and once above: it closes all
// pairs but the chosen one before it reads that. Its errors are
// *backend.Error of kind Config, or *diag.Error. The errors of OpenServer are
// *diag.Error. With a guard, which may be nil, no KEYFILE is opened: it has the
// keys, and the pairs have a Guard.
func OpenServer(environ []string, sniLevel uint, client backend.CertMode, guard Guard) (*Server, error) {
	s := &Server{guard: guard}
	if err := s.open(environment(environ), sniLevel, client); err != nil {
		s.Close()
		return nil, fatal(err)
	}
	return s, nil
}

// OpenService is OpenServer for a process that serves many connections: the
// files of all pairs are read at once, into Config.Pairs, and Config.Keys can be
// called any number of times, by any goroutine. A guard has the keys of all pairs
// at any time.
func OpenService(environ []string, sniLevel uint, client backend.CertMode, guard Guard) (*Server, error) {
	s, err := OpenServer(environ, sniLevel, client, guard)
	if err != nil || s.names == nil {
		return s, err
	}
	s.loaded = make(map[*filePair]*backend.KeyPair)
	for _, p := range s.names.pairs {
		pair, err := p.read()
		if err != nil {
			s.Close()
			return nil, fatal(err)
		}
		s.loaded[p] = pair
		s.Config.Pairs = append(s.Config.Pairs, pair)
	}
	return s, nil
}

func (s *Server) open(env environment, sniLevel uint, client backend.CertMode) (err error) {
	s.Config.Client = client
	s.Config.Keys = s.keys
	if err = env.settings(&s.Config.Common); err != nil {
		return err
	}
	if sniLevel < 2 {
		if s.Config.Default, err = env.pair(s.guard); err != nil {
			return err
		}
	}
	if sniLevel > 0 {
		if s.names, err = openNames(env, s.guard, &s.Report); err != nil {
			return err
		}
		if sniLevel > 1 && len(s.names.pairs) == 0 {
			return diag.Fail(diag.Config, "no ", ucspi.CertFile, ":name and ", ucspi.KeyFile, ":name pair is set")
		}
	}
	if client != backend.CertNone {
		if err = env.trust(&s.Config.Common, &s.Report); err != nil {
			return err
		}
	}
	if err = env.ticketKeys(&s.Config, &s.Report); err != nil {
		return err
	}
	s.log, err = env.keyLog(&s.Config.Common, &s.Report)
	return err
}

func (s *Server) keys(name string) (*backend.KeyPair, error) {
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

// Close closes the files that are still open, the key log's too, and wipes
// the bytes of private keys and of session ticket keys. The backend must be done with Config. It may be
// called again.
func (s *Server) Close() {
	if s.names != nil {
		s.names.closeBut(nil)
	}
	s.Wipe()
	for _, key := range s.Config.TicketKeys {
		clear(key)
	}
	s.log.close()
}

// Wipe wipes the bytes of private keys, which a backend does not need once it
// has the configuration. What each handshake needs stays: ticket keys, the key log.
func (s *Server) Wipe() {
	wipe(s.Config.Default)
	wipe(s.chosen)
	for _, pair := range s.Config.Pairs {
		wipe(pair)
	}
}

// A Client is what a client's environment and files hold.
type Client struct {
	Config backend.ClientConfig
	Report

	log *keyLog
}

// OpenClient reads what a client needs; it is called before privileges are
// dropped. CERTFILE and KEYFILE are read if sendCert, trust anchors and CRLs
// unless noVerify. A server name is a DNS name, whose trailing dot is
// dropped, or an IP address; empty means that there is none. The errors are
// *diag.Error. A guard, which may be nil, has the key.
func OpenClient(environ []string, serverName string, sendCert, noVerify bool, guard Guard) (*Client, error) {
	c := &Client{}
	if err := c.open(environment(environ), serverName, sendCert, noVerify, guard); err != nil {
		c.Close()
		return nil, fatal(err)
	}
	return c, nil
}

func (c *Client) open(env environment, serverName string, sendCert, noVerify bool, guard Guard) (err error) {
	c.Config.NoVerifyCert = noVerify
	if serverName != "" {
		name, ok := cleanServerName(serverName)
		if !ok {
			return diag.Fail(diag.Usage, "servername: ", serverName, " is neither a host name nor an IP address")
		}
		c.Config.ServerName = name
	} else if !noVerify {
		c.Warnings = append(c.Warnings, "no server name given, the peer's name is not verified")
	}
	if err = env.settings(&c.Config.Common); err != nil {
		return err
	}
	if sendCert {
		if c.Config.Keys, err = env.pair(guard); err != nil {
			return err
		}
	}
	if !noVerify {
		if err = env.trust(&c.Config.Common, &c.Report); err != nil {
			return err
		}
	}
	c.log, err = env.keyLog(&c.Config.Common, &c.Report)
	return err
}

// Wipe wipes the bytes of the private key, once NewClient has read it.
func (c *Client) Wipe() { wipe(c.Config.Keys) }

// Close closes the key log and wipes the bytes of the private key. The
// backend must be done with Config. It may be called again.
func (c *Client) Close() {
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
