package resolve

import (
	"strings"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	query, _ := newQuery(7, "mail.example.", typeA)
	f.Add(query, "mail.example.")
	query[2] |= 0x80
	f.Add(query, "mail.example.")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		for _, kind := range []recordType{typeA, typeAAAA, typePTR} {
			a, truncated, ours, err := parse(b, 7, name, kind)
			if ours && err == nil && !truncated && a.empty() {
				t.Error("an answer without records")
			}
			if !ours && !a.empty() {
				t.Error("records of a foreign answer")
			}
		}
	})
}

func FuzzFiles(f *testing.F) {
	f.Add(twoServers, "host.example")
	f.Add("127.0.0.1 a b\n::1 c # d\n", "a")
	f.Fuzz(func(t *testing.T, text, name string) {
		c := parseConfig(text)
		if len(c.servers) == 0 || len(c.servers) > maxServers || c.timeout < time.Second || c.attempts < 1 || len(c.search) > maxSearch {
			t.Errorf("%+v", c)
		}
		if validName(name) {
			for _, n := range c.candidates(name, true) {
				if !validName(n) || !strings.HasSuffix(n, ".") {
					t.Errorf("%q", n)
				}
			}
		}
		for _, line := range parseHosts(text) {
			if len(line.names) == 0 || !line.ip.IsValid() {
				t.Errorf("%+v", line)
			}
		}
	})
}

func FuzzIdent(f *testing.F) {
	f.Add("6193, 23 : USERID : UNIX : stjohns")
	f.Add("6193, 23 : ERROR : NO-USER")
	f.Fuzz(func(t *testing.T, line string) {
		user, err := parseIdent(line, 23, 6193)
		if (user == "") == (err == nil) || user != "" && !validUser(user) {
			t.Errorf("%q, %v", user, err)
		}
	})
}
