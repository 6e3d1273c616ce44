package option

import (
	"strings"
	"testing"
)

// What the TLS wrapper gets of s6-tlsserver's command line.
func TestServerWrapper(t *testing.T) {
	for words, want := range map[string]string{
		"":                              "",
		"-q":                            "-v 0",
		"-v":                            "-v 2",
		"-qQ":                           "",
		"-S -J -y -K 5000 -Z -k 2":      "-S -J -K 5000 -y --mandatory-sni -Z",
		"-s -j -Y -z -k 1":              "-Y --sni",
		"--sni":                         "--sni",
		"--mandatory-sni --sni-level=0": "",
		"-yY":                           "-Y",
		"-u 1 -g 2 -G 3,4":              "--uid=1 --gid=2 --gidlist=3,4",
		"--uid=0 --gid=0 --gidlist=":    "--uid=0 --gid=0 --gidlist=",
		"-U":                            "--envuidgid",
		"--envuidgid":                   "--envuidgid",
		"-Zz --keep --no-keep":          "",
		"--close-notify --mandatory-client-cert --handshake-timeout=7": "-S -K 7 -y",
		"-1DdHhrRpPwW -l n -B b -t 5 -c 3 -C 2 -b 9 --delayed":         "",
	} {
		s, rest, err := TLSServer.Parse(append(strings.Fields(words), "--", "ip", "port", "prog"))
		if err != nil || len(rest) != 3 {
			t.Errorf("%s: %v, %v", words, rest, err)
			continue
		}
		if got := strings.Join(s.ServerWrapper(), " "); got != want {
			t.Errorf("%s: got %s, want %s", words, got, want)
		}
		// The wrapper takes it, and means the same.
		again, _, err := TLSD.Parse(append(s.ServerWrapper(), "--", "prog"))
		if err != nil {
			t.Errorf("%s: s6-tlsd says %v", words, err)
		} else if strings.Join(again.ServerIO(), " ") != strings.Join(s.ServerIO(), " ") || again.Is(Keep) != s.Is(Keep) {
			t.Errorf("%s: s6-tlsd understands %v", words, again)
		}
	}
}

func TestClientWrapper(t *testing.T) {
	for words, want := range map[string]string{
		"":                       "",
		"-v":                     "-v 2",
		"-q":                     "-v 0",
		"-S -J -y -K 5 -Z -k n":  "-S -J -K 5 -y -kn -Z",
		"-yY --no-verify-cert":   "--no-verify-cert",
		"--servername=-x --keep": "-k-x -Z",
		"-46dDrRhHnN -t 1 -l n -T 1+2 -i 1.2.3.4 -p 5": "",
	} {
		s, rest, err := TLSClient.Parse(append(strings.Fields(words), "--", "host", "port", "prog"))
		if err != nil || len(rest) != 3 {
			t.Errorf("%s: %v, %v", words, rest, err)
			continue
		}
		if got := strings.Join(s.ClientWrapper(""), " "); got != want {
			t.Errorf("%s: got %s, want %s", words, got, want)
		}
		if _, _, err := TLSC.Parse(append(s.ClientWrapper(""), "--", "prog")); err != nil {
			t.Errorf("%s: s6-tlsc says %v", words, err)
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	for words, want := range map[string][2]int{
		"":              {40, 40},
		"-c 10":         {10, 10},
		"-c 100":        {100, 40},
		"-c 100 -C 70":  {100, 70},
		"-c 5 -C 70":    {5, 5},
		"-c 0 -C 0":     {1, 1},
		"-C 3":          {40, 3},
		"-c 4294967295": {maxLimit, 40},
		"--global-max-connections=9 --local-max-connections=8": {9, 8},
	} {
		s, _, err := TLSServer.Parse(strings.Fields(words))
		if err != nil || s.MaxConns() != want[0] || s.MaxEach() != want[1] {
			t.Errorf("%s: %v, %+v", words, err, s)
		}
	}
}

func TestConnectionTimeouts(t *testing.T) {
	for words, want := range map[string][2]uint32{
		"": {2, 58}, "-T 5": {5, 0}, "-T5+6": {5, 6}, "--connection-timeouts=0+1": {0, 1}, "-T 5+6 -T 7": {7, 0},
	} {
		s, _, err := TLSClient.Parse(strings.Fields(words))
		if err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		if x, y := s.ConnTimeouts(); [2]uint32{x, y} != want {
			t.Errorf("%s: %d+%d", words, x, y)
		}
	}
}

// The letters and names of the original, s6-networking 2.8.0.1: none is missing.
func TestOriginalNames(t *testing.T) {
	const common = "q quiet Q normally-verbose v verbose d nagle D no-nagle . dns H no-dns . no-hosts h hosts R no-ident r ident " +
		"s no-close-notify S close-notify j no-enforce-close-notify J enforce-close-notify z no-keep Z keep l= local-name t= timeout K= handshake-timeout "
	for table, names := range map[*Table]string{
		&TLSServer: common + "1 notify L proxy U envuidgid W no-strict-resolution w strict-resolution P no-paranoid p paranoid Y client-cert y mandatory-client-cert " +
			"c= global-max-connections C= local-max-connections b= backlog G= gidlist g= gid u= uid B= banner i= rules-directory x= rules-file k= sni-level",
		&TLSClient: common + "4 ipv4 6 ipv6 N no-qualify n qualify Y no-client-cert y client-cert . verify-cert . no-verify-cert " +
			"T= connection-timeouts i= local-ip p= local-port k= servername",
	} {
		f := strings.Fields(names)
		for i := 0; i < len(f); i += 2 {
			o := find(table, f[i+1])
			if o == nil {
				t.Errorf("%s: no --%s", table.Program, f[i+1])
				continue
			}
			if short := f[i][0]; short != '.' && o.Short != short || strings.HasSuffix(f[i], "=") != (o.Arg != "") {
				t.Errorf("%s: --%s is -%c %s", table.Program, f[i+1], o.Short, o.Arg)
			}
		}
		// Each letter and each name once.
		seen := map[string]bool{}
		for _, group := range table.Groups {
			for _, o := range group {
				for _, name := range []string{"-" + string(rune(o.Short)), "--" + o.Long} {
					if seen[name] && o.Short != 0 {
						t.Errorf("%s: %s twice", table.Program, name)
					}
					seen[name] = true
				}
			}
		}
	}
}
