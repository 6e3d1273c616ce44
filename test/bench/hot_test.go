package main

import (
	"fmt"
	"testing"

	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// What a connection needs besides moving bytes. Processes live too short for
// garbage collection to matter, but each allocation may be a page to be zeroed.
// The limits leave room for a few; a loop that allocates exceeds them.
var hotPaths = []struct {
	name  string
	most  float64 // allocations
	setup func(testing.TB) func()
}{
	{"OptionParsing", 0, parseOptions},
	{"IOEnviron", 2, ioEnviron},
	{"BlobEncoding", 1, encodeBlob},
	{"BlobDecoding", 6, decodeBlob},
	{"Handshake", 1300, handshake},
}

func TestHotPathAllocations(t *testing.T) {
	for _, h := range hotPaths {
		if n := testing.AllocsPerRun(50, h.setup(t)); n > h.most {
			t.Errorf("%s: %.0f allocations, want %.0f at most", h.name, n, h.most)
		} else {
			t.Logf("%s: %.0f allocations, %.0f are allowed", h.name, n, h.most)
		}
	}
}

func BenchmarkHotPath(b *testing.B) {
	for _, h := range hotPaths {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			f := h.setup(b)
			for b.Loop() {
				f()
			}
		})
	}
}

func parseOptions(t testing.TB) func() {
	list := []string{"s6-ucspitlsd", "-Sv", "2", "-K", "30000", "--sni", "--handshake-timeout=20000", "--", "prog", "word"}
	v := option.Values{Words: words.Of(list)}
	return func() {
		if p := v.Parse(&option.UCSPITLSD); p.Kind != option.Nothing || v.Number(option.Verbosity) != 2 || len(list)-v.Operands != 2 {
			t.Fatalf("%+v", p)
		}
	}
}

// environ is a mail server's, with all that tcpserver says about a connection.
func environ() []string {
	all := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "CERTFILE=/etc/ssl/chain.pem", "KEYFILE=/etc/ssl/key.pem", "UCSPITLS=",
		"TCPREMOTEIP=192.0.2.1", "TCPREMOTEPORT=40000", "TCPLOCALIP=192.0.2.2", "TCPLOCALPORT=25", "SSL_PROTOCOL=forged"}
	for i := range 30 {
		all = append(all, fmt.Sprintf("VARIABLE_%d=value", i))
	}
	return all
}

func ioEnviron(t testing.TB) func() {
	in := environ()
	return func() {
		if out := ucspi.IOEnviron(in); len(out) < len(in) {
			t.Fatalf("%q", out)
		}
	}
}

var blobPairs = []ucspi.Pair{{Name: "SSL_PROTOCOL", Value: "TLSv1.3"}, {Name: "SSL_CIPHER", Value: "TLS_AES_128_GCM_SHA256"},
	{Name: "SSL_TLS_SNI_SERVERNAME", Value: "mail.example"}, {Name: "SSL_PEER_CERT_HASH", Value: ""}}

func encodeBlob(t testing.TB) func() {
	return func() {
		if b := ucspi.AppendBlob(make([]byte, 0, 256), blobPairs); len(b) < 60 {
			t.Fatalf("%q", b)
		}
	}
}

func decodeBlob(t testing.TB) func() {
	blob := string(ucspi.AppendBlob(nil, blobPairs))
	return func() {
		items := 0
		for r := (ucspi.Reader{Blob: blob}); ; items++ {
			if item, flaw := r.Next(); flaw != ucspi.Sound || item == "" {
				break
			}
		}
		if items != 3 {
			t.Fatalf("%d items of %q", items, blob)
		}
	}
}

// handshake is both sides of one, and the tunnel's buffers.
func handshake(t testing.TB) func() {
	ends := newEndpoints(t)
	return func() {
		r := ends.connect(t)
		r.client.Close()
		r.tunnel.Conn.Close()
	}
}
