package session

import (
	"os"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// rules are those of the options.
func rules(o *option.Values) tunnel.Rules {
	return tunnel.Rules{
		CloseNotify: o.Is(option.CloseNotify), Enforce: o.Is(option.Enforce),
		HandshakeTimeout: time.Duration(o.Number(option.Timeout)) * time.Millisecond,
	}
}

// readEnvironment reads the variables that concern no file. What this build
// can't do is refused, never ignored; an empty variable counts as not set.
func (s *Setup) readEnvironment() error {
	s.remote = os.Getenv("TCPREMOTEIP")
	// The waiting process says that the peer has asked for TLS on this connection
	// before, with the number of its control socket; the command line is the same
	// as for a session that is TLS from its start.
	_, s.Rules.AfterCommand = os.LookupEnv(ucspi.CtlFD)
	s.Rules.AfterCommand = s.Rules.AfterCommand && s.role.Server
	if v := os.Getenv(ucspi.IdleTimeout); v != "" {
		n, ok := option.Number(v)
		if !ok {
			return diag.Fail(diag.Usage, ucspi.IdleTimeout, " must be an unsigned integer, milliseconds")
		}
		s.Rules.IdleTimeout = time.Duration(n) * time.Millisecond
	}
	if v := os.Getenv(ucspi.Linger); v != "" {
		n, ok := option.Number(v)
		if !ok || n == 0 {
			return diag.Fail(diag.Usage, ucspi.Linger, " must be a positive integer, milliseconds")
		}
		s.Rules.Linger = time.Duration(n) * time.Millisecond
	}
	for _, c := range choices {
		v := os.Getenv(c.name)
		if v == "" || c.client && s.role.Server {
			continue
		}
		if err := c.check(s.backend, v); err != nil {
			return err
		}
	}
	return nil
}

// choices are variables with a few known values, and those whose feature this
// build lacks.
var choices = []struct {
	name   string
	client bool // read by clients only
	check  func(b backend.Backend, v string) error
}{
	{ucspi.FIPS, false, func(b backend.Backend, v string) error {
		if v != "require" {
			return unknown(ucspi.FIPS, v, "require, or unset")
		}
		return requireFIPS(b)
	}},
	{ucspi.Export, false, func(b backend.Backend, v string) error {
		switch v {
		case "s6":
			return nil
		case "mod_ssl":
			return diag.NotYet(ucspi.Export + "=mod_ssl")
		}
		return unknown(ucspi.Export, v, "s6 or mod_ssl")
	}},
	{ucspi.Sandbox, false, func(b backend.Backend, v string) error {
		switch v {
		case "on", "require", "off":
			return nil // see confine
		}
		return unknown(ucspi.Sandbox, v, "on, require or off")
	}},
	{ucspi.KeyGuard, false, func(b backend.Backend, v string) error {
		if v != "1" {
			return unknown(ucspi.KeyGuard, v, "1, or unset")
		}
		if _, ok := b.(backend.KeyHolder); !ok {
			return noGuardError(b)
		}
		return nil
	}},
	{ucspi.Fingerprint, true, func(b backend.Backend, v string) error {
		if f, ok := b.(backend.Fingerprinter); ok {
			return knownFingerprint(f.Fingerprints(), v)
		}
		if v == backend.Golang {
			return nil // the library's own, whatever that is
		}
		return diag.Fail(diag.Config, ucspi.Fingerprint, ": the backend ", b.Info().Name, " can't choose its ClientHello")
	}},
}

// requireFIPS is TLS_FIPS=require, before a file is opened or a key is held: a
// client that wants nothing else can be had, and its library is in FIPS mode then.
func requireFIPS(b backend.Backend) error {
	_, err := b.NewClient(&backend.ClientConfig{Common: backend.Common{RequireFIPS: true}, NoVerifyCert: true})
	if err != nil {
		return diag.Fail(code(err), ucspi.FIPS, "=require: ", err.Error())
	}
	return nil
}

// noteUnusedIDs says at -v2 that the ids of the environment are not looked at.
func noteUnusedIDs(p *diag.Printer) {
	for _, name := range []string{ucspi.UID, ucspi.GID} {
		if os.Getenv(name) != "" {
			p.Info(name, " is not looked at: not started as root")
		}
	}
}

// unknown refuses the value of a variable that takes only these.
func unknown(name, value, these string) error {
	return diag.Fail(diag.Usage, name, ": unknown value ", value, " (must be ", these, ")")
}
