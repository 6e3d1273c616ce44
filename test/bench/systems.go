package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A role is how TLS begins.
type role string

const (
	immediate role = "immediate" // TLS from the first byte
	delayed   role = "delayed"   // prog speaks first, and then asks for TLS
	declined  role = "declined"  // prog could ask for TLS and does not
)

// A site is where and for whom a service is wanted.
type site struct {
	role    role
	id      *identity
	prog    []string
	dir     string // for files of this sample, gone behind it; writable by us alone
	address string // where clients connect
	backend string // where a daemon finds prog: connections to it get service.Each
	resume  bool   // sessions must be resumable
}

// A system is one way to do the job.
type system struct {
	Name    string
	Version string
	Note    string // what a reader must know to compare it
	ours    bool
	tls13   bool
	resumes bool
	// asks is the prog of a delayed handshake, which each protocol wants differently.
	asks string
	// forgets: it ignores SIGCHLD, so that the kernel throws away the CPU time
	// of its children. See orphan.
	forgets bool
	roles   []role
	// most is how many idle tunnels it is asked to hold; files how many open
	// files each of them takes of a process that has them all, the client's one
	// at least, 0 if it is asked for few.
	most, files int
	// optional: when it does not work, this build can't do it, and that is no failure.
	optional bool
	// only, if not empty, is a word that its cases have in their names.
	only  string
	serve func(*site) (*service, error)
}

const (
	mostProcesses = 1000  // tunnels of one process or more each
	mostShared    = 10000 // tunnels of a daemon
)

// can reports whether a system is measured in a case.
func (s *system) can(c *benchCase) bool { return s.plays(c) && strings.Contains(c.name, s.only) }

// plays reports whether a system has what a case needs.
func (s *system) plays(c *benchCase) bool {
	return slices.Contains(s.roles, c.role) && (c.role != delayed || s.asks != "") && (c.version != tls13 || s.tls13) &&
		(!c.resume || s.resumes) && (!c.idling || s.most > 0)
}

// baseEnv is all that the measured processes inherit.
var baseEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

const noTLS = "no TLS"

// bare is no TLS at all: what listener and prog cost without anybody between them.
func bare() *system {
	return &system{
		Name: noTLS, Version: "prog alone", roles: []role{declined},
		serve: func(s *site) (*service, error) { return &service{Each: s.prog}, nil },
	}
}

// findSystems gives what is here to be measured, ours first, and a line for
// each that is not. The first of ours must be there; others are the names of
// peers, or "all".
func findSystems(ours, others []string, variants []variant) (all []*system, missing []string, err error) {
	for i, folder := range ours {
		more, err := ourSystems(folder)
		switch {
		case err == nil:
			all = append(all, more...)
		case i == 0:
			return nil, nil, err
		default:
			missing = append(missing, err.Error())
		}
	}
	for _, v := range variants {
		all = append(all, v.of(all[0]))
	}
	for _, peer := range peers {
		if !slices.Contains(others, "all") && !slices.Contains(others, peer.debian) {
			continue
		}
		path, err := exec.LookPath(peer.program)
		if err != nil {
			missing = append(missing, peer.program+" (Debian package "+peer.debian+")")
			continue
		}
		if peer.root && os.Getuid() != 0 {
			missing = append(missing, peer.program+" (needs root)")
			continue
		}
		all = append(all, peer.systems(path, packageVersion(peer.debian))...)
	}
	return append(all, bare()), missing, nil
}

// packageVersion is for the report only; a system without dpkg has none.
func packageVersion(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", name).Output()
	if err != nil {
		return ""
	}
	return lines(out)
}

func lines(out []byte) string {
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", ")
}
