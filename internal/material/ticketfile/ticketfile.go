// Package ticketfile is the file of session ticket keys that TLS_TICKETKEYS
// names and s6-tls-ticketkeys writes. It is text:
//
//	# Session ticket keys, the current one first. Whoever reads this can
//	# impersonate the server to clients that come back: keep it secret.
//	2026-01-31T04:00:00Z q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=
//	2026-01-30T04:00:00Z ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=
//
// A line is empty, a comment, or a key: when it was made (RFC 3339), blanks,
// and 32 to 64 random bytes in base64. New tickets are sealed with the first
// key, and all of them open one. Lines may end in CRLF.
package ticketfile

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"time"
)

// Lifetime is how long a ticket lasts. A key that was replaced longer ago opens
// nothing any more.
const Lifetime = 7 * 24 * time.Hour

const (
	MaxSize = 16 << 10 // of a file, in bytes
	MaxKeys = 64
	MinKey  = 32 // bytes of a secret
	MaxKey  = 64
)

// A Key is one line.
type Key struct {
	Made   time.Time
	Secret []byte
}

// A Flaw says in words what is wrong with a file.
type Flaw string

func (f Flaw) Error() string { return string(f) }

const header = `# Session ticket keys, the current one first. Whoever reads this can
# impersonate the server to clients that come back: keep it secret.
`

// Parse gives the keys in data, none for a file with nothing but blank lines
// and comments. The secrets are copies: the caller wipes data. The error is a
// Flaw and quotes nothing of a key.
func Parse(data []byte) (keys []Key, err error) {
	defer func() {
		if err != nil {
			Wipe(keys)
			keys = nil
		}
	}()
	if len(data) > MaxSize {
		return nil, Flaw("is larger than " + strconv.Itoa(MaxSize>>10) + " KiB")
	}
	at := 0
	for line := range bytes.Lines(data) {
		at++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, flaw := parseLine(line)
		if flaw == "" {
			for _, other := range keys {
				if bytes.Equal(other.Secret, key.Secret) {
					flaw = "the same key as in another line"
				}
			}
			if keys = append(keys, key); len(keys) > MaxKeys {
				flaw = "more than " + strconv.Itoa(MaxKeys) + " keys"
			}
		}
		if flaw != "" {
			return keys, Flaw("line " + strconv.Itoa(at) + ": " + flaw)
		}
	}
	return keys, nil
}

func parseLine(line []byte) (key Key, flaw string) {
	words := bytes.Fields(line)
	if len(words) != 2 {
		return Key{}, "not a time and a key"
	}
	made, err := time.Parse(time.RFC3339, string(words[0]))
	made = made.UTC()
	if err != nil || made.Year() < 1970 || made.Year() > 9999 {
		return Key{}, "not a time like 2026-01-31T04:00:00Z"
	}
	secret := make([]byte, base64.StdEncoding.DecodedLen(len(words[1])))
	n, err := base64.StdEncoding.Strict().Decode(secret, words[1])
	switch {
	case err != nil:
		flaw = "the key is not in base64"
	case n < MinKey:
		flaw = "the key is too short (" + strconv.Itoa(MinKey) + " bytes at least)"
	case n > MaxKey:
		flaw = "the key is too long (" + strconv.Itoa(MaxKey) + " bytes at most)"
	case len(bytes.Trim(secret[:n], "\x00")) == 0:
		flaw = "the key is all zeros"
	}
	if flaw != "" {
		clear(secret)
		return Key{}, flaw
	}
	return Key{made, secret[:n:n]}, ""
}

// Format is a file with the keys. The caller wipes it.
func Format(keys []Key) []byte {
	size := len(header)
	for _, k := range keys {
		size += len(time.RFC3339) + 2 + base64.StdEncoding.EncodedLen(len(k.Secret))
	}
	b := append(make([]byte, 0, size), header...)
	for _, k := range keys {
		b = k.Made.UTC().AppendFormat(b, time.RFC3339)
		b = base64.StdEncoding.AppendEncode(append(b, ' '), k.Secret)
		b = append(b, '\n')
	}
	return b
}

// Wipe overwrites the secrets.
func Wipe(keys []Key) {
	for _, k := range keys {
		clear(k.Secret)
	}
}
