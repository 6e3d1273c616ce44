package session

import (
	"os"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/guard"
	"ucspitls/internal/privilege"
	"ucspitls/internal/privilege/sandbox"
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
			return noGuardError(b)
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
				return confine(p, sandbox.Guard, root, ids)
			},
		}
		return process.Run(words[1:])
	})
}

// SharedGuard is what a shared tunnel process does when it is started as its
// worker's guard. It returns if it is not.
func SharedGuard(b backend.Backend, words []string) {
	shared.keyGuard(b, words)
}

func noGuardError(b backend.Backend) error {
	return diag.Fail(diag.Config, ucspi.KeyGuard, "=1: the backend ", b.Info().Name, " has no key guard")
}
