package backendtest

import (
	"crypto/tls"
	"os"
	"os/exec"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// fips: a backend that is to be in FIPS mode is, or refuses. A library may not
// come back from there, so it is tested in a process of its own.
func (s suite) fips(t *testing.T) {
	const variable = "BACKENDTEST_FIPS"
	if os.Getenv(variable) == "" {
		name := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run="+name)
		cmd.Env = append(os.Environ(), variable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	common := backend.Common{Anchors: s.pki.Anchors(), RequireFIPS: true}
	server, serverErr := s.NewServer(&backend.ServerConfig{Common: common, Default: s.pki.Server(pki.P256).Pair()})
	client, clientErr := s.NewClient(&backend.ClientConfig{Common: common, ServerName: pki.Host})
	if s.Info().FIPS == "off" {
		for _, err := range []error{serverErr, clientErr} {
			if e, ok := err.(*backend.Error); !ok || e.Kind != backend.Config || e.Where != "" || e.Reason == "" {
				t.Errorf("not in FIPS mode: %v", err)
			}
		}
		return
	}
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	group := []tls.CurveID{tls.CurveP256}
	for _, x := range []*session{
		s.session(t, server, tls.Client, &tls.Config{InsecureSkipVerify: true, CurvePreferences: group}, nil),
		s.session(t, client, tls.Server, &tls.Config{Certificates: []tls.Certificate{s.pki.Server(pki.P256).TLS()}, CurvePreferences: group}, nil),
	} {
		x.connect()
		x.echo()
	}
}
