package privilege

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/internal/option"
)

// FuzzPasswd: whatever the file holds, group 0 is never what comes of it, and
// a group comes only of a line with this user.
func FuzzPasswd(f *testing.F) {
	f.Add([]byte("root:x:0:0::/:/bin/sh\nmail:x:8:12:mail:/:/bin/sh\n"), 8)
	f.Add([]byte("a:x:8:0\nb:x:8:5"), 8)
	f.Add([]byte(":::"), 1)
	f.Add([]byte("a:x:0008:0012:"), 8)
	path := filepath.Join(f.TempDir(), "passwd")
	f.Fuzz(func(t *testing.T, data []byte, uid int) {
		if uid <= 0 || uid > math.MaxInt32 {
			return
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		gid := primaryGroup(path+"\x00", uint32(uid))
		if want := byLines(data, uid); gid != want {
			t.Errorf("group %d of user %d, want %d", gid, uid, want)
		}
		if gid == 0 {
			return
		}
		if !bytes.Contains(data, fmt.Append(nil, uid)) || !bytes.Contains(data, fmt.Append(nil, gid)) {
			t.Errorf("group %d of user %d", gid, uid)
		}
	})
}

// byLines is the same with the file as a whole.
func byLines(data []byte, uid int) uint32 {
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		if n, ok := option.Number(f[2]); ok && int(n) == uid {
			g, _ := option.Number(f[3])
			return g
		}
	}
	return 0
}
