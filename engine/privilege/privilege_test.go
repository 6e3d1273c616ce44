package privilege

import (
	"os"
	"path/filepath"
	"testing"

	"ucspitls/engine/diag"
)

func TestFromEnviron(t *testing.T) {
	passwd := filepath.Join(t.TempDir(), "passwd")
	os.WriteFile(passwd, []byte("root:x:0:0::/:/bin/sh\n# comment\nshort:x:7\nmail:x:8:12:mail:/:/bin/sh\nodd:x:9:0::/:\nlast:x:10:11::/:"), 0o644)
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
		{"9", unset, passwd, IDs{}, "no group for TLS_UID 9 in " + passwd + ": set TLS_GID"},
		{"99", unset, passwd, IDs{}, "no group for TLS_UID 99 in " + passwd + ": set TLS_GID"},
		{"8", unset, "/nonexistent", IDs{}, "no group for TLS_UID 8 in /nonexistent: set TLS_GID"},
		{"mail", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"-1", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"4294967295", unset, passwd, IDs{}, "invalid TLS_UID: it must be a numeric id"},
		{"8", "x", passwd, IDs{}, "invalid TLS_GID: it must be a numeric id"},
	}
	for _, tt := range tests {
		got, err := FromEnviron(func(name string) (string, bool) {
			v := map[string]string{"TLS_UID": tt.uid, "TLS_GID": tt.gid}[name]
			return v, v != unset
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
