package session

import (
	"os"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/guard"
	"ucspitls/internal/material"
	"ucspitls/internal/option"
	"ucspitls/internal/privilege"
	"ucspitls/internal/privilege/sandbox"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// keyGuard is what an -io program does when it is started as a guard. It
// returns if it is not.
func (r *Role) keyGuard(b backend.Backend, words []string) {
	if !guard.Is(r.Table.Program, words) {
		return
	}
	p := &diag.Printer{Name: r.Table.Program, Verbosity: diag.Normal}
	p.Run(func() error {
		holder, ok := b.(backend.KeyHolder)
		if !ok {
			return noGuard(b)
		}
		process := guard.Process{
			Backend: holder,
			Server:  r.Server,
			Check: func() error {
				if b.Info(); os.Getenv(ucspi.FIPS) == "" { // which starts OpenSSL
					return nil
				}
				return requireFIPS(b)
			},
			Untraced: Untraced,
			Confine: func(root bool, ids privilege.IDs) error {
				x := &session{Role: r, Printer: p, backend: b}
				return x.confine(sandbox.Guard, root, ids)
			},
		}
		return process.Run(words[1:])
	})
}

// SharedGuard is what a shared tunnel process does when it is started as its
// worker's guard. It returns if it is not.
func SharedGuard(b backend.Backend, words []string) {
	r := &Role{Table: &option.TLSDIOD, Server: true}
	r.keyGuard(b, words)
}

func noGuard(b backend.Backend) error {
	return diag.Fail(diag.Config, ucspi.KeyGuard, "=1: the backend ", b.Info().Name, " has no key guard")
}

// startGuard starts one if it is asked for and there is a key to be guarded.
// done is called when the handshake is over, or there will be none.
func (x *session) startGuard() (keys material.Guard, done func(), err error) {
	if !x.guarded || !x.Server && !x.settings.SendCert {
		return nil, func() {}, nil
	}
	level := uint(0)
	if x.Server {
		level = uint(x.settings.SNI())
	}
	if x.many {
		g, err := guard.StartShared(option.TLSDIOD.Program, level)
		if err != nil {
			return nil, nil, err
		}
		x.guard, x.ready = g, g.Ready
		return g, func() {}, nil // it is needed for all sessions to come
	}
	limit := time.Duration(x.settings.Timeout) * time.Millisecond
	g, err := guard.Start(x.Table.Program, level, limit, tunnel.ErrHandshakeTimeout, x.fds.NetIn, x.fds.NetOut, x.fds.LocalIn, x.fds.LocalOut, x.fds.Notify)
	if err != nil {
		return nil, nil, err
	}
	x.ready = g.Ready
	return g, g.Close, nil
}
