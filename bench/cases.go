package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A benchCase is one thing to measure of every system that can do it.
type benchCase struct {
	name    string
	title   string
	role    role
	key     string // of keyTypes
	version uint16
	prog    func(b *bench, sys *system) []string
	load    func(*bench, *target) (*work, error)
	metrics []metric
}

// A metric is a figure of a sample, with its unit.
type metric struct {
	Name string
	of   func(sample) float64
	more bool // more is better
}

var (
	perConnection = []metric{
		{"CPU/conn µs", func(s sample) float64 { return s.CPUPer }, false},
		{"conn/s", func(s sample) float64 { return s.PerSecond }, true},
	}
	perGiB = []metric{
		{"CPU s/GiB", func(s sample) float64 { return s.CPUPerGiB }, false},
		{"MiB/s", func(s sample) float64 { return s.MiBps }, true},
	}
	perTrip = []metric{
		{"round trip µs", func(s sample) float64 { return s.Trip }, false},
		{"CPU/trip µs", func(s sample) float64 { return s.CPUTrip }, false},
	}
)

var cases = []*benchCase{
	{"full-p256-tls1.3", "whole connection, TLS 1.3, P-256", immediate, "p256", tls.VersionTLS13, sayOK, visits, perConnection},
	{"full-p256-tls1.2", "whole connection, TLS 1.2, P-256", immediate, "p256", tls.VersionTLS12, sayOK, visits, perConnection},
	{"full-rsa-tls1.3", "whole connection, TLS 1.3, RSA-2048", immediate, "rsa", tls.VersionTLS13, sayOK, visits, perConnection},
	{"full-rsa-tls1.2", "whole connection, TLS 1.2, RSA-2048", immediate, "rsa", tls.VersionTLS12, sayOK, visits, perConnection},
	{"delayed-p256-tls1.3", "cleartext, then TLS 1.3, P-256", delayed, "p256", tls.VersionTLS13, ask, visits, perConnection},
	{"delayed-p256-tls1.2", "cleartext, then TLS 1.2, P-256", delayed, "p256", tls.VersionTLS12, ask, visits, perConnection},
	{"declined", "TLS offered, not asked for", declined, "p256", 0, sayOK, visits, perConnection},
	{"down-tls1.3", "prog sends, TLS 1.3, AES-128-GCM", immediate, "p256", tls.VersionTLS13, pour, download, perGiB},
	{"down-tls1.2", "prog sends, TLS 1.2, AES-128-GCM", immediate, "p256", tls.VersionTLS12, pour, download, perGiB},
	{"up-tls1.3", "prog receives, TLS 1.3, AES-128-GCM", immediate, "p256", tls.VersionTLS13, drink, upload, perGiB},
	{"up-tls1.2", "prog receives, TLS 1.2, AES-128-GCM", immediate, "p256", tls.VersionTLS12, drink, upload, perGiB},
	{"ping-tls1.3", "64 bytes there and back, TLS 1.3", immediate, "p256", tls.VersionTLS13, echo, pingPong, perTrip},
	{"ping-tls1.2", "64 bytes there and back, TLS 1.2", immediate, "p256", tls.VersionTLS12, echo, pingPong, perTrip},
}

// The progs. Two peers split command lines at spaces, so that whatever needs
// more is a script.

func sayOK(*bench, *system) []string { return []string{"/bin/echo", "ok"} }
func echo(*bench, *system) []string  { return []string{"/bin/cat"} }

func ask(b *bench, sys *system) []string {
	return []string{b.script("ask-"+sys.Name, sys.asks)}
}

func pour(b *bench, _ *system) []string {
	return []string{"/bin/dd", "if=/dev/zero", "bs=65536", fmt.Sprintf("count=%d", b.bulk()>>16), "status=none"}
}

func drink(b *bench, _ *system) []string {
	return []string{b.script("drink", fmt.Sprintf("dd of=/dev/null bs=65536 count=%d iflag=fullblock status=none\necho ok\n", b.bulk()>>16))}
}

// orphan is a prog that starts prog and ends at once, so that prog becomes
// the listener's child and is counted.
func (b *bench) orphan(prog []string) []string {
	return []string{b.script("orphan-"+filepath.Base(prog[0]), "exec 3<&0\n"+strings.Join(prog, " ")+" <&3 3<&- &\n")}
}

// script writes a shell script, whose path has no space; a failure shows when
// it can't be run.
func (b *bench) script(name, text string) string {
	path := filepath.Join(b.dir, strings.NewReplacer("/", "-", " ", "-").Replace(name))
	os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755)
	return path
}
