package utls

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
)

// A wire is a TCP connection behind a Wire.
type wire struct {
	backendtest.Wire
	tcp net.Conn
}

// drive calls f until it has an answer.
func (w *wire) drive(f func() error) error {
	for buf := make([]byte, 32<<10); ; {
		err := f()
		if len(w.Out) > 0 {
			w.tcp.Write(w.Out) // if this fails so does Read
			w.Out = nil
		}
		if err != backend.ErrAgain {
			return err
		}
		n, err := w.tcp.Read(buf)
		w.In = append(w.In, buf[:n]...)
		if w.End = err; err != nil && err != io.EOF {
			return err
		}
	}
}

// talk makes one session and gives what was negotiated.
func talk(e backend.Endpoint, address, answer string) (backend.State, error) {
	tcp, err := net.Dial("tcp4", address)
	if err != nil {
		return backend.State{}, err
	}
	defer tcp.Close()
	tcp.SetDeadline(time.Now().Add(patience))
	w := &wire{tcp: tcp}
	c := e.NewConn(w)
	defer c.Close()
	if err := w.drive(c.Handshake); err != nil {
		return c.State(), fmt.Errorf("handshake: %w (%v)", err, errors.Unwrap(err))
	}
	if err := w.drive(func() error { _, err := c.Write([]byte("ping\n")); return err }); err != nil {
		return c.State(), err
	}
	got := ""
	for len(got) < len(answer) {
		buf := make([]byte, 100)
		err := w.drive(func() error { n, err := c.Read(buf); got += string(buf[:n]); return err })
		if err != nil {
			return c.State(), fmt.Errorf("after %q: %w (%v)", got, err, errors.Unwrap(err))
		}
	}
	if got != answer {
		return c.State(), fmt.Errorf("answer %q", got)
	}
	return c.State(), w.drive(c.CloseWrite)
}

// endpoint is a client that verifies, and has a certificate to show.
func endpoint(t *testing.T, fingerprint string, key pki.KeyType) backend.Endpoint {
	t.Helper()
	p := pki.New(t)
	e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: fingerprint, ServerName: pki.Host,
		Keys: p.Client(key).Pair(), Common: backend.Common{Anchors: p.Anchors()}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reaches reports whether a ClientHello offers a version.
func reaches(fingerprint string, version uint16) bool {
	_, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: fingerprint, NoVerifyCert: true, Common: backend.Common{MinVersion: version}})
	return err == nil
}

// TestPeers: of 100 handshakes and more that each family makes with each
// kind of server, none fails. Every preset makes one in each job.
func TestPeers(t *testing.T) {
	times := map[string]int{"randomized": 14, "randomized-noalpn:a seed": 14}
	for _, f := range families {
		times[f.name] = 13 // for each of eight jobs
		if !reaches(f.name, backend.TLS13) {
			times[f.name] = 25 // for each of four
		}
	}
	for _, p := range presets {
		times[p.name] = 1
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			for _, j := range jobs() {
				t.Run(j.String(), func(t *testing.T) {
					t.Parallel()
					address := s.start(t, j)
					for name, n := range times {
						if !reaches(name, j.version) {
							continue
						}
						if testing.Short() {
							n = 1
						}
						e := endpoint(t, name, j.key)
						for i := range n {
							state, err := talk(e, address, s.answer)
							if err != nil {
								t.Errorf("%s, handshake %d: %v", name, i, err)
								break
							}
							if state.Version != j.version || state.Peer == nil || state.ALPN != "" || state.Group == "" {
								t.Errorf("%s: %+v", name, state)
							}
						}
					}
				})
			}
		})
	}
}

// TestCompressedCertificate: Chrome and Safari take a certificate in
// compressed form (RFC 8879).
func TestCompressedCertificate(t *testing.T) {
	for _, c := range []struct{ name, method string }{{"chrome", "brotli"}, {"safari", "zlib"}} {
		t.Run(c.method, func(t *testing.T) {
			address := startGnuTLS(t, job{version: backend.TLS13, key: pki.RSA2048, extra: "--compress-cert=" + c.method})
			if _, err := talk(endpoint(t, c.name, pki.P256), address, "ping\n"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestGroups: a server that has but one group, which may cost a
// HelloRetryRequest, and may be any one that is offered.
func TestGroups(t *testing.T) {
	for _, p := range presets {
		spec, _ := p.hello()
		for _, g := range offeredGroups(&spec) {
			for _, v := range []uint16{backend.TLS12, backend.TLS13} {
				if !reaches(p.name, v) || g == tls.X25519MLKEM768 && v == backend.TLS12 {
					continue
				}
				address := listen(t, &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.RSA2048).TLS()}, MaxVersion: v, CurvePreferences: []tls.CurveID{g}})
				if _, err := talk(endpoint(t, p.name, pki.P256), address, "ping\n"); err != nil {
					t.Errorf("%s, %s, %s: %v", p.name, g, tls.VersionName(v), err)
				}
			}
		}
	}
}
