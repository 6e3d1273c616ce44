package privilege

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
)

// file writes a passwd, and gives its path as the functions want it.
func file(t testing.TB, content string) string {
	path := filepath.Join(t.TempDir(), "passwd")
	os.WriteFile(path, []byte(content), 0o644)
	return path + "\x00"
}

func TestFromEnviron(t *testing.T) {
	passwd := file(t, "root:x:0:0::/:/bin/sh\n# comment\nshort:x:7\nmail:x:8:12:mail:/:/bin/sh\nodd:x:9:0::/:\nlast:x:10:11::/:")
	path := strings.TrimSuffix(passwd, "\x00")
	unset := "\x00"
	tests := []struct {
		uid, gid, passwd string
		want             IDs
		fail             string
	}{
		{unset, unset, passwd, IDs{}, ""},
		{"0", "0", passwd, IDs{}, ""},
		{"8", "5", passwd, IDs{UID: 8, GID: 5, HasUID: true, HasGID: true, SetGroups: true}, ""},
		{"8", unset, passwd, IDs{UID: 8, GID: 12, HasUID: true, HasGID: true, SetGroups: true}, ""},
		{"10", "0", passwd, IDs{UID: 10, GID: 11, HasUID: true, HasGID: true, SetGroups: true}, ""},
		{unset, "5", passwd, IDs{GID: 5, HasGID: true, SetGroups: true}, ""},
		{"9", unset, passwd, IDs{}, "no group for TLS_UID 9 in " + path + ": set TLS_GID"},
		{"99", unset, passwd, IDs{}, "no group for TLS_UID 99 in " + path + ": set TLS_GID"},
		{"8", unset, "/nonexistent\x00", IDs{}, "no group for TLS_UID 8 in /nonexistent: set TLS_GID"},
		{"mail", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"", "", passwd, IDs{}, ""}, // empty is as good as unset
		{"", "5", passwd, IDs{GID: 5, HasGID: true, SetGroups: true}, ""},
		{"8", "", passwd, IDs{UID: 8, GID: 12, HasUID: true, HasGID: true, SetGroups: true}, ""},
		{"8", " ", passwd, IDs{}, "invalid TLS_GID: it must be a numeric id"},
		{"-1", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"4294967295", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"8", "x", passwd, IDs{}, "invalid TLS_GID: it must be a numeric id"},
	}
	for _, tt := range tests {
		got, err := FromEnviron(func(name string) (string, bool) {
			v := map[string]string{"TLS_UID": tt.uid, "TLS_GID": tt.gid}[name]
			if v == unset {
				return "", false
			}
			return v, true
		}, tt.passwd)
		if tt.fail != "" {
			e, ok := err.(*diag.Error)
			if !ok || e.Code != diag.Usage || e.Text != tt.fail {
				t.Errorf("%q %q: %v", tt.uid, tt.gid, err)
			}
		} else if err != nil || got.UID != tt.want.UID || got.GID != tt.want.GID || got.HasUID != tt.want.HasUID ||
			got.HasGID != tt.want.HasGID || got.SetGroups != tt.want.SetGroups {
			t.Errorf("%q %q: %+v, %v", tt.uid, tt.gid, got, err)
		}
	}
}

// Who gives up root gives up all of it, whatever options said.
func TestFromOptions(t *testing.T) {
	passwd := file(t, "root:x:0:0::/:/bin/sh\nmail:x:8:12:mail:/:/bin/sh\nodd:x:9:0::/:\n")
	const unset = "-"
	all := func(uid, gid uint32, groups string) IDs {
		return IDs{UID: uid, GID: gid, HasUID: true, HasGID: true, Groups: groups, SetGroups: true}
	}
	for _, c := range []struct {
		options        string
		uid, gid, list string // the environment
		want           IDs
		fail           string
	}{
		{"", unset, unset, unset, IDs{}, ""},
		{"--uid=8 --gid=5 --gidlist=6,7", unset, unset, unset, all(8, 5, "6,7"), ""},
		{"--uid=8 --gid=5", unset, unset, unset, all(8, 5, ""), ""},
		{"--uid=8", unset, unset, unset, all(8, 12, ""), ""},
		{"--uid=8 --gidlist=6", unset, unset, unset, all(8, 12, "6"), ""},
		{"--uid=9", unset, unset, unset, IDs{}, "no group for --uid 9 in PASSWD: set --gid"},
		{"--uid=99", unset, unset, unset, IDs{}, "no group for --uid 99 in PASSWD: set --gid"},
		{"--uid=8 --gid=0", unset, unset, unset, IDs{}, "group 0 is root's, and user 8 is not to have it"},
		{"--uid=8 --gid=5 --gidlist=6,0", unset, unset, unset, IDs{}, "group 0 is root's, and user 8 is not to have it"},
		{"--uid=0", unset, unset, unset, IDs{HasUID: true}, ""},
		{"--uid=0 --gid=5", unset, unset, unset, IDs{HasUID: true, GID: 5, HasGID: true}, ""},
		{"--gid=5", unset, unset, unset, IDs{GID: 5, HasGID: true}, ""},
		{"--gidlist=0,6", unset, unset, unset, IDs{Groups: "0,6", SetGroups: true}, ""},
		{"--envuidgid", "8", "5", "6,7", all(8, 5, "6,7"), ""},
		{"--envuidgid", "8", "5", "", all(8, 5, ""), ""},
		{"--envuidgid", "0", "0", "0", IDs{HasUID: true, HasGID: true, Groups: "0", SetGroups: true}, ""},
		{"--envuidgid", unset, unset, unset, IDs{}, "UID not set, but --envuidgid given"},
		{"--envuidgid", unset, "5", "6", IDs{}, "UID not set, but --envuidgid given"},
		{"--envuidgid", "8", unset, "6", IDs{}, "GID not set, but --envuidgid given"},
		{"--envuidgid", "8", "5", unset, IDs{}, "GIDLIST not set, but --envuidgid given"},
		{"--envuidgid", "8", unset, unset, IDs{}, "GID not set, but --envuidgid given"},
		{"--envuidgid --gid=5 --gidlist=", "8", unset, unset, all(8, 5, ""), ""},
		{"--envuidgid --uid=9 --gid=9", "8", "5", "6", all(8, 5, "6"), ""},
		{"--envuidgid", "", "5", "6", IDs{}, "invalid UID: it must be a numeric id"},
		{"--envuidgid", "8", "", "6", IDs{}, "invalid GID: it must be a numeric id"},
		{"--envuidgid", "x", "5", "6", IDs{}, "invalid UID: it must be a numeric id"},
		{"--envuidgid", "4294967295", "5", "6", IDs{}, "invalid UID: it must be a numeric id"},
		{"--envuidgid", "8", "4294967295", "6", IDs{}, "invalid GID: it must be a numeric id"},
		{"--envuidgid", "8", "5", "6,", IDs{}, "gidlist must be a comma list of unsigned integers"},
		{"--envuidgid", "8", "5", "4294967295", IDs{}, "gidlist must be a comma list of unsigned integers"},
		{"--envuidgid", "8", "0", "", IDs{}, "group 0 is root's, and user 8 is not to have it"},
		{"--envuidgid", "8", "5", "5,0", IDs{}, "group 0 is root's, and user 8 is not to have it"},
	} {
		s, _, err := option.TLSD.Parse(append(strings.Fields(c.options), "prog"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := FromOptions(s, func(name string) (string, bool) {
			v := map[string]string{"UID": c.uid, "GID": c.gid, "GIDLIST": c.list}[name]
			return v, v != unset
		}, passwd)
		switch {
		case c.fail != "":
			e, ok := err.(*diag.Error)
			if !ok || e.Code != diag.Usage || e.Text != strings.ReplaceAll(c.fail, "PASSWD", strings.TrimSuffix(passwd, "\x00")) {
				t.Errorf("%s %q %q %q: %v", c.options, c.uid, c.gid, c.list, err)
			}
		case err != nil || got != c.want:
			t.Errorf("%s %q %q %q: %+v, %v", c.options, c.uid, c.gid, c.list, got, err)
		}
	}
}
