//go:build linux

package cli

import (
	"slices"
	"sort"
	"strings"
	"testing"
)

func TestProgKeepsThePID(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, nil, version)
		if a.PID != x.pid {
			t.Errorf("prog has pid %d, the tool had %d", a.PID, x.pid)
		}
		if io := child(t, x.pid, "s6-tlsd-io"); io == x.pid {
			t.Error("the tunnel has the pid")
		}
		a.exit(3)
		c.Close()
		x.expect(3, "")
	})
}

// Variables by what is to become of them.
var (
	configuration = []string{
		"CERTFILE:foo.example", "KEYFILE:foo.example", "CERTFILE:*.example.net", "KEYFILE:*.example.net", "CERTFILE:", "KEYFILE:",
		"CADIR", "CAFILE", "TLS_UID", "TLS_GID", "TLS_MIN_VERSION", "TLS_MAX_VERSION", "TLS_ALPN", "TLS_CRLFILE", "TLS_EXPORT",
		"TLS_FIPS", "TLS_IDLE_TIMEOUT", "TLS_LINGER", "TLS_SANDBOX", "TLS_KEYGUARD", "TLS_TICKETKEYS", "TLS_FINGERPRINT", "SSLKEYLOGFILE",
	}
	identity = []string{
		"SSL_PROTOCOL", "SSL_CIPHER", "SSL_TLS_SNI_SERVERNAME", "SSL_PEER_CERT_HASH", "SSL_PEER_CERT_SUBJECT", "SSL_ALPN",
		"SSL_CLIENT_S_DN", "SSL_CLIENT_VERIFY", "SSL_CLIENT_CERT_CHAIN_0", "SSL_SERVER_S_DN_CN", "SSL_PEER_ANYTHING", "SSL_SESSION_ID",
		"SSL_TLS_SNI", "SSL_VERSION_LIBRARY", "SSL_CIPHER_USEKEYSIZE", "SSL_COMPRESS_METHOD", "SSL_SECURE_RENEG", "HTTPS",
	}
	nearMisses = []string{
		"KEYFILEX", "CERTFILE2", "TLS_UIDX", "CADIRX", "XCAFILE", "CAFILE:x", "TLS_ALPN_X", "KEYFIL", "TLS_", "SSL_CLIENT", "SSL_SERVER",
		"SSL_SESSION", "SSL_PEER", "SSL_CERT_FILE", "SSL_CERT_DIR", "UCSPITLS", "SSL_PROTOCOLS", "SSLKEYLOGFILES", "ssl_cipher", "certfile",
		"GODEBUG", "GOTRACEBACK", "GOMEMLIMIT", "GOGC", "TCPREMOTEIP", "PROTO",
	}
)

// The app of an immediate tool is only there after a handshake: its values
// must be such that it succeeds.
var harmless = map[string]string{
	"TLS_MIN_VERSION": "1.2", "TLS_MAX_VERSION": "1.3", "TLS_ALPN": "smtp", "TLS_EXPORT": "s6", "TLS_IDLE_TIMEOUT": "0", "TLS_LINGER": "1000", "TLS_SANDBOX": "off",
	"GODEBUG": "http2debug=0", "GOTRACEBACK": "none", "GOMEMLIMIT": "1GiB", "GOGC": "100", "TCPREMOTEIP": "192.0.2.1",
	"TLS_UID": "0", "TLS_GID": "0", "SSLKEYLOGFILE": "FOLDER/log",
}

func TestEnvironment(t *testing.T) {
	chainOnly(t, "TLS_IOD is one more variable")
	t.Parallel()
	for _, program := range servers {
		for _, c := range []struct {
			name string
			args []string
			keep bool
		}{
			{"default", nil, false}, {"-z", []string{"-z"}, false}, {"-Z", []string{"-Z"}, true},
			{"-z -Z", []string{"-z", "--keep"}, true}, {"-Z -z", []string{"-Z", "--no-keep"}, false},
		} {
			t.Run(program+" "+c.name, func(t *testing.T) {
				t.Parallel()
				base, dir := material(t)
				var env []string
				for _, list := range [][]string{configuration, identity, nearMisses} {
					for _, name := range list {
						value := "stale"
						if v, ok := harmless[name]; ok {
							value = strings.Replace(v, "FOLDER", dir, 1)
						} else if !delayed(program) && unusable[name] {
							continue // it would end the tunnel before prog starts
						}
						env = append(env, name+"="+value)
					}
				}
				env = append(override(base, env), "SSLCTLFD=77", "SSLREADFD=78", "SSLWRITEFD=79")
				x := serveWith(t, spec{program: program, args: c.args, env: env})
				if !delayed(program) {
					conn := handshake(t, x.peer, tls13)
					defer conn.Close()
				}
				a := x.stage.app()
				want := []string{"PATH", appVariable}
				for _, item := range env {
					name, _, _ := strings.Cut(item, "=")
					switch {
					case slices.Contains(identity, name), strings.HasPrefix(name, "SSL") && strings.HasSuffix(name, "FD"):
					case slices.Contains(configuration, name), name == "CERTFILE", name == "KEYFILE":
						if c.keep {
							want = append(want, name)
						}
					default:
						want = append(want, name)
					}
				}
				if delayed(program) {
					want = append(want, "SSLCTLFD", "SSLREADFD", "SSLWRITEFD")
					if a.ctl >= 77 || a.rd >= 77 || a.wr >= 77 {
						t.Errorf("stale descriptors %d %d %d", a.ctl, a.rd, a.wr)
					}
				} else {
					want = append(want, "SSL_PROTOCOL", "SSL_CIPHER", "SSL_TLS_SNI_SERVERNAME")
				}
				a.expectVariables(want)
				a.exit(0)
				x.code()
			})
		}
	}
}

// expectVariables wants prog to have variables of these names, and none that it
// was started with to say who the peer is.
func (a *app) expectVariables(want []string) {
	a.t.Helper()
	var got []string
	for _, item := range a.Env {
		name, value, _ := strings.Cut(item, "=")
		got = append(got, name)
		if slices.Contains(identity, name) && value == "stale" {
			a.t.Errorf("%s is stale", name)
		}
	}
	sort.Strings(got)
	sort.Strings(want)
	if diff := difference(got, want); diff != "" {
		a.t.Errorf("prog's environment: %s", diff)
	}
}

// unusable variables are refused by an -io of this build whatever they hold,
// or would need a file.
var unusable = map[string]bool{
	"TLS_TICKETKEYS": true, "TLS_FIPS": true, "TLS_KEYGUARD": true,
}

// difference of two sorted lists, in words.
func difference(got, want []string) string {
	var b strings.Builder
	for len(got) > 0 || len(want) > 0 {
		switch {
		case len(want) == 0 || len(got) > 0 && got[0] < want[0]:
			b.WriteString(" has " + got[0])
			got = got[1:]
		case len(got) == 0 || want[0] < got[0]:
			b.WriteString(" lacks " + want[0])
			want = want[1:]
		default:
			got, want = got[1:], want[1:]
		}
	}
	return b.String()
}

// The -io is told nothing that could loosen TLS; prog keeps it.
func TestRuntimeVariablesAreKeptFromTheTunnel(t *testing.T) {
	t.Parallel()
	loose := []string{"GODEBUG=tlsrsakex=1", "GOTRACEBACK=crash", "GOMEMLIMIT=1", "GOGC=off"}
	x := serve(t, "s6-ucspitlsd", nil, loose...)
	a := x.stage.app()
	a.write(a.ctl, "Y")
	io := child(t, x.pid, "s6-tlsd-io")
	for _, item := range environOf(t, io) {
		if slices.Contains(loose, item) {
			t.Errorf("the tunnel got %s", item)
		}
	}
	for _, name := range []string{"GODEBUG", "GOTRACEBACK", "GOMEMLIMIT", "GOGC"} {
		if _, ok := a.lookup(name); !ok {
			t.Errorf("prog did not get %s", name)
		}
	}
	a.exit(0)
	x.peer.Close()
	x.code()
}

// Only what it needs is on the -io's command line.
func TestCommandLineOfTheTunnel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, want string
		command    string
	}{
		{"", "-- 3 4", "y"},
		{"", "-d 5 -- 3 4", "Y"},
		{"-v1 -s -j -K 0 -k 0 -z", "-- 3 4", "y"},
		{"-v2 -S -J -y -K 5000 -k 2 -Z", "-d 5 -v 2 -S -J -K 5000 -y --mandatory-sni -- 3 4", "Y"},
		{"-Y --mandatory-sni -k1", "-Y --sni -- 3 4", "y"},
		{"--verbosity=0 --close-notify --handshake-timeout=7000", "-v 0 -S -K 7000 -- 3 4", "y"},
	} {
		t.Run(c.args+" "+c.command, func(t *testing.T) {
			t.Parallel()
			base, dir := material(t)
			env := append(base, "CERTFILE:x="+dir+"/server.pem", "KEYFILE:x="+dir+"/server.key")
			x := serveWith(t, spec{program: "s6-ucspitlsd", args: strings.Fields(c.args), env: env})
			a := x.stage.app()
			a.write(a.ctl, c.command)
			io := child(t, x.pid, "s6-tlsd-io")
			if got := strings.Join(commandLine(t, io)[1:], " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			a.exit(0)
			x.peer.Close()
			x.code()
		})
	}
}
