package session

import (
	"errors"
	"strconv"
	"syscall"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/hostname"
	"ucspitls/internal/diag"
	"ucspitls/internal/peer"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// inform gives the information for prog, and says it at -v3.
func (t *Tunnel) inform(s backend.State) []byte {
	pairs := information(s)
	for _, p := range pairs {
		t.request.Printer.Debug(p.Name, "=", p.Value)
	}
	return ucspi.AppendBlob(nil, pairs)
}

// information is what prog is told. The server name comes from the network:
// only a valid host name is passed on. The peer's certificate is in State only
// if it was verified.
func information(s backend.State) []ucspi.Pair {
	pairs := []ucspi.Pair{
		{Name: ucspi.Protocol, Value: protocol(s.Version)},
		{Name: ucspi.Cipher, Value: s.Cipher},
	}
	if hostname.Valid(s.ServerName) {
		pairs = append(pairs, ucspi.Pair{Name: ucspi.ServerName, Value: s.ServerName})
	}
	if s.Peer != nil {
		pairs = append(pairs, ucspi.Pair{Name: ucspi.PeerCertHash, Value: peer.Hash(s.Peer)})
		if subject, err := peer.Subject(s.Peer); err == nil {
			pairs = append(pairs, ucspi.Pair{Name: ucspi.PeerCertSubject, Value: subject})
		}
	}
	return append(pairs, ucspi.Pair{Name: ucspi.NegotiatedALPN, Value: s.ALPN})
}

func protocol(version uint16) string {
	switch version {
	case backend.TLS12:
		return "TLSv1.2"
	case backend.TLS13:
		return "TLSv1.3"
	}
	return ""
}

// codes is the exit code of each kind of backend error.
var codes = [...]int{
	backend.Config:    diag.Config,
	backend.Setup:     diag.Setup,
	backend.Handshake: diag.TLS,
	backend.Record:    diag.TLS,
	backend.Truncated: diag.TLS,
}

// code is the exit code of an error of a backend.
func code(err error) int {
	var e *backend.Error
	if errors.As(err, &e) {
		return codes[e.Kind]
	}
	return diag.Bug
}

// variables are what a Config error of this reason is about: the contract
// knows none.
var variables = map[backend.Reason]string{
	backend.NoGuard:             ucspi.KeyGuard + "=1",
	backend.FingerprintNoGuard:  ucspi.KeyGuard + "=1",
	backend.NoFingerprint:       ucspi.Fingerprint,
	backend.UnknownFingerprint:  ucspi.Fingerprint,
	backend.FingerprintVersions: ucspi.Fingerprint,
	backend.FingerprintALPN:     ucspi.Fingerprint,
	backend.FingerprintNoALPN:   ucspi.Fingerprint,
}

// text is what an administrator reads of an error of a backend.
func text(e *backend.Error) string {
	if name := variables[e.Reason]; name != "" {
		return name + ": " + e.Error()
	}
	return e.Error()
}

// outcome turns the end of a tunnel into the program's last line and code. What
// the peer did wrong is said from -v1 on, what is ours always.
func (s *Setup) outcome(err error, r *Request) *diag.Error {
	if err == nil {
		return nil
	}
	var own *diag.Error
	if errors.As(err, &own) {
		return own // a file that was read late, for the name that was asked for
	}
	e := &diag.Error{Code: diag.TLS, Text: err.Error(), Level: diag.Normal}
	var tls *backend.Error
	var net *tunnel.NetworkError
	var stuck *tunnel.UndeliveredError
	var unread *tunnel.UnreadError
	switch {
	case errors.As(err, &tls):
		e.Code, e.Text = codes[tls.Kind], text(tls)
		if e.Code != diag.TLS {
			e.Level = diag.Quiet
		}
		if tls.Kind == backend.Handshake {
			e.Text = handshakeFailed(r.Remote) + e.Text
		}
		if r.Printer.Verbosity >= diag.Verbose && tls.Err != nil {
			e.Text += diag.Join(" [", s.backend.Info().Name, ": ", tls.Err.Error(), "]")
		}
	case errors.As(err, &net):
		e.Text = "connection lost: " + diag.Cause(net.Err)
		if net.Handshake {
			e.Text = handshakeFailed(r.Remote) + diag.Cause(net.Err)
		}
	case errors.As(err, &stuck):
		e.Text = "the peer did not take everything: " + strconv.FormatInt(stuck.Bytes, 10) + " bytes not acknowledged"
	case errors.As(err, &unread):
		e.Text = "prog did not read everything: " + strconv.FormatInt(unread.Bytes, 10) + " bytes left (" + ucspi.Linger + ")"
	case errors.Is(err, tunnel.ErrHandshakeTimeout), errors.Is(err, tunnel.ErrCleartext):
		if r.Remote != "" {
			e.Text += diag.Join(", peer ", r.Remote)
		}
	case errors.Is(err, tunnel.ErrIdle):
		e.Text = "idle for " + strconv.FormatInt(r.Rules.IdleTimeout.Milliseconds(), 10) + " ms (" + ucspi.IdleTimeout + ")"
	case errors.Is(err, tunnel.ErrNoCloseNotify):
	default:
		var errno syscall.Errno
		e.Level, e.Code, e.Text = diag.Quiet, diag.Bug, "internal error: "+err.Error()
		if errors.As(err, &errno) {
			e.Code, e.Text = diag.System, "unable to move data: "+errno.Error()
		}
	}
	return e
}

func handshakeFailed(remote string) string {
	if remote != "" {
		return diag.Join("handshake with ", remote, " failed: ")
	}
	return "handshake failed: "
}

// summary is the one line of -v2 about the whole session.
func (t *Tunnel) summary(s backend.State, took time.Duration, err error) {
	if t.request.Printer.Verbosity < diag.Verbose {
		return
	}
	what := "no TLS"
	if s.Version != 0 {
		what = protocol(s.Version)
		for _, word := range []string{s.Cipher, s.Group} {
			if word != "" { // not known yet when a handshake failed
				what += " " + word
			}
		}
	}
	named := ""
	if s.ServerName != "" {
		named = ", server name "
		if t.setup.role.Server && !hostname.Valid(s.ServerName) { // prog was not told
			named += "(not a host name) "
		}
	}
	line := ", not resumed"
	if s.Resumed {
		line = ", resumed"
	}
	if fips := t.setup.backend.Info().FIPS; fips != "off" {
		line += ", FIPS " + fips
	}
	line += ", " + strconv.FormatInt(t.Stats.FromProg, 10) + " bytes from prog, " +
		strconv.FormatInt(t.Stats.ToProg, 10) + " bytes to prog, " +
		strconv.FormatFloat(took.Seconds(), 'f', 3, 64) + " s, "
	switch {
	case err != nil:
		line += "failed"
	case t.StrictPeer:
		line += "ended normally (the peer wanted a close_notify: see -S)"
	case t.Stats.Unacked > 0:
		line += "reset by the peer at the end, " + strconv.FormatInt(t.Stats.Unacked, 10) + " bytes were not acknowledged"
	default:
		line += "ended normally"
	}
	t.request.Printer.Info(what, named, s.ServerName, line)
}
