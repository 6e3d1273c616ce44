package session

import (
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
)

// environment is what the variables that concern no file say.
type environment struct {
	idle   time.Duration
	linger time.Duration // 0: tunnel.DefaultLinger
	remote string        // the peer's address, for messages
}

// readEnvironment reads them. What this build can't do is refused, never
// ignored; an empty variable counts as not set.
func (x *session) readEnvironment(lookup func(string) (string, bool)) (environment, error) {
	get := func(name string) string {
		v, _ := lookup(name)
		return v
	}
	var env environment
	env.remote = get("TCPREMOTEIP")
	if v := get(ucspi.IdleTimeout); v != "" {
		n, ok := option.Number(v)
		if !ok {
			return env, diag.Fail(diag.Usage, ucspi.IdleTimeout, " must be an unsigned integer, milliseconds")
		}
		env.idle = time.Duration(n) * time.Millisecond
	}
	if v := get(ucspi.Linger); v != "" {
		n, ok := option.Number(v)
		if !ok || n == 0 {
			return env, diag.Fail(diag.Usage, ucspi.Linger, " must be a positive integer, milliseconds")
		}
		env.linger = time.Duration(n) * time.Millisecond
	}
	for _, c := range choices {
		v := get(c.name)
		if v == "" || c.client && x.Server {
			continue
		}
		if err := c.check(x, v); err != nil {
			return env, err
		}
	}
	return env, nil
}

// choices are variables with a few known values, and those whose feature this
// build lacks.
var choices = []struct {
	name   string
	client bool // read by clients only
	check  func(x *session, v string) error
}{
	{ucspi.FIPS, false, func(x *session, v string) error {
		if v != "require" {
			return diag.Fail(diag.Usage, ucspi.FIPS, ": unknown value ", v, " (require)")
		}
		return requireFIPS(x.backend)
	}},
	{ucspi.Export, false, func(x *session, v string) error {
		switch v {
		case "s6":
			return nil
		case "mod_ssl":
			return diag.NotYet(ucspi.Export + "=mod_ssl")
		}
		return diag.Fail(diag.Usage, ucspi.Export, ": unknown value ", v, " (s6 or mod_ssl)")
	}},
	{ucspi.Sandbox, false, func(x *session, v string) error {
		switch v {
		case "on", "require", "off":
			return nil // see confine
		}
		return diag.Fail(diag.Usage, ucspi.Sandbox, ": unknown value ", v, " (on, require or off)")
	}},
	{ucspi.KeyGuard, false, func(x *session, v string) error {
		if v != "1" {
			return diag.Fail(diag.Usage, ucspi.KeyGuard, ": unknown value ", v, " (1)")
		}
		if _, ok := x.backend.(backend.KeyHolder); !ok {
			return noGuard(x.backend)
		}
		x.guarded = true
		return nil
	}},
	{ucspi.Fingerprint, true, func(x *session, v string) error {
		if f, ok := x.backend.(backend.Fingerprinter); ok {
			return knownFingerprint(f.Fingerprints(), v)
		}
		if v == backend.Golang {
			return nil // the library's own, whatever that is
		}
		return diag.Fail(diag.Config, ucspi.Fingerprint, ": the backend ", x.backend.Info().Name, " can't choose its ClientHello")
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

// notDropping says at -v2 that the ids are not looked at.
func (x *session) notDropping(lookup func(string) (string, bool)) {
	for _, name := range []string{ucspi.UID, ucspi.GID} {
		if v, _ := lookup(name); v != "" {
			x.Info(name, " is not looked at: not started as root")
		}
	}
}
