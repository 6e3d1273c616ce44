// Package daemon is s6-tlsd-iod, the shared tunnel process: one process that
// has the TLS tunnels of all connections of a service, in place of an
// s6-tlsd-io for each. Comments say "the daemon", users read "the shared
// tunnel process".
//
//	               SIGHUP, a file changed
//	                        │
//	┌──────── supervisor ───▼──────┐ start, "drain"  ┌──── worker ─────────────┐
//	│ keeps its rights, binds the  ├────────────────►│ reads files, drops      │
//	│ socket; never reads from it  │◄────────────────┤ rights, then accepts    │
//	└──────────────────────────────┘ "ready", death  │  loop  loop  ...        │
//	                                                 └───▲─────────────────────┘
//	                      socket, internal/handover      │ descriptors
//	 s6-tlsd, s6-ucspitlsd ──────────────────────────────┘
//
// The worker is the same executable, recognised by its argv[0]. Reload is a
// new worker: once it is ready the old one stops accepting, and ends with its
// last tunnel. If it does not get ready the old one goes on.
package daemon

import (
	"os"
	"syscall"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/option"
	"ucspitls/internal/session"
	"ucspitls/internal/ucspi"
)

// workerName is argv[0] of a worker, which is also what ps shows.
const workerName = "s6-tlsd-iod: worker"

// Main is the whole of the program on a backend; words is os.Args. It does not return.
func Main(b backend.Backend, words []string) {
	entry.Hide(os.Getenv(ucspi.Sandbox))
	entry.NoTraces()
	session.SharedGuard(b, words)
	table := &option.TLSDIOD
	version := func() error { return diag.Out(session.Version(table.Program, b), "\n") }
	work := len(words) > 0 && words[0] == workerName
	table.Main(words, version, func(p *diag.Printer, o *option.Values, operands []string) error {
		if len(operands) != 1 {
			return p.Usage(table.Synopsis())
		}
		if work {
			return runWorker(b, p, o)
		}
		if err := session.Untraced(syscall.Geteuid() == 0); err != nil {
			return err
		}
		return supervise(p, o, words, operands[0])
	})
}
