package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A service is what one sample runs: how a connection gets its program.
type service struct {
	argv   []string
	env    []string
	listen bool // argv listens by itself; else it is started for each connection, which it has on 0 and 1
}

// A role is how TLS begins.
type role string

const (
	immediate role = "immediate" // TLS from the first byte
	delayed   role = "delayed"   // prog speaks first, and then asks for TLS
	declined  role = "declined"  // prog could ask for TLS and does not
)

// A system is one way to do the job.
type system struct {
	Name    string
	Version string
	Note    string // what a reader must know to compare it
	tls13   bool
	// asks is the prog of a delayed handshake, which each protocol wants differently.
	asks string
	// forgets: it ignores SIGCHLD, so that the kernel throws away the CPU time
	// of its children. See orphan.
	forgets bool
	roles   []role
	serve   func(r role, id *identity, address string, prog []string) (*service, error)
}

func (s *system) does(r role) bool { return slices.Contains(s.roles, r) }

// baseEnv is all that the measured processes inherit.
var baseEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

// A prog that says "go" in the clear, and "ok" through the tunnel once the
// client has said something there. The descriptors are below 10, which is all
// that dash can redirect to.
const (
	asksUCSPI      = "echo go\nprintf y >&$SSLCTLFD\nread hi <&$SSLREADFD\necho ok >&$SSLWRITEFD\n"
	asksTLSWrapper = "echo go >&5\nexec 5>&-\nread hi\necho ok\n"
)

// chain is our own programs of one build.
func chain(folder string) (*system, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(filepath.Join(folder, "s6-tlsd"), "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: our programs are not there, run make: %v", folder, err)
	}
	return &system{
		Name: "chain/" + filepath.Base(folder), Version: lines(out), tls13: true, asks: asksUCSPI,
		roles: []role{immediate, delayed, declined},
		serve: func(r role, id *identity, _ string, prog []string) (*service, error) {
			wrapper := "s6-tlsd"
			if r != immediate {
				wrapper = "s6-ucspitlsd"
			}
			return &service{
				argv: append([]string{filepath.Join(folder, wrapper)}, prog...),
				env:  []string{"CERTFILE=" + id.cert, "KEYFILE=" + id.key},
			}, nil
		},
	}, nil
}

// bare is no TLS at all: what listener and prog cost without anybody between them.
func bare() *system {
	return &system{
		Name: "no TLS", Version: "prog alone", roles: []role{declined},
		serve: func(_ role, _ *identity, _ string, prog []string) (*service, error) {
			return &service{argv: prog}, nil
		},
	}
}

func tlswrapper(path, version string) *system {
	s := &system{Name: "tlswrapper", Version: version, asks: asksTLSWrapper, roles: []role{immediate, delayed, declined},
		Note: "TLS 1.2 at most; keeps the key in a second process"}
	if os.Getuid() == 0 {
		s.Note += "; started by root it also drops to ids of its own in an empty root directory"
	}
	s.serve = func(r role, id *identity, _ string, prog []string) (*service, error) {
		argv := []string{path, "-f", id.both, "-c", "AES_128_GCM_SHA256"}
		if r != immediate {
			argv = append(argv, "-n")
		}
		return &service{argv: append(argv, prog...)}, nil
	}
	return s
}

// stunnel in inetd mode. Its own STARTTLS leaves prog no choice, so it has
// the immediate role only.
func stunnel(path, version, dir string) *system {
	return &system{
		Name: "stunnel4", Version: version, Note: "inetd mode; throws its children's CPU time away, which is therefore got from a second sample", tls13: true, forgets: true, roles: []role{immediate},
		serve: func(_ role, id *identity, _ string, prog []string) (*service, error) {
			conf, err := os.CreateTemp(dir, "stunnel-*.conf")
			if err != nil {
				return nil, err
			}
			defer conf.Close()
			_, err = fmt.Fprintf(conf, "foreground = yes\ndebug = crit\nsyslog = no\ncert = %s\nkey = %s\n"+
				"ciphersuites = TLS_AES_128_GCM_SHA256\nciphers = ECDHE+AESGCM+AES128\nexec = %s\nexecArgs = %s\n",
				id.cert, id.key, prog[0], strings.Join(prog, " "))
			return &service{argv: []string{path, conf.Name()}}, err
		},
	}
}

// socat has no inetd mode: it loads the key once and forks.
func socat(path, version string) *system {
	return &system{
		Name: "socat", Version: version, Note: "listens by itself, so that its accept and fork are counted and its start is not", tls13: true, roles: []role{immediate},
		serve: func(_ role, id *identity, address string, prog []string) (*service, error) {
			at, port, _ := strings.Cut(address, ":")
			return &service{listen: true, argv: []string{path,
				"OPENSSL-LISTEN:" + port + ",bind=" + at + ",reuseaddr,nodelay,fork,backlog=128,verify=0,cert=" + id.both,
				"EXEC:" + strings.Join(prog, " ")}}, nil
		},
	}
}

// findSystems gives what is here to be measured, ours first, and a line for
// each peer that is not.
func findSystems(dir string, ours []string) (all []*system, missing []string, err error) {
	for _, folder := range ours {
		s, err := chain(folder)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
	}
	for _, peer := range []struct {
		program, debian string
		make            func(path, version string) *system
	}{
		{"tlswrapper", "tlswrapper", tlswrapper},
		{"stunnel4", "stunnel4", func(path, version string) *system { return stunnel(path, version, dir) }},
		{"socat", "socat", socat},
	} {
		path, err := exec.LookPath(peer.program)
		if err != nil {
			missing = append(missing, peer.program+" (Debian package "+peer.debian+")")
			continue
		}
		all = append(all, peer.make(path, packageVersion(peer.debian)))
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
