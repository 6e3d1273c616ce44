// Package session is the life of an -io program: read the files, give up
// rights, shake hands, report, run the tunnel, end with the right code.
//
// The order is a promise (see the man pages): files are opened and read, then
// privileges are dropped, then the process goes into its sandbox, then the
// first byte from the network is read.
//
// A [Setup] is what comes before the handshake, once in a process; a [Tunnel] is one
// connection. An -io is a Setup and a Tunnel that it drives itself; the shared
// process (internal/daemon) is a Setup and many, which its loops drive.
package session

import (
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/stack"
	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/fd"
	"ucspitls/internal/guard"
	"ucspitls/internal/option"
	"ucspitls/internal/privilege/sandbox"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// A Role is the server's or the client's -io program, or the shared process.
type Role struct {
	Table  *option.Table
	Server bool
}

var (
	Server = &Role{&option.TLSDIO, true}
	Client = &Role{&option.TLSCIO, false}
	shared = &Role{&option.TLSDIOD, true}
)

// Main is the whole of an -io program on a backend. It does not return.
func (r *Role) Main(b backend.Backend, words []string) {
	stack.Grow()
	entry.Hide(os.Getenv(ucspi.Sandbox))
	start := time.Now()
	entry.NoTraces()
	debug.SetTraceback("none") // a fault of the runtime itself is one line
	r.keyGuard(b, words)
	version := func() error { return diag.Out(Version(r.Table.Program, b), "\n") }
	r.Table.Main(words, version, func(p *diag.Printer, o *option.Values, operands []string) error {
		if o.Number(option.Show) == option.ShowFingerprints {
			return listFingerprints(b)
		}
		fds, err := r.descriptors(p, o, operands)
		if err != nil {
			return err
		}
		return r.run(b, p, o, fds, start)
	})
}

// Version is the line of --version of a program that links a backend, in the
// mode that it would run in.
func Version(name string, b backend.Backend) string {
	if os.Getenv(ucspi.FIPS) == "require" {
		requireFIPS(b)
	}
	i := b.Info()
	return name + " (ucspitls) " + diag.Version + ", backend " + i.Name + ", " + i.Library + ", FIPS " + i.FIPS
}

// descriptors gives the ends of the tunnel and closes what is not one of them.
func (r *Role) descriptors(p *diag.Printer, o *option.Values, operands []string) (tunnel.FDs, error) {
	fdr, ok1 := option.Number(operands[0])
	fdw, ok2 := option.Number(operands[1])
	notify := o.Number(option.NotifyFD)
	if !ok1 || !ok2 || fdr > 1<<30 || fdw > 1<<30 || notify > 1<<30 {
		return tunnel.FDs{}, p.Usage(r.Table.Synopsis())
	}
	fds := tunnel.FDs{NetIn: 0, NetOut: 1, LocalIn: int(fdr), LocalOut: int(fdw), Notify: int(notify)}
	if !r.Server {
		fds.NetIn, fds.NetOut, fds.LocalIn, fds.LocalOut = fds.LocalIn, fds.LocalOut, 0, 1
	}
	all := []int{fds.NetIn, fds.NetOut, fds.LocalIn, fds.LocalOut}
	if fds.Notify == 0 {
		fds.Notify = -1
	} else {
		all = append(all, fds.Notify)
	}
	// /dev/null may be a client's local end on purpose, but no server's network.
	sure := r.Server || entry.Recorded()
	for _, n := range all {
		if !fd.Open(n) || n < 2 && sure && entry.Closed(n) {
			return tunnel.FDs{}, diag.Fail(diag.System, "unable to check descriptor ", strconv.Itoa(n), ": bad file descriptor")
		}
	}
	fd.CloseAllBut(all...)
	return fds, nil
}

// run is one connection from its setup to its end. Time zero is the program's
// start: -K counts from the command.
func (r *Role) run(b backend.Backend, p *diag.Printer, o *option.Values, fds tunnel.FDs, start time.Time) error {
	net := tunnel.NewNet(fds.NetIn, fds.NetOut, fd.Close, nil)
	// prog may hold the network too. However this ends, it can't go on in
	// cleartext with a peer that believes in TLS.
	defer net.Shutdown()
	if sharesNet(fds) {
		endBySignal(net.Shutdown)
		defer awaitSignal()
	}
	s, err := r.setUp(b, p, o, scope{sandbox.Tunnel, false, func(sniLevel uint) (*guard.Guard, error) {
		limit := time.Duration(o.Number(option.Timeout)) * time.Millisecond
		return guard.Start(r.Table.Program, sniLevel, limit, tunnel.ErrHandshakeTimeout, fds.NetIn, fds.NetOut, fds.LocalIn, fds.LocalOut, fds.Notify)
	}})
	if err != nil {
		return err
	}
	defer s.release()
	clock := func() time.Duration { return time.Since(start) }
	t := s.Begin(Request{Printer: p, Rules: s.Rules, Remote: s.remote, FDs: fds, Net: net, Close: fd.Close, Release: s.release})
	err = tunnel.Run(t.Tunnel, fds, clock)
	if e := t.End(clock(), err); e != nil {
		return e
	}
	return nil
}
