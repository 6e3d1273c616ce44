package material

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/material/ticketfile"
)

// keyFile is one with keys of the given ages.
func keyFile(ages ...time.Duration) []byte {
	var keys []ticketfile.Key
	for i, age := range ages {
		keys = append(keys, ticketfile.Key{Made: time.Now().Add(-age), Secret: bytes.Repeat([]byte{byte(i + 1)}, 32)})
	}
	return ticketfile.Format(keys)
}

func TestTicketKeys(t *testing.T) {
	const day = 24 * time.Hour
	f := newFolder(t)
	pair := []string{"CERTFILE=" + f.put("c", makeCert("a")), "KEYFILE=" + f.put("k", sec1())}
	for name, c := range map[string]struct {
		mode     os.FileMode
		text     []byte
		keys     int
		warnings string
	}{
		"one":           {0o600, keyFile(0), 1, ""},
		"read only":     {0o400, keyFile(0), 1, ""},
		"three":         {0o600, keyFile(0, day, 30*day), 3, ""},
		"by group":      {0o640, keyFile(0), 1, ": others than its owner may read or change it (chmod 600)"},
		"by all":        {0o604, keyFile(0), 1, ": others than its owner may read or change it (chmod 600)"},
		"changeable":    {0o620, keyFile(0), 1, ": others than its owner may read or change it (chmod 600)"},
		"six days":      {0o600, keyFile(6 * day), 1, ""},
		"stale":         {0o600, keyFile(8*day+time.Hour, 20*day), 2, ": the newest key is 8 days old (rotate: s6-tls-ticketkeys)"},
		"newest behind": {0o600, keyFile(20*day, day), 2, ""},
		"tomorrow":      {0o600, keyFile(-day), 1, ""},
	} {
		path := f.put("keys", c.text)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		s := openServer(t, 0, backend.CertNone, append(pair, "TLS_TICKETKEYS="+path)...)
		if got := strings.ReplaceAll(strings.Join(s.Warnings, "|"), "TLS_TICKETKEYS: "+path, ""); len(s.Config.TicketKeys) != c.keys || got != c.warnings {
			t.Errorf("%s: %d keys, warnings %q", name, len(s.Config.TicketKeys), got)
		}
		if s.Config.TicketKeys[0][0] != 1 {
			t.Errorf("%s: the first key is not the current one", name)
		}
		s.Close()
		for _, key := range s.Config.TicketKeys {
			if !bytes.Equal(key, make([]byte, 32)) {
				t.Errorf("%s: not wiped", name)
			}
		}
		os.Remove(path)
	}
	if s := openServer(t, 0, backend.CertNone, append(pair, "TLS_TICKETKEYS=")...); s.Config.TicketKeys != nil {
		t.Error("keys out of nothing")
	}
	// A pipe is as good as a file.
	if err := syscall.Mkfifo(f.path("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	go os.WriteFile(f.path("fifo"), keyFile(0), 0)
	if s := openServer(t, 0, backend.CertNone, append(pair, "TLS_TICKETKEYS="+f.path("fifo"))...); len(s.Config.TicketKeys) != 1 || len(s.Warnings) > 0 {
		t.Errorf("from a pipe: %d keys, %q", len(s.Config.TicketKeys), s.Warnings)
	}
}

func TestTicketKeysRefused(t *testing.T) {
	f := newFolder(t)
	pair := []string{"CERTFILE=" + f.put("c", makeCert("a")), "KEYFILE=" + f.put("k", sec1())}
	good := string(keyFile(0))
	for name, c := range map[string]struct{ path, want string }{
		"missing":   {f.path("x"), "TLS_TICKETKEYS: open PATH: no such file or directory"},
		"directory": {f.dir, "TLS_TICKETKEYS: PATH: is a directory"},
		"empty":     {f.put("empty", nil), "TLS_TICKETKEYS: PATH: holds no session ticket key (s6-tls-ticketkeys makes one)"},
		"comments":  {f.put("comments", []byte("# none\n")), "TLS_TICKETKEYS: PATH: holds no session ticket key (s6-tls-ticketkeys makes one)"},
		"malformed": {f.put("malformed", []byte("hello\n")), "TLS_TICKETKEYS: PATH: line 1: not a time and a key"},
		"twice":     {f.put("twice", []byte(good+good)), "TLS_TICKETKEYS: PATH: line 6: the same key as in another line"},
		"cut":       {f.put("cut", []byte(good[:len(good)-12])), "TLS_TICKETKEYS: PATH: line 3: the key is not in base64"},
		"large":     {f.put("large", bytes.Repeat([]byte("#\n"), 10000)), "TLS_TICKETKEYS: PATH: is larger than 16 KiB"},
	} {
		_, err := Open(Options{Server: true, Environ: append(pair, "TLS_TICKETKEYS="+c.path)})
		if want := strings.ReplaceAll(c.want, "PATH", c.path); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// Tickets are a server's: a client does not look.
func TestTicketKeysOfAClient(t *testing.T) {
	openClient(t, "a.example", false, true, "TLS_TICKETKEYS=/nowhere")
}
