package material

import (
	"bytes"
	"encoding/pem"
	"iter"
	"strconv"
	"strings"
)

// A flaw says in words what is wrong with the contents of a file.
type flaw string

func (f flaw) Error() string { return string(f) }

// A block is one piece of a file: a PEM block, or an element of a DER file.
type block struct {
	label     string // of PEM: "CERTIFICATE"; empty for DER
	line      int    // of PEM: where it begins, from 1
	encrypted bool   // the header of an encrypted key (RFC 1421, 4.6.1.1)
	der       []byte // a copy for PEM, a part of the file for DER
}

// at names the place of a block in its file.
func (b *block) at() string {
	if b.line == 0 {
		return ""
	}
	return " (PEM block at line " + strconv.Itoa(b.line) + ")"
}

// holdsKey and holdsCertificate go by what PEM calls the block, or by the outline of DER.
func (b *block) holdsKey() bool {
	if b.label == "" {
		return outlineOf(b.der) >= keyPKCS8
	}
	return strings.HasSuffix(b.label, "PRIVATE KEY")
}

func (b *block) holdsCertificate() bool {
	switch b.label {
	case "CERTIFICATE", "X509 CERTIFICATE":
		return true
	case "":
		return outlineOf(b.der) == certificate
	}
	return false
}

// blocks gives the pieces of a PEM or DER file, in order. The text around PEM
// blocks is passed over; a malformed block comes as a flaw.
func blocks(data []byte) iter.Seq2[block, error] {
	if elements := splitDER(data); elements != nil {
		return func(yield func(block, error) bool) {
			for _, der := range elements {
				if !yield(block{der: der}, nil) {
					return
				}
			}
		}
	}
	return func(yield func(block, error) bool) { pemBlocks(data, yield) }
}

// pemBlocks finds the boundaries itself: encoding/pem passes silently over a
// block that it can't read, and a chain would lose a certificate.
func pemBlocks(text []byte, yield func(block, error) bool) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // some editors' byte order mark
	start, begin := -1, 0                                 // of the block we are in: offset and line
	for line, offset := 1, 0; offset < len(text); line++ {
		end := len(text)
		if n := bytes.IndexByte(text[offset:], '\n'); n >= 0 {
			end = offset + n + 1
		}
		content := bytes.TrimSpace(text[offset:end])
		switch {
		case bytes.HasPrefix(content, []byte("-----BEGIN")):
			if start >= 0 && !yield(block{}, cutOff(begin)) {
				return
			}
			start, begin = offset, line
		case bytes.HasPrefix(content, []byte("-----END")):
			if start < 0 {
				start, begin = offset, line
			}
			if !yield(decodeBlock(text[start:end], begin)) {
				return
			}
			start = -1
		}
		offset = end
	}
	if start >= 0 {
		yield(block{}, cutOff(begin))
	}
}

func decodeBlock(text []byte, line int) (block, error) {
	p, rest := pem.Decode(text)
	if p == nil || len(rest) != 0 {
		return block{}, flaw("malformed PEM block at line " + strconv.Itoa(line))
	}
	encrypted := strings.Contains(p.Headers["Proc-Type"], "ENCRYPTED")
	return block{p.Type, line, encrypted, p.Bytes}, nil
}

func cutOff(line int) flaw {
	return flaw("the PEM block at line " + strconv.Itoa(line) + " is cut off")
}

func isBlank(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }
