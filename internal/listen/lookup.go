package listen

import (
	"errors"
	"os"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/option"
	"ucspitls/internal/resolve"
	"ucspitls/internal/resolve/socket"
	"ucspitls/internal/wrap"
)

// Exit codes of a child that drops its connection, as s6-tcpserver-access has them.
const (
	identRefused = 2  // the IDENT server has no answer
	outOfTime    = 99 // -t
)

// longest is the time for all look-ups if none is given. The original waits
// for ever; a peer without patience is gone by then.
const longest = 30 * time.Second

// lookUp is the life of a child whose connection, on 0 and 1, is to be looked
// up: it goes on as s6-tlsd.
func lookUp(p *diag.Printer, o *option.Values, prog []string) error {
	q := resolve.Question{
		Local: socket.Local(0), Remote: socket.Remote(0),
		DNS: !o.Is(option.NoDNS), Hosts: o.Is(option.Hosts), Paranoid: o.Is(option.Paranoid), Ident: o.Is(option.Ident),
		LocalName: o.Text(option.LocalName), HasLocalName: o.Has(option.LocalName),
		Deadline: time.Now().Add(longest),
	}
	if !q.Local.IsValid() || !q.Remote.IsValid() {
		return diag.Silent(diag.System) // the peer is gone already
	}
	if o.Number(option.NetTimeout) != 0 {
		q.Deadline = time.Now().Add(time.Duration(o.Number(option.NetTimeout)) * time.Millisecond)
	}
	facts := resolve.Lookup(&q)
	ip := q.Remote.Addr()
	for _, e := range []struct {
		what string
		err  error
	}{{"name of the remote end", facts.RemoteErr}, {"name of the local end", facts.LocalErr}, {"remote user", facts.InfoErr}} {
		if e.err == nil || e.err == resolve.ErrNotFound {
			continue
		}
		p.Info("unable to look up the ", e.what, " for ip ", ip.WithZone("").String(), ": ", e.err.Error())
		if o.Is(option.Strict) {
			p.Info("deny pid ", diag.Int(os.Getpid()), " ip ", ip.WithZone("").String())
			return diag.Silent(denied(e.err))
		}
	}
	allow(p, os.Getpid(), ip)
	argv := tlsd(o, prog)
	return wrap.CannotRun(argv[0], entry.Exec(argv[0], argv, facts.Environ(os.Environ())))
}

func denied(err error) int {
	var refused resolve.IdentError
	switch {
	case err == resolve.ErrTimeout:
		return outOfTime
	case errors.As(err, &refused):
		return identRefused
	}
	return diag.System
}
