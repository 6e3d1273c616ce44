package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// asksUCSPI is a prog that says "go" in the clear, and "ok" through the tunnel
// once the client has said something there. The descriptors are below 10,
// which is all that dash can redirect to.
const asksUCSPI = "echo go\nprintf y >&$SSLCTLFD\nread hi <&$SSLREADFD\necho ok >&$SSLWRITEFD\n"

// Programs of ours that a build may or may not have.
const (
	tunnelDaemon = "s6-tlsd-iod"
	ticketKeys   = "s6-tls-ticketkeys"
)

// ourSystems is what the programs of one build can do: the chain, a process
// per connection, and the shared tunnel process.
func ourSystems(folder string) ([]*system, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(filepath.Join(folder, "s6-tlsd"), "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: our programs are not there, run make: %v", folder, err)
	}
	build := filepath.Base(folder)
	has := func(program string) bool {
		return exec.Command(filepath.Join(folder, program), "--version").Run() == nil
	}
	chain := &system{
		Name: "chain/" + build, Version: lines(out), ours: true, tls13: true, resumes: has(ticketKeys), asks: asksUCSPI,
		roles: []role{immediate, delayed, declined}, most: mostProcesses,
		serve: func(s *site) (*service, error) {
			env, err := ourEnv(folder, s)
			return &service{Each: wrapped(folder, s), Env: env}, err
		},
	}
	if !has(tunnelDaemon) {
		return []*system{chain}, nil
	}
	shared := *chain
	shared.Name, shared.most, shared.files = "shared/"+build, mostShared, 1
	shared.Note = "one " + tunnelDaemon + " for all tunnels; a wrapper per connection hands over its descriptors"
	shared.serve = func(s *site) (*service, error) {
		env, err := ourEnv(folder, s)
		socket := filepath.Join(s.dir, "iod")
		return &service{
			Daemon: []string{filepath.Join(folder, tunnelDaemon), socket}, Socket: socket,
			Each: wrapped(folder, s), Env: append(env, "TLS_IOD="+socket),
		}, err
	}
	return []*system{chain, &shared}, nil
}

// wrapped is the command line for a connection.
func wrapped(folder string, s *site) []string {
	wrapper := "s6-tlsd"
	if s.role != immediate {
		wrapper = "s6-ucspitlsd"
	}
	return append([]string{filepath.Join(folder, wrapper)}, s.prog...)
}

func ourEnv(folder string, s *site) ([]string, error) {
	env := []string{"CERTFILE=" + s.id.cert, "KEYFILE=" + s.id.key}
	if !s.resume {
		return env, nil
	}
	file := filepath.Join(s.dir, "ticketkeys")
	if out, err := exec.Command(filepath.Join(folder, ticketKeys), file).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %v: %s", ticketKeys, err, lastLine(out))
	}
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	return append(env, "TLS_TICKETKEYS="+file), nil
}

// A variant is a system with more in its environment.
type variant struct {
	name string
	env  []string
	only string // word in the names of its cases
}

// variants are measured without being asked for, where the build has them:
// what protects costs something.
var variants = []variant{
	{"no sandbox", []string{"TLS_SANDBOX=off"}, costCase},
	{"key guard", []string{"TLS_KEYGUARD=1"}, costCase},
}

// costCase is the case in which variants are compared.
const costCase = "full-p256-tls1.3"

func (v variant) of(s *system) *system {
	changed := *s
	changed.Name, changed.Version, changed.only, changed.optional = v.name, s.Name, v.only, true
	changed.Note = strings.Join(v.env, " ")
	changed.serve = func(at *site) (*service, error) {
		svc, err := s.serve(at)
		if err == nil {
			svc.Env = append(svc.Env, v.env...)
		}
		return svc, err
	}
	return &changed
}
