package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// peers are others that do the same job, all of them in Debian.
var peers = []struct {
	program, debian string
	systems         func(path, version string) []*system
	root            bool // needs it
}{
	{"tlswrapper", "tlswrapper", tlswrapper, true}, // for its jail
	{"stunnel4", "stunnel4", stunnel, false},
	{"socat", "socat", socat, false},
	{"hitch", "hitch", hitch, false},
	{"haproxy", "haproxy", haproxy, false},
}

// What OpenSSL's users must be told to choose what all have.
const (
	suites12 = "ECDHE+AESGCM+AES128"
	suites13 = "TLS_AES_128_GCM_SHA256"
)

// asksTLSWrapper is asksUCSPI for tlswrapper's protocol.
const asksTLSWrapper = "echo go >&5\nexec 5>&-\nread hi\necho ok\n"

func tlswrapper(path, version string) []*system {
	s := &system{Name: "tlswrapper", Version: version, asks: asksTLSWrapper, roles: []role{immediate, delayed, declined}, most: mostProcesses,
		Note: "TLS 1.2 at most; keeps the key in a second process; drops to ids of its own in an empty root directory"}
	s.serve = func(s *site) (*service, error) {
		argv := []string{path, "-f", s.id.both, "-c", "AES_128_GCM_SHA256"}
		if s.role != immediate {
			argv = append(argv, "-n")
		}
		return &service{Each: append(argv, s.prog...)}, nil
	}
	return []*system{s}
}

// stunnel in inetd mode and as a daemon, which both start prog themselves. Its
// own STARTTLS leaves prog no choice, so it has the immediate role only.
func stunnel(path, version string) []*system {
	inetd := &system{
		Name: "stunnel4", Version: version, Note: "inetd mode; throws its children's CPU time away, which is therefore got from a second sample",
		tls13: true, resumes: true, forgets: true, roles: []role{immediate}, most: mostProcesses,
		serve: func(s *site) (*service, error) {
			conf, err := stunnelConfig(s, "")
			return &service{Each: []string{path, conf}}, err
		},
	}
	daemon := &system{
		Name: "stunnel4 daemon", Version: version, Note: "a thread per connection; it forks for prog, slower and slower with many threads",
		tls13: true, resumes: true, roles: []role{immediate}, most: mostProcesses,
		serve: func(s *site) (*service, error) {
			conf, err := stunnelConfig(s, "pid =\n[tunnel]\naccept = "+s.address+"\n")
			return &service{Front: true, Daemon: []string{path, conf}}, err
		},
	}
	return []*system{inetd, daemon}
}

func stunnelConfig(s *site, more string) (path string, err error) {
	text := "foreground = yes\ndebug = crit\nsyslog = no\n" + more +
		"cert = " + s.id.cert + "\nkey = " + s.id.key +
		"\nciphersuites = " + suites13 + "\nciphers = " + suites12 +
		"\nexec = " + s.prog[0] + "\nexecArgs = " + strings.Join(s.prog, " ") + "\n"
	if s.resume {
		for _, name := range []string{"ticketKeySecret", "ticketMacSecret"} {
			var secret [32]byte
			rand.Read(secret[:])
			text += name + " = " + hex.EncodeToString(secret[:]) + "\n"
		}
	}
	return s.file("stunnel.conf", text)
}

// file writes a file of this sample.
func (s *site) file(name, text string) (path string, err error) {
	path = filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// socat has no inetd mode: it loads the key once and forks.
func socat(path, version string) []*system {
	return []*system{{
		Name: "socat", Version: version, Note: "listens by itself, so that its accept and fork are counted and its start is not",
		tls13: true, resumes: true, roles: []role{immediate}, most: mostProcesses,
		serve: func(s *site) (*service, error) {
			at, port, _ := strings.Cut(s.address, ":")
			return &service{Front: true, Daemon: []string{path,
				"OPENSSL-LISTEN:" + port + ",bind=" + at + ",reuseaddr,nodelay,fork,backlog=4096,verify=0,cert=" + s.id.both,
				"EXEC:" + strings.Join(s.prog, " ")}}, nil
		},
	}}
}

const connectsNote = "a daemon that connects to the listener, which starts prog; the listener's part is not counted"

func hitch(path, version string) []*system {
	return []*system{{
		Name: "hitch", Version: version, Note: connectsNote,
		tls13: true, resumes: true, roles: []role{immediate}, most: mostShared, files: 2,
		serve: func(s *site) (*service, error) {
			bracket := func(address string) string { return "[" + strings.Replace(address, ":", "]:", 1) }
			text := fmt.Sprintf("frontend = %q\nbackend = %q\npem-file = %q\nworkers = 2\nbacklog = 4096\ndaemon = off\n"+
				"tls-protos = TLSv1.2 TLSv1.3\nciphers = %q\nciphersuites = %q\n",
				bracket(s.address), bracket(s.backend), s.id.both, suites12, suites13)
			if os.Getuid() == 0 {
				text += "user = \"nobody\"\n" // it refuses to work as root
			}
			conf, err := s.file("hitch.conf", text)
			return &service{Front: true, Daemon: []string{path, "--config=" + conf}, Each: s.prog}, err
		},
	}}
}

// haproxy in TCP mode.
func haproxy(path, version string) []*system {
	return []*system{{
		Name: "haproxy", Version: version, Note: connectsNote,
		tls13: true, resumes: true, roles: []role{immediate}, most: mostShared, files: 2,
		serve: func(s *site) (*service, error) {
			conf, err := s.file("haproxy.conf", "global\n\tquiet\n"+
				"defaults\n\tmode tcp\n\ttimeout connect 1m\n\ttimeout client 1h\n\ttimeout server 1h\n"+
				"listen tunnel\n\tbind "+s.address+" ssl crt "+s.id.both+" backlog 4096 curves P-256 ciphers "+suites12+" ciphersuites "+suites13+"\n"+
				"\tserver prog "+s.backend+"\n")
			return &service{Front: true, Daemon: []string{path, "-db", "-f", conf}, Each: s.prog}, err
		},
	}}
}
