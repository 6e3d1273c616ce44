// Package resolve finds names and addresses: the hosts file, the DNS through
// the system's name servers, and IDENT. It is a stub resolver of its own,
// without package net; everything it does is bounded in time.
//
//	Addrs   name → addresses      hosts file, A, AAAA (RFC 1035, RFC 3596)
//	Name    address → name        hosts file, PTR
//	Ident   connection → user     RFC 1413
//	Lookup  all that is to be known about a connection, in parallel
package resolve

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"ucspitls/backend/hostname"
)

var (
	// ErrNotFound: the name, or a name for the address, does not exist.
	ErrNotFound = errors.New("no such name or address")
	// ErrTimeout: nobody answered in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrBadName: a host name can't look like that.
	ErrBadName = errors.New("not a host name")
)

// Where the system keeps its answers. Variables for the tests alone.
var (
	resolvConf = "/etc/resolv.conf"
	hostsFile  = "/etc/hosts"
	dnsPort    = "53"
	identPort  = "113"
)

// A Resolver reads the system's files once. It may be used by several
// goroutines.
type Resolver struct {
	conf  config
	hosts hosts // nil: not to be asked
}

// New reads resolv.conf and, if hosts is set, the hosts file.
func New(hosts bool) *Resolver {
	r := &Resolver{conf: readConfig(resolvConf)}
	if hosts {
		r.hosts = readHosts(hostsFile)
	}
	return r
}

// A Family says which addresses are wanted.
type Family struct{ IPv4, IPv6 bool }

// Addrs gives the addresses of host, IPv6 first. qualify adds the search
// domains of resolv.conf. localhost is the loopback everywhere (RFC 6761).
func (r *Resolver) Addrs(host string, family Family, qualify bool, deadline time.Time) ([]netip.Addr, error) {
	if !validName(host) {
		return nil, ErrBadName
	}
	if found := r.hosts.addrs(host, family); len(found) > 0 {
		return found, nil
	}
	if name := strings.TrimSuffix(hostname.Lower(host), "."); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return Loopback(family), nil
	}
	failure := ErrNotFound
	for _, name := range r.conf.candidates(host, qualify) {
		found, err := r.addrs(name, family, deadline)
		if len(found) > 0 {
			return found, nil
		}
		if err != ErrNotFound {
			failure = err
		}
	}
	return nil, failure
}

// Loopback is this host.
func Loopback(family Family) (found []netip.Addr) {
	if family.IPv6 {
		found = append(found, netip.IPv6Loopback())
	}
	if family.IPv4 {
		found = append(found, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return found
}

// addrs asks for both families at the same time.
func (r *Resolver) addrs(name string, family Family, deadline time.Time) ([]netip.Addr, error) {
	var four []netip.Addr
	var err4 error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if family.IPv4 {
			four, err4 = r.query(name, typeA, deadline)
		}
	}()
	var six []netip.Addr
	var err6 error
	if family.IPv6 {
		six, err6 = r.query(name, typeAAAA, deadline)
	}
	<-done
	found := append(six, four...)
	for _, err := range []error{err6, err4} {
		if err != nil && err != ErrNotFound {
			return found, err
		}
	}
	return found, ErrNotFound
}

func (r *Resolver) query(name string, kind recordType, deadline time.Time) ([]netip.Addr, error) {
	a, err := r.exchange(name, kind, deadline)
	return a.addrs, err
}

// Name gives the name of an address, without a final dot. known reports whether
// it comes from the hosts file, which is as good as the machine itself.
func (r *Resolver) Name(ip netip.Addr, deadline time.Time) (name string, known bool, err error) {
	if name = r.hosts.name(ip); name != "" {
		return name, true, nil
	}
	a, err := r.exchange(reverse(ip), typePTR, deadline)
	if err != nil {
		return "", false, err
	}
	// What the owner of an address space calls it goes into an environment.
	name = strings.TrimSuffix(a.names[0], ".")
	if !hostname.InUse(name) {
		return "", false, ErrBadName
	}
	return name, false, nil
}

// validName reports whether s, with a final dot or without, can be a host's.
func validName(s string) bool { return hostname.InUse(strings.TrimSuffix(s, ".")) }
