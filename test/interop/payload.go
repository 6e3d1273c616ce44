package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// What is sent is lines of '#' and digits: nothing that a peer's program
// takes for a command, and easily told from what it says itself.
const lineLength = 64

// payload is n bytes, a multiple of lineLength.
func payload(n int) []byte {
	b := make([]byte, 0, n)
	for line := 0; len(b) < n; line++ {
		b = fmt.Appendf(b, "#%062d\n", line*7919)
	}
	return b[:n]
}

// onlyPayload picks the payload's lines out of a program's output.
func onlyPayload(output []byte) []byte {
	var b []byte
	for line := range bytes.Lines(output) {
		if line[0] == '#' {
			b = append(b, line...)
		}
	}
	return b
}

// A Count is a number of bytes and what they were.
type Count struct {
	N    int    `json:"n"`
	Hash string `json:"hash,omitempty"` // SHA-256, the first 16 digits
}

func count(b []byte) Count {
	if len(b) == 0 {
		return Count{}
	}
	sum := sha256.Sum256(b)
	return Count{len(b), hex.EncodeToString(sum[:8])}
}
