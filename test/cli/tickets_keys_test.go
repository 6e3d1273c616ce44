//go:build linux

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucspitls/test/need"
)

// A full disk costs no key: the old file stays, and works.
func TestTicketKeysOnAFullDisk(t *testing.T) {
	need.Root(t) // to mount a small file system
	t.Parallel()
	dir := t.TempDir()
	script := `mount -t tmpfs -o size=8k,mode=755 none "$1" && cd "$1" && "$2" keys && cp keys "$3" &&
		{ cat /dev/zero >filler 2>/dev/null; "$2" keys; echo "code $?"; cmp keys "$3" && ls; }`
	out, err := exec.Command("unshare", "-m", "sh", "-c", script, "sh", dir, filepath.Join(bin, "s6-tls-ticketkeys"), filepath.Join(t.TempDir(), "copy")).CombinedOutput()
	if err != nil && strings.Contains(string(out), "unshare") {
		need.Missing(t, "unshare -m", string(out))
	}
	if want := "s6-tls-ticketkeys: fatal: unable to write keys.new: no space left on device\ncode 111\nfiller\nkeys\n"; string(out) != want {
		t.Errorf("got %q, want %q, %v", out, want, err)
	}
}

// As a service it makes a key when one is due, and is ended by a signal at any time.
func TestTicketKeysAsAService(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	cmd := exec.Command(filepath.Join(bin, "s6-tls-ticketkeys"), "-v2", "-s", "1", "-n", "31", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	keys := func() int {
		data, _ := os.ReadFile(path)
		return bytes.Count(data, []byte("\n20"))
	}
	eventually(t, "three keys", func() bool { return keys() >= 3 })
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	n := keys()
	if got := strings.Count(said.String(), ": new key, previous ones kept: "); got != n && got != n-1 {
		t.Errorf("%d keys, and it said\n%s", n, said.String())
	}
	// One that is started again does not make a key before its time.
	cmd = exec.Command(filepath.Join(bin, "s6-tls-ticketkeys"), "-v2", "-s", "3600", path)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 300)
	got, _ := r.Read(buf)
	cmd.Process.Kill()
	cmd.Wait()
	if !strings.HasSuffix(string(buf[:got]), "s old, nothing to do\n") || keys() != n {
		t.Errorf("%d keys, then %d, and it said %q", n, keys(), buf[:got])
	}
}

// Killed again and again while it works: the file is whole each time.
func TestTicketKeysKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	ticketKeys(t, path)
	for n := range 60 {
		cmd := exec.Command(filepath.Join(bin, "s6-tls-ticketkeys"), "-n", "5", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(n) * 100 * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
		if data, err := os.ReadFile(path); err != nil || len(data) == 0 || data[len(data)-1] != '\n' {
			t.Fatalf("%q, %v", data, err)
		}
	}
	ticketKeys(t, path)
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left: %v", entries)
	}
}

// Read as root, before the ids are dropped.
func TestTicketKeysOfRoot(t *testing.T) {
	need.Root(t)
	t.Parallel()
	r := newRegular(t, "s6-tlsd", nil)
	r.env = append(r.env, "TLS_UID=65534", "TLS_GID=65534")
	r.expect(false)
	r.expect(true)
}
