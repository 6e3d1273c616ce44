package resolve

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A Question is what is to be found out about a connection.
type Question struct {
	Local, Remote netip.AddrPort
	DNS           bool // the names of both ends
	Hosts         bool // from the hosts file first
	Paranoid      bool // the remote name must have the remote address
	Ident         bool
	LocalName     string // if HasLocalName: not looked up
	HasLocalName  bool
	Deadline      time.Time
}

// Facts are the answers; empty is unknown. The errors say why, nil if the
// answer is there or wasn't asked for; ErrNotFound is one of them.
type Facts struct {
	RemoteHost, LocalHost, RemoteInfo string

	RemoteErr, LocalErr, InfoErr error
}

// ErrParanoid: the name of an address does not have that address.
var ErrParanoid = paranoidError{}

type paranoidError struct{}

func (paranoidError) Error() string { return "the name does not have this address" }

// Lookup finds out everything at the same time.
func Lookup(q *Question) *Facts {
	facts := &Facts{LocalHost: q.LocalName}
	var all sync.WaitGroup
	if q.DNS {
		r := New(q.Hosts)
		all.Go(func() { facts.RemoteHost, facts.RemoteErr = r.remote(q) })
		if !q.HasLocalName {
			all.Go(func() { facts.LocalHost, _, facts.LocalErr = r.Name(q.Local.Addr(), q.Deadline) })
		}
	}
	if q.Ident {
		all.Go(func() { facts.RemoteInfo, facts.InfoErr = Ident(q.Local, q.Remote, q.Deadline) })
	}
	all.Wait()
	return facts
}

func (r *Resolver) remote(q *Question) (string, error) {
	ip := q.Remote.Addr().Unmap()
	name, known, err := r.Name(ip, q.Deadline)
	if err != nil || known || !q.Paranoid {
		return name, err
	}
	addrs, err := r.Addrs(name+".", Family{ip.Is4(), ip.Is6()}, false, q.Deadline)
	if err != nil {
		return "", err
	}
	if !slices.Contains(addrs, ip.WithZone("")) {
		return "", ErrParanoid
	}
	return name, nil
}
