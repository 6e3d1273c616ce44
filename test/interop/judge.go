package main

import (
	"fmt"
	"strconv"
	"strings"
)

// judge compares what happened with what the conditions ask for.
func (r *Result) judge() {
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	by, why := r.refuses()
	if by != "" {
		r.Outcome = "refused"
		r.judgeRefusal(by, say)
		if len(faults) == 0 {
			r.Why = why
		}
	} else {
		r.Outcome = "ok"
		r.judgeSession(say)
	}
	if len(faults) > 0 {
		r.Outcome, r.Why = "unexpected", strings.Join(faults, "; ")
	}
}

type saying func(format string, args ...any)

// judgeRefusal: no byte of payload got through, and ours say 98 and why.
func (r *Result) judgeRefusal(by string, say saying) {
	for _, role := range []string{"server", "client"} {
		s := r.side(role)
		if s.In.N > 0 {
			say("the %s was to refuse, and %s got %d bytes all the same", by, label(s.Name), s.In.N)
		}
		if !s.Ours {
			continue
		}
		if s.Exit != "98" && !(r.silent(role) && s.Exit == "0") {
			say("our %s ended with %s, not 98", role, s.Exit)
		}
		if want := map[bool]int{true: 1, false: 0}[s.Exit == "98"]; len(s.fatal()) != want {
			say("our %s printed %d fatal lines, not %d", role, len(s.fatal()), want)
		}
		if role == by && role == "server" && s.Ran && r.Entry != "delayed" {
			say("prog ran behind a refused handshake")
		}
	}
}

// silent reports whether a peer was to refuse our side and no alert came: it
// looked at the certificate after the handshake and left. Ours has seen a short
// session then, 0, or a reset, 98, as chance has it.
func (r *Result) silent(role string) bool {
	by, _ := r.refuses()
	return by != "" && by != role && !r.side(by).Ours && r.side(by).Alert == "" && r.side(role).Alert == ""
}

// judgeSession: the payload arrived whole, both tell the same story as the
// wire, and ours end with the code that the other's ending deserves.
func (r *Result) judgeSession(say saying) {
	want := count(payload(r.bytes()))
	for _, role := range []string{"server", "client"} {
		s, other := r.side(role), "client"
		if role == "client" {
			other = "server"
		}
		if s.In != want && !r.isEcho(role) {
			say("%s got %d of %d bytes%s", label(s.Name), s.In.N, want.N, map[bool]string{true: ", changed"}[s.In.N == want.N])
		}
		if s.Exit == "late" {
			say("%s did not end", label(s.Name))
		}
		if s.Protocol != "" && s.Protocol != r.Wire.Protocol && "TLSv"+strings.TrimPrefix(s.Protocol, "TLS") != r.Wire.Protocol {
			say("%s says %s, the wire %s", label(s.Name), s.Protocol, r.Wire.Protocol)
		}
		if s.Ours {
			r.judgeOurs(role, s, r.side(other), say)
		}
	}
	if r.Wire.Protocol != "TLSv"+r.Version {
		say("the wire has %q, not TLSv%s", r.Wire.Protocol, r.Version)
	}
	if g := map[string]string{"x25519": "X25519", "p256": "P-256", "p384": "P-384"}[r.Group]; g != "" && r.Wire.Group != g {
		say("the wire has the group %q, not %s", r.Wire.Group, g)
	}
	switch tickets := r.Session == "tickets"; {
	case r.Wire.Resumed && !tickets:
		say("the session was resumed, and no ticket keys are set")
	case !r.Wire.Resumed && tickets:
		say("the session was not resumed")
	}
}

func (r *Result) isEcho(role string) bool {
	s := r.side(role)
	return !s.Ours && peerNamed(s.Name).side(role).talk == echo
}

func (r *Result) judgeOurs(role string, s, other *Side, say saying) {
	want := 0
	if end := r.endOf(other); strings.Contains(r.Flags, "J") && !notified(end) {
		want = 98
	}
	if s.Exit != strconv.Itoa(want) {
		say("our %s ended with %s, not %d%s", role, s.Exit, want, asWords(s.fatal()))
	}
	if s.Protocol != r.Wire.Protocol || s.Cipher != r.Wire.Cipher {
		say("our %s's blob has %s %s, the wire %s %s", role, s.Protocol, s.Cipher, r.Wire.Protocol, r.Wire.Cipher)
	}
	if alpn := r.takes(); alpn != s.ALPN {
		say("our %s's blob has SSL_ALPN %q, not %q", role, s.ALPN, alpn)
	}
	name := r.name()
	if got := s.blob("SSL_TLS_SNI_SERVERNAME"); got != name {
		say("our %s's blob has the server name %q, not %q", role, got, name)
	}
	presents := role == "client" || r.Cert == "good"
	if has := s.blob("SSL_PEER_CERT_HASH") != ""; has != presents {
		say("our %s's blob has a peer certificate: %v, not %v", role, has, presents)
	}
}

func (r *Result) endOf(s *Side) string {
	if s == &r.Server {
		return r.Wire.ServerEnd
	}
	return r.Wire.ClientEnd
}

func (s *Side) fatal() []string {
	var lines []string
	for _, line := range s.Lines {
		if strings.Contains(line, ": fatal: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func asWords(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return " (" + strings.Join(lines, "; ") + ")"
}

// label is a name for people.
func label(name string) string {
	if isBackend(name) {
		return "our " + bare(name)
	}
	return peerNamed(name).title
}

// alertWord makes one spelling of the ways in which programs name an alert.
func alertWord(s string) string {
	if n, err := strconv.Atoi(s); err == nil {
		if byte(n) == 0 { // close_notify is no failure
			return ""
		}
		return alertName(byte(n)) // curl has the level above it
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
}
