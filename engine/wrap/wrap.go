// Package wrap is the life of a wrapper: it makes the channels between prog
// and the TLS process, starts that process as its child, and becomes prog.
//
//	network ──────────────┐                       network ─────────┐
//	  0,1                 │ cleartext until         0,1            │ from then on
//	┌─────────────────────▼──┐  the command      ┌─────────────────▼──────┐
//	│ prog, with the pid     │◄── SSLCTLFD ─────►│ waiting process, later │
//	│ of the wrapper         │◄── SSLREADFD ─────│ the -io program        │
//	│                        │─── SSLWRITEFD ───►│                        │
//	└────────────────────────┘                   └────────────────────────┘
//
// A Go program can't fork without an exec, so the waiting process is the same
// executable started again, recognised by its argv[0]. Its descriptors, and
// those of an -io, have fixed numbers:
//
//	            0          1        2       3          4        5
//	server   network    network  stderr  from prog  to prog  control socket
//	client  from prog   to prog  stderr   network   network  control socket
//
// so an -io is always told "3 4", and "-d 5" where the blob is wanted.
//
// The -io's ends of the two pipes are in O_NONBLOCK: nobody shares their open
// file descriptions, prog's ends stay blocking.
package wrap

import (
	"os"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/entry"
	"ucspitls/engine/fd"
	"ucspitls/engine/option"
	"ucspitls/engine/privilege"
	"ucspitls/engine/ucspi"
)

// A Side is the server's or the client's half of the family.
type Side struct {
	IO     string // the tunnel program
	Server bool
	args   func(*option.Settings) []string
}

var (
	Server = Side{"s6-tlsd-io", true, (*option.Settings).ServerIO}
	Client = Side{"s6-tlsc-io", false, (*option.Settings).ClientIO}
)

// A Program is a wrapper. Its main package has one called program, made of
// constants and addresses: it is read before anything is initialised.
type Program struct {
	Table   *option.Table
	Side    *Side
	Delayed bool // prog decides when TLS starts
}

// Main is the whole of a wrapper; words is os.Args. It does not return.
func (w *Program) Main(words []string) {
	if len(words) > 0 && words[0] == w.Table.Program+WaitingFor {
		p := &diag.Printer{Name: w.Table.Program, Verbosity: diag.Normal}
		p.Run(func() error { return w.wait(p, words[1:]) })
	}
	w.Table.Main(words, Version(w.Table.Program, w.Side.IO), func(p *diag.Printer, s *option.Settings, prog []string) error {
		if w.Delayed {
			return w.delayed(p, s, prog)
		}
		return w.immediate(p, s, prog)
	})
}

// Version is the --version of a program that links no backend: its own line,
// and then that of the next program of the chain, down to the tunnel's.
func Version(program, next string) func() error {
	return func() error {
		if err := diag.Out(program, " (ucspitls) ", diag.Version, "\n"); err != nil {
			return err
		}
		path := Sibling(next)
		return CannotRun(path, syscall.Exec(path, []string{next, "--version"}, ucspi.IOEnviron(os.Environ())))
	}
}

// network gives the descriptors of the network.
func (w *Program) network(s *option.Settings) (r, wr int) {
	if w.Side.Server {
		return 0, 1
	}
	return s.ReadFD, s.WriteFD
}

// channels are the two pipes and the notification channel between prog and the -io.
type channels struct {
	progRead, progWrite, progCtl int
	ioRead, ioWrite, ioCtl       int
}

// openChannels makes the pipes, and the channel 5 with make. All are close-on-exec.
func openChannels(make5 func() (int, int, error)) (c channels, err error) {
	if c.ioRead, c.progWrite, err = fd.Pipe(); err != nil {
		return c, diag.FailSys("create a pipe", err)
	}
	if c.progRead, c.ioWrite, err = fd.Pipe(); err != nil {
		return c, diag.FailSys("create a pipe", err)
	}
	if c.progCtl, c.ioCtl, err = make5(); err != nil {
		return c, diag.FailSys("create a control channel", err)
	}
	for _, n := range []int{c.ioRead, c.ioWrite} {
		if err = syscall.SetNonblock(n, true); err != nil {
			return c, diag.FailSys("set a pipe non-blocking", err)
		}
	}
	return c, nil
}

// A launch is what both kinds of wrapper need before they start a process.
type launch struct {
	channels
	netR, netW int
	environ    []string
	ids        privilege.IDs // prog's
}

// prepare checks the network's descriptors before anything can take their
// numbers, and makes the channels.
func (w *Program) prepare(s *option.Settings, make5 func() (int, int, error)) (l launch, err error) {
	if l.ids, l.environ, err = dropFrom(s, os.Environ()); err != nil {
		return l, err
	}
	entry.Hide(ucspi.Lookup(l.environ, ucspi.Sandbox))
	l.netR, l.netW = w.network(s)
	if err = w.Side.checkOpen(l.netR, l.netW); err != nil {
		return l, err
	}
	l.channels, err = openChannels(make5)
	return l, err
}

// files is what the waiting process and the -io get on 0 to 5.
func (l *launch) files(side *Side) []int {
	if side.Server {
		return []int{l.netR, l.netW, 2, l.ioRead, l.ioWrite, l.ioCtl}
	}
	return []int{l.ioRead, l.ioWrite, 2, l.netR, l.netW, l.ioCtl}
}

const (
	ctl         = 5 // the control socket or notification pipe of an -io
	firstBeyond = 6
)

// ioArgs is the command line of the -io; blob tells whether it is to send the information.
func ioArgs(path string, args []string, blob bool) []string {
	argv := append(make([]string, 0, len(args)+6), path)
	if blob {
		argv = append(argv, "-d", "5")
	}
	argv = append(argv, args...)
	return append(argv, "--", "3", "4")
}
