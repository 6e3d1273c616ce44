package ucspi

import (
	"strings"
	"testing"
)

var hash = "SHA256:" + strings.Repeat("0123456789abcdef", 4)

// read gives the items of a blob, and the flaw that ended it.
func read(blob string) (items []string, flaw Flaw, words string) {
	for r := (Reader{Blob: blob}); ; {
		item, f := r.Next()
		switch {
		case f != Sound:
			before, name, after := f.Words(item)
			return nil, f, before + name + after
		case item == "":
			return items, Sound, ""
		}
		items = append(items, item)
	}
}

// What a blob may be as a whole.
func TestReader(t *testing.T) {
	const torn = "the TLS process ended while it sent its information"
	const foreign = "the TLS process sent a variable that it may not set: "
	for blob, want := range map[string]string{
		"|":                      "",
		"SSL_PROTOCOL=TLSv1.3||": "",
		"SSL_CIPHER=A|SSL_PROTOCOL=TLSv1.2|SSL_ALPN=h2|SSL_PEER_CERT_SUBJECT=/CN=a b=c|SSL_PEER_CERT_HASH=" + hash + "|SSL_TLS_SNI_SERVERNAME=a.example||": "",

		"":                           torn,
		"SSL_PROTOCOL=TLSv1.3":       torn,
		"SSL_PROTOCOL=TLSv1.3|":      torn,
		"SSL_PROTOCOL=TLSv1.3||x":    torn,
		"||":                         torn,
		"SSL_PROTOCOL=TLSv1.3||||||": torn,

		"SSL_PROTOCOL||":                        foreign + "SSL_PROTOCOL",
		"=||":                                   foreign,
		"=x||":                                  foreign,
		"PATH=/evil||":                          foreign + "PATH",
		"SSL_PROTOCOL=TLSv1.3|BASH_ENV=$(id)||": foreign + "BASH_ENV",
		"LD_PRELOAD=/evil.so|SSL_PROTOCOL=TLSv1.3||": foreign + "LD_PRELOAD",
		"SSL_PROTOCOLS=TLSv1.3||":                    foreign + "SSL_PROTOCOLS",
		"ssl_protocol=TLSv1.3||":                     foreign + "ssl_protocol",
		" SSL_PROTOCOL=TLSv1.3||":                    foreign + " SSL_PROTOCOL",
		"SSL_PROTOCOL\n=TLSv1.3||":                   foreign + "SSL_PROTOCOL\n",
		"SSL_CLIENT_S_DN=/CN=admin||":                foreign + "SSL_CLIENT_S_DN",
		"TCPREMOTEIP=127.0.0.1||":                    foreign + "TCPREMOTEIP",
		"SSLREADFD=0||":                              foreign + "SSLREADFD",
		"CERTFILE=/x||":                              foreign + "CERTFILE",

		"SSL_ALPN=h2|SSL_ALPN=h2||":              "the TLS process sent SSL_ALPN twice",
		"SSL_ALPN=h2|SSL_CIPHER=A|SSL_ALPN=h3||": "the TLS process sent SSL_ALPN twice",

		"SSL_PROTOCOL=||": "the TLS process sent a malformed SSL_PROTOCOL",
		"SSL_PEER_CERT_SUBJECT=/CN=" + strings.Repeat("x", MaxItem) + "||": "SSL_PEER_CERT_SUBJECT of the peer is too long for the environment",
	} {
		items, flaw, words := read(strings.ReplaceAll(blob, "|", "\x00"))
		if words != want || (flaw == Sound) != (want == "") {
			t.Errorf("%.100q: %q, %d, %q", blob, items, flaw, words)
		}
	}
}

// Each variable's alphabet and length.
func TestInformation(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, values := range map[string]map[string]bool{
		Protocol: {"TLSv1.2": true, "TLSv1.3": true, "TLSv1.1": false, "TLSv1.4": false, "tlsv1.3": false, "TLSv1.3 ": false, "SSLv3": false},
		Cipher: {"TLS_AES_128_GCM_SHA256": true, "ECDHE-ECDSA-CHACHA20-POLY1305": true, strings.Repeat("A", 64): true,
			strings.Repeat("A", 65): false, "aes": false, "A B": false, "A;B": false, "A\nB": false, "A$B": false},
		ServerName: {"localhost": true, "Mail.Example": true, label + ".example": true,
			"-rf": false, "a..b": false, "a.": false, "1.2.3.4": false, "$(id)": false, "a\nb": false, label + "a": false, "a_b": false, "\xff": false},
		PeerCertHash: {hash: true, strings.ToUpper(hash): false, hash + "0": false, hash[:70]: false, "SHA1:" + hash[7:]: false, "SHA256:" + strings.Repeat("g", 64): false},
		PeerCertSubject: {"/CN=a": true, "/": true, `/C=XX/O=a b + OU=\x0A\/`: true, "/" + strings.Repeat("x", 100000): true,
			"CN=a": false, "/CN=\n": false, "/CN=\x7f": false, "/CN=\xc3\xbc": false, "/CN=\x1b[31m": false},
		NegotiatedALPN: {"h2": true, "http/1.1": true, "a b": true, strings.Repeat("x", 255): true,
			strings.Repeat("x", 256): false, "\x0a\x0a": false, "a\x7f": false, "\xff": false},
	} {
		values[""] = false
		for value, want := range values {
			_, flaw, _ := read(name + "=" + value + "\x00\x00")
			if (flaw == Sound) != want {
				t.Errorf("%s=%.80q: %d", name, value, flaw)
			}
		}
	}
	if len(Information) > 32 {
		t.Error("Reader.seen has a bit for each")
	}
}

// FuzzReader: nothing that is not in the table comes through, and what comes
// through is what an encoder would have written.
func FuzzReader(f *testing.F) {
	f.Add("SSL_PROTOCOL=TLSv1.3\x00SSL_CIPHER=A\x00\x00")
	f.Add("SSL_PEER_CERT_HASH=" + hash + "\x00PATH=x\x00\x00")
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, blob string) {
		items, flaw, _ := read(blob)
		if flaw != Sound {
			return
		}
		seen := map[string]bool{}
		var pairs []Pair
		for _, item := range items {
			name, value, _ := strings.Cut(item, "=")
			known := false
			for i := range Information {
				known = known || Information[i].Name == name && Information[i].Valid(value)
			}
			if !known || seen[name] || !IsIdentity(name) {
				t.Fatalf("%q came through", item)
			}
			seen[name] = true
			pairs = append(pairs, Pair{name, value})
		}
		if back := string(AppendBlob(nil, pairs)); back != blob {
			t.Fatalf("%q read as %q", blob, items)
		}
	})
}
