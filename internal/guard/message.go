package guard

import (
	"encoding/binary"
	"strings"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

// What goes over the socket; numbers are big-endian.
//
//	request    0     1           4          8         10        12         16
//	           +-----+-----------+----------+---------+---------+----------+---------
//	           | op  |  0  0  0  |   pair   | version | scheme  |  length  | message
//	           +-----+-----------+----------+---------+---------+----------+---------
//	  op 'u'   use this pair, nothing else: version, scheme and length are 0
//	  op 's'   sign the message with the pair's key
//	  pair     0: CERTFILE and KEYFILE; n: the n-th pair of a server name, in
//	           the order of the environment that both processes have
//	  version, scheme   as on the wire of TLS
//
//	answer     0     1           4          8
//	           +-----+-----------+----------+---------
//	           |code |  0  0  0  |  length  | body
//	           +-----+-----------+----------+---------
//	  code 0   body is the public key ('u') or the signature ('s')
//	  else     an exit code; body is a line for stderr, NUL, the library's words
//
// The first answer comes unasked, when the files are open: the default pair's
// public key, or nothing where there is no default pair. There is no other
// answer without a request, and no request is answered that is malformed.
const (
	requestHead = 16
	answerHead  = 8

	opUse  = 'u'
	opSign = 's'

	// maxAnswer is far above any signature, public key or path.
	maxAnswer = 64 << 10
)

// A request is the head of one, and then its message.
type request struct {
	op              byte
	pair            uint32
	version, scheme uint16
	length          uint32
	message         []byte
}

func (r *request) append(b []byte) []byte {
	b = append(b, r.op, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, r.pair)
	b = binary.BigEndian.AppendUint16(b, r.version)
	b = binary.BigEndian.AppendUint16(b, r.scheme)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.message)))
	return append(b, r.message...)
}

// parseRequest reads a head. A length that no message of its version has is
// refused here, before there is a buffer for it.
func parseRequest(b *[requestHead]byte, server bool) (r request, ok bool) {
	r = request{
		op:      b[0],
		pair:    binary.BigEndian.Uint32(b[4:]),
		version: binary.BigEndian.Uint16(b[8:]),
		scheme:  binary.BigEndian.Uint16(b[10:]),
		length:  binary.BigEndian.Uint32(b[12:]),
	}
	if b[1]|b[2]|b[3] != 0 {
		return r, false
	}
	switch r.op {
	case opUse:
		return r, r.version == 0 && r.scheme == 0 && r.length == 0
	case opSign:
		return r, r.length > 0 && r.length <= longest(r.version, server)
	}
	return r, false
}

// An answer is what a guard says: a body, or an error with its code.
type answer struct {
	code byte
	body []byte
}

// failed makes an answer of an error.
func failed(err error) answer {
	code, text, detail := diag.Bug, "internal error: "+err.Error(), ""
	switch e := err.(type) {
	case *diag.Error:
		code, text = e.Code, e.Text
	case *backend.Error:
		if code, text = diag.Setup, e.Error(); e.Kind == backend.Config {
			code = diag.Config
		}
		if e.Err != nil {
			detail = e.Err.Error()
		}
	}
	body := []byte(text)
	if detail != "" {
		body = append(append(body, 0), detail...)
	}
	return answer{byte(code), body[:min(len(body), maxAnswer)]}
}

func (a answer) append(b []byte) []byte {
	b = append(b, a.code, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(a.body)))
	return append(b, a.body...)
}

// parseAnswer reads a head and gives the length of the body.
func parseAnswer(b *[answerHead]byte) (code byte, length uint32, ok bool) {
	length = binary.BigEndian.Uint32(b[4:])
	return b[0], length, b[1]|b[2]|b[3] == 0 && length <= maxAnswer
}

// err is what failed was given, as far as its line and its code go.
func (a answer) err() error {
	if a.code == 0 {
		return nil
	}
	text, detail, _ := strings.Cut(string(a.body), "\x00")
	e := &backend.Error{Reason: backend.Reason(text)}
	if detail != "" {
		e.Err = words(detail)
	}
	switch a.code {
	case diag.Config:
		e.Kind = backend.Config
	case diag.Setup:
		e.Kind = backend.Setup
	default:
		return &diag.Error{Code: int(a.code), Text: text}
	}
	return e
}

type words string

func (w words) Error() string { return string(w) }
