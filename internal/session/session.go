// Package session is the life of an -io program: read the files, give up
// rights, shake hands, report, run the tunnel, end with the right code.
//
// The order is a promise (see the man pages): files are opened and read, then
// privileges are dropped, then the process goes into its sandbox, then the
// first byte from the network is read.
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
	"ucspitls/internal/privilege"
	"ucspitls/internal/privilege/sandbox"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// A Role is the server's or the client's -io program.
type Role struct {
	Table  *option.Table
	Server bool
}

var (
	Server = &Role{&option.TLSDIO, true}
	Client = &Role{&option.TLSCIO, false}
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
	r.Table.Main(words, version, func(p *diag.Printer, s *option.Settings, operands []string) error {
		if s.Show == option.ShowFingerprints {
			return listFingerprints(b)
		}
		fds, err := r.descriptors(p, s, operands)
		if err != nil {
			return err
		}
		x := &session{Role: r, Printer: p, settings: s, backend: b, fds: fds, start: start}
		return x.run()
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
func (r *Role) descriptors(p *diag.Printer, s *option.Settings, operands []string) (tunnel.FDs, error) {
	fdr, ok1 := option.Number(operands[0])
	fdw, ok2 := option.Number(operands[1])
	if !ok1 || !ok2 || fdr > 1<<30 || fdw > 1<<30 || s.NotifyFD > 1<<30 {
		return tunnel.FDs{}, p.Usage(r.Table.Synopsis())
	}
	fds := tunnel.FDs{NetIn: 0, NetOut: 1, LocalIn: int(fdr), LocalOut: int(fdw), Notify: int(s.NotifyFD)}
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

// A session is one run of an -io program.
type session struct {
	*Role
	*diag.Printer
	settings *option.Settings
	many     bool // it is the pattern of many sessions, see Service
	backend  backend.Backend
	fds      tunnel.FDs
	start    time.Time
	env      environment
	state    backend.State
	guarded  bool         // TLS_KEYGUARD=1
	ready    func() error // waits for the guard's files; nil without a guard
	guard    *guard.Guard // that of a Service; nil without one
}

func (x *session) run() (err error) {
	net := tunnel.NewNet(x.fds.NetIn, x.fds.NetOut, fd.Close, nil)
	// prog may hold the network too. However this ends, it can't go on in
	// cleartext with a peer that believes in TLS.
	defer net.Shutdown()
	if x.shared() {
		endBySignal(net.Shutdown)
		defer awaitSignal()
	}

	endpoint, release, err := x.configure()
	if err != nil {
		return err
	}
	defer release()
	wire := tunnel.NewWire()
	conn := endpoint.NewConn(wire)
	defer conn.Close()
	c := tunnel.Config{
		Conn: conn, Wire: wire, Net: net,
		In: tunnel.NewStream(x.fds.LocalIn, fd.Close, nil), Out: tunnel.NewStream(x.fds.LocalOut, fd.Close, nil),
		Established: func(s backend.State) []byte { return x.established(s, release) },
		Rules: tunnel.Rules{
			AfterCommand:     x.afterCommand(),
			CloseNotify:      x.settings.CloseNotify,
			Enforce:          x.settings.Enforce,
			HandshakeTimeout: time.Duration(x.settings.Timeout) * time.Millisecond,
			IdleTimeout:      x.env.idle,
			Linger:           x.env.linger,
		},
	}
	if x.fds.Notify >= 0 {
		c.Notify = tunnel.NewNotifier(x.fds.Notify, fd.Close, nil)
	}
	clock := func() time.Duration { return time.Since(x.start) }
	// Time zero is the program's start: -K counts from the command.
	t := tunnel.New(c, 0)
	err = tunnel.Run(t, x.fds, clock)
	x.state = conn.State()
	x.summary(t, clock(), err)
	return x.outcome(err)
}

// configure reads environment and files, drops privileges, sets TLS up and
// goes into the sandbox: after it no path is opened. release wipes and closes
// what the handshake needed; it may be called twice.
func (x *session) configure() (e backend.Endpoint, release func(), err error) {
	lookup := os.LookupEnv
	if x.env, err = x.readEnvironment(lookup); err != nil {
		return nil, nil, err
	}
	var ids privilege.IDs
	root := privilege.Root()
	if err = Untraced(root); err != nil {
		return nil, nil, err
	}
	if root {
		if ids, err = privilege.FromEnviron(lookup, privilege.Passwd); err != nil {
			return nil, nil, err
		}
	}
	keyGuard, endGuard, err := x.startGuard()
	if err != nil {
		return nil, nil, err
	}
	files, err := x.open(keyGuard)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range files.warnings {
		x.Warning(w)
	}
	for _, n := range files.notes {
		x.Info(n)
	}
	if !root {
		x.notDropping(lookup)
	}
	if err := privilege.Drop(ids); err != nil {
		return nil, nil, err
	}
	entry.Hide(os.Getenv(ucspi.Sandbox))
	if e, err = files.endpoint(x.backend); err == nil && x.ready != nil {
		err = x.ready()
	}
	if err != nil {
		return nil, nil, x.outcome(err)
	}
	profile := sandbox.Tunnel
	if x.many {
		profile = sandbox.Worker
	}
	if err := x.confine(profile, root, ids); err != nil {
		return nil, nil, err
	}
	return e, func() { files.close(); endGuard() }, nil
}
