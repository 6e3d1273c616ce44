//go:build linux

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/line"
)

// What comes from elsewhere makes no line, hides none and changes no terminal,
// from wherever it is and whatever it holds.

const forgedLine = "s6-tlsserver: info: allow pid 1 ip 1.2.3.4"

var hostile = map[string]string{
	"newline": "a\n" + forgedLine + "\n", "return": "a\r" + forgedLine, "escape": "\x1b[2J\x1b]0;x\x07", "NUL": "a\x00b", "delete": "a\x7fb",
	"C1 as a byte": "\x9b31mred", "C1 in UTF-8": "\u009b31mred", "next line": "a\u0085" + forgedLine, "line separator": "a\u2028" + forgedLine,
	"right to left": "a\u202eb", "no UTF-8": "\xff\xfe\xc3", "long": strings.Repeat("a", 60000) + forgedLine,
	"as long as s6-log's line":   strings.Repeat("a", 8192-len("s6-tlsd-io: info: TLSv1.2, server name ")) + forgedLine,
	"long, and all escaped":      strings.Repeat("\n", 60000),
	"an escape of its own":       `a\x0A` + forgedLine,
	"the end of a line that was": strings.Repeat(" ", 200) + "ended normally\n" + forgedLine,
}

// A source is a way by which others' text comes into a line. It starts a
// program, and leaves it to end.
type source struct {
	name     string
	programs []string
	start    func(t *testing.T, program, value string) *process
	takes    func(value string) bool // what this way can carry; nil: anything
	mayFail  bool                    // the backends differ in what they refuse
}

var (
	argument = func(v string) bool { return !strings.Contains(v, "\x00") }
	ascii    = isASCII
)

var programs = []string{"s6-tlsd", "s6-ucspitlsd", "s6-tlsc", "s6-ucspitlsc", "s6-tlsd-io", "s6-tlsc-io", "s6-tlsd-iod", "s6-tlsserver", "s6-tlsclient", "s6-tls-ticketkeys"}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// greet has a peer shake hands as far as it gets, with nobody who minds.
func greet(t *testing.T, program string, args, env []string, tweaks ...tweak) *process {
	if args = append([]string{"-v2"}, args...); !delayed(program) {
		args = append(args, "true")
	}
	x := serve(t, program, args, env...)
	if delayed(program) {
		a := x.stage.app()
		a.write(a.ctl, "y")
		a.exit(0)
	}
	c := client(t, x.peer, tweaks...)
	c.Handshake()
	c.Close()
	return x.process
}

var sources = []source{
	{name: "server name", programs: servers, mayFail: true, start: func(t *testing.T, program, value string) *process {
		return greet(t, program, nil, nil, askFor(value))
	}},
	{name: "unknown server name", programs: servers, start: func(t *testing.T, program, value string) *process {
		env, dir := material(t)
		env = override(env, named(t, nil, dir, "other.example", pki.New(t).Server(pki.P256)))
		return greet(t, program, []string{"-k2"}, env, askFor(value))
	}},
	{name: "protocols", programs: servers, start: func(t *testing.T, program, value string) *process {
		return greet(t, program, nil, []string{"TLS_ALPN=smtp"}, func(c *tls.Config) {
			for p := range slices.Chunk([]byte(value), 255) {
				c.NextProtos = append(c.NextProtos, string(p))
			}
		})
	}},
	{name: "subject", programs: servers, mayFail: true, start: func(t *testing.T, program, value string) *process {
		cert := issueNamed(t, value, pki.New(t).Intermediate, pki.Spec{Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return greet(t, program, []string{"-y"}, nil, withCert(cert))
	}},
	{name: "issuer", programs: servers, start: func(t *testing.T, program, value string) *process {
		ca := issueNamed(t, value, nil, pki.Spec{CA: true})
		cert := issueNamed(t, "x", ca, pki.Spec{Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		cert.Chain = append(cert.Chain, ca.DER())
		return greet(t, program, []string{"-y"}, nil, withCert(cert))
	}},
	{name: "cleartext", programs: servers, start: func(t *testing.T, program, value string) *process {
		x := serve(t, program, []string{"-v2"})
		go func() { x.peer.Write([]byte(value)); x.peer.CloseWrite() }()
		if delayed(program) {
			a := x.stage.app()
			a.write(a.ctl, "y")
			a.exit(0)
		}
		return x.process
	}},
	{name: "TCPREMOTEIP", programs: servers, takes: argument, start: func(t *testing.T, program, value string) *process {
		x := serve(t, program, []string{"-v2"}, "TCPREMOTEIP="+value)
		x.peer.Write([]byte("RSET\r\n"))
		x.peer.CloseWrite()
		if delayed(program) {
			a := x.stage.app()
			a.write(a.ctl, "y")
			a.exit(0)
		}
		return x.process
	}},
	{name: "names of a server", programs: clients, takes: ascii, start: func(t *testing.T, program, value string) *process {
		cert := pki.New(t).Issue(pki.Spec{Issuer: pki.New(t).Intermediate, DNS: []string{value, "b.example"}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		return refusing(t, program, cert)
	}},
	{name: "subject of a server", programs: clients, start: func(t *testing.T, program, value string) *process {
		return refusing(t, program, issueNamed(t, value, nil, pki.Spec{DNS: []string{pki.Host}}))
	}},
	{name: "CAFILE", programs: clients, takes: argument, start: func(t *testing.T, program, value string) *process {
		return configured(t, program, nil, "CAFILE=/nonexistent/"+value)
	}},
	{name: "KEYFILE", programs: servers, takes: argument, start: func(t *testing.T, program, value string) *process {
		return configured(t, program, nil, "KEYFILE=/nonexistent/"+value)
	}},
	{name: "CERTFILE for a name", programs: servers, takes: argument, start: func(t *testing.T, program, value string) *process {
		return configured(t, program, []string{"-k1"}, "CERTFILE:"+strings.ReplaceAll(value, "=", "")+"=/nonexistent/"+value)
	}},
	{name: "TLS_FIPS", programs: slices.Concat(servers, clients), takes: argument, start: func(t *testing.T, program, value string) *process {
		return configured(t, program, nil, "TLS_FIPS="+value)
	}},
	{name: "TLS_ALPN", programs: servers, takes: argument, start: func(t *testing.T, program, value string) *process {
		return configured(t, program, nil, "TLS_ALPN=,"+value)
	}},
	{name: "servername", programs: clients, takes: argument, start: func(t *testing.T, program, value string) *process {
		return configured(t, program, []string{"-k", "-" + value})
	}},
	{name: "option", programs: programs, takes: argument, start: func(t *testing.T, program, value string) *process {
		return start(t, spec{program: program, args: []string{"--nope=" + value}})
	}},
	{name: "operand", programs: []string{"s6-tlsd-iod", "s6-tlsserver", "s6-tlsclient", "s6-tls-ticketkeys"}, takes: argument, start: func(t *testing.T, program, value string) *process {
		return start(t, spec{program: program, args: []string{"/nonexistent/" + value, "1", "true"}})
	}},
}

// issueNamed makes a certificate whose subject is name, in the string type that
// can hold it.
func issueNamed(t *testing.T, name string, issuer *pki.Cert, s pki.Spec) *pki.Cert {
	t.Helper()
	tag := asn1.TagUTF8String
	if !utf8.ValidString(name) {
		tag = asn1.TagT61String
	}
	s.Issuer = issuer
	s.Edit = func(c *x509.Certificate) {
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: asn1.RawValue{Tag: tag, Bytes: []byte(name)}}}}
	}
	return pki.New(t).Issue(s)
}

// refusing is a client tool whose server shows a certificate that it can't take.
func refusing(t *testing.T, program string, cert *pki.Cert) *process {
	x := dial(t, program, []string{"-v2", "-k", pki.Host})
	if x.wait {
		a := x.app()
		a.write(a.ctl, "y")
		a.exit(0)
	}
	c := answering(t, x.peer, showing(cert))
	c.Handshake()
	c.Close()
	return x.process
}

// configured is a tool with a setting that is wrong.
func configured(t *testing.T, program string, args []string, env ...string) *process {
	var p *process
	var stage *stage
	if args = append([]string{"-v2"}, args...); isServerTool(program) {
		x := serve(t, program, args, env...)
		p, stage = x.process, x.stage
	} else {
		x := dial(t, program, args, env...)
		p, stage = x.process, x.stage
	}
	if delayed(program) {
		a := stage.app()
		a.write(a.ctl, "y")
		a.exit(0)
	}
	return p
}

func TestLinesOfOthers(t *testing.T) {
	t.Parallel()
	for _, s := range sources {
		for _, program := range s.programs {
			t.Run(s.name+"/"+program, func(t *testing.T) {
				t.Parallel()
				want := levels(t, s.start(t, program, "benign.example"))
				if len(want) == 0 {
					t.Fatal("nothing was said")
				}
				for _, name := range slices.Sorted(maps.Keys(hostile)) {
					if value := hostile[name]; s.takes == nil || s.takes(value) {
						got := levels(t, s.start(t, program, value))
						if s.mayFail {
							delete(got, "fatal")
							delete(want, "fatal")
						}
						if !maps.Equal(got, want) {
							t.Errorf("%s: %v lines, and %v with a harmless value", name, got, want)
						}
					}
				}
			})
		}
	}
}

// TestServerNameInTheSummary: a host name stands there whole, and what prog is not
// told is marked.
func TestServerNameInTheSummary(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61)
	for asked, want := range map[string]string{
		"mail.example": ", server name mail.example, not", longest: ", server name " + longest + ", not", "a_b.example": ", server name (not a host name) a_b.example, not",
	} {
		if said := greet(t, "s6-tlsd", nil, nil, askFor(asked)).stderr(); strings.Count(said, want) != 1 {
			t.Errorf("%q is not in %q", want, said)
		}
	}
}

// levels checks the form of all that was said, and counts the lines of each level.
func levels(t *testing.T, p *process) map[string]int {
	t.Helper()
	n := map[string]int{}
	for said := range strings.Lines(p.stderr()) {
		n[levelOf(t, said)]++
	}
	if p.daemon != nil {
		for said := range strings.Lines(p.daemon.written()) {
			levelOf(t, said)
		}
	}
	return n
}

// levelOf checks one line with its newline and gives its level.
func levelOf(t *testing.T, said string) string {
	t.Helper()
	name, rest, _ := strings.Cut(strings.TrimSuffix(said, "\n"), ": ")
	level, text, _ := strings.Cut(rest, ": ")
	limit := line.Max
	if level == "usage" {
		limit = line.MaxOwn
	}
	bad := strings.IndexFunc(said[:len(said)-1], func(r rune) bool { return r < ' ' || r > '~' }) >= 0
	if !slices.Contains(programs, name) ||
		!slices.Contains([]string{"fatal", "warning", "info", "debug", "usage"}, level) || text == "" || len(said) > limit || bad || !strings.HasSuffix(said, "\n") || strings.HasPrefix(said, forgedLine[:24]) {
		t.Errorf("%d bytes: %q", len(said), said)
	}
	return level
}
