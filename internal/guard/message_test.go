package guard

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

// A pipe is a conn whose input is known before.
type pipe struct {
	io.Reader
	bytes.Buffer
}

func (p *pipe) Read(b []byte) (int, error) { return p.Reader.Read(b) }
func (p *pipe) Close() error               { return nil }

// A signing key that tells what it signed.
type testKey struct{ name string }

func (k testKey) Public() ([]byte, error) { return []byte("public " + k.name), nil }
func (k testKey) Sign(version, scheme uint16, message []byte) ([]byte, error) {
	if scheme == backend.Ed25519 {
		return nil, errors.New("it does not fit the key")
	}
	return append([]byte("signed "+k.name+" "), message...), nil
}

var bad = &backend.Error{Kind: backend.Config, Where: "KEYFILE:2: k", Reason: backend.BadKey, Err: errors.New("asn1")}

// Three pairs, of which the last can't be read.
type testKeys struct{ used []uint32 }

func (k *testKeys) Use(pair uint32) (backend.Signer, error) {
	k.used = append(k.used, pair)
	switch pair {
	case 0, 1:
		return testKey{string(rune('a' + pair))}, nil
	case 2:
		return nil, bad
	}
	return nil, ErrNoPair
}

// serve gives what a guard answers to input, and how it ended.
func serve(p Policy, server bool, input []byte) (answers []answer, used []uint32, err error) {
	keys := &testKeys{}
	conn := &pipe{Reader: bytes.NewReader(input)}
	s := Service{Keys: keys, Server: server, Policy: p, Clock: func() time.Duration { return 0 }}
	err = s.Serve(conn)
	g := Guard{conn: &pipe{Reader: &conn.Buffer}}
	for g.err == nil && conn.Len() > 0 {
		body, err := g.answer()
		if err != nil {
			answers = append(answers, failed(err))
			continue
		}
		answers = append(answers, answer{0, body})
	}
	return answers, keys.used, err
}

func input(requests ...request) (b []byte) {
	for i := range requests {
		b = requests[i].append(b)
	}
	return b
}

var (
	hash      = bytes.Repeat([]byte{'h'}, 32)
	server13  = slices.Concat(bytes.Repeat([]byte{' '}, 64), []byte("TLS 1.3, server CertificateVerify\x00"), hash)
	client13  = slices.Concat(bytes.Repeat([]byte{' '}, 64), []byte("TLS 1.3, client CertificateVerify\x00"), hash)
	server12  = slices.Concat(hash, hash, []byte{3, 0, 29, 32}, hash)
	signature = request{op: opSign, version: backend.TLS13, scheme: backend.PSSSHA256, message: server13}
)

func (r request) with(edit func(*request)) request { edit(&r); return r }

// One connection gets what it needs and nothing else: no answer follows what
// is not to be asked for.
func TestOneConnection(t *testing.T) {
	use := func(pair uint32) request { return request{op: opUse, pair: pair} }
	refused := diag.Fail(diag.Setup, "")
	for name, c := range map[string]struct {
		input   []byte
		answers int
		last    byte // its code
		err     *diag.Error
	}{
		"nothing":                       {nil, 0, 0, nil},
		"a signature":                   {input(signature), 1, 0, nil},
		"a pair and a signature":        {input(use(1), signature.with(func(r *request) { r.pair = 1 })), 2, 0, nil},
		"a pair that can't be read":     {input(use(2)), 1, diag.Config, nil},
		"two signatures":                {input(signature, signature), 1, 0, nil},
		"another pair":                  {input(use(1), use(0)), 1, 0, refused},
		"a signature of another pair":   {input(use(1), signature), 1, 0, refused},
		"no such pair":                  {input(use(3)), 0, 0, refused},
		"a far pair":                    {input(use(1<<32 - 1)), 0, 0, refused},
		"unknown op":                    {input(request{op: 'x'}), 0, 0, refused},
		"use with a scheme":             {input(request{op: opUse, scheme: 1}), 0, 0, refused},
		"use with a message":            {input(request{op: opUse, message: []byte("x")}), 0, 0, refused},
		"no message":                    {input(signature.with(func(r *request) { r.message = nil })), 0, 0, refused},
		"a long message":                {input(signature.with(func(r *request) { r.message = make([]byte, 300) })), 0, 0, refused},
		"padding":                       {[]byte{'u', 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, refused},
		"cut off":                       {input(signature)[:50], 0, 0, nil},
		"cut off in the head":           {input(signature)[:5], 0, 0, nil},
		"the client's message":          {input(signature.with(func(r *request) { r.message = client13 })), 0, 0, refused},
		"a digest":                      {input(signature.with(func(r *request) { r.message = hash })), 0, 0, refused},
		"PKCS#1 v1.5 in TLS 1.3":        {input(signature.with(func(r *request) { r.scheme = backend.PKCS1SHA256 })), 0, 0, refused},
		"SHA-1":                         {input(signature.with(func(r *request) { r.scheme = 0x0201 })), 0, 0, refused},
		"TLS 1.3's message for TLS 1.2": {input(signature.with(func(r *request) { r.version = backend.TLS12 })), 0, 0, refused},
		"TLS 1.1":                       {input(signature.with(func(r *request) { r.version = 0x0302 })), 0, 0, refused},
		"a scheme that does not fit":    {input(signature.with(func(r *request) { r.scheme = backend.Ed25519 })), 0, 0, refused},
	} {
		answers, _, err := serve(OneConnection, true, c.input)
		e, _ := err.(*diag.Error)
		if len(answers) != c.answers || len(answers) > 0 && answers[len(answers)-1].code != c.last ||
			(e == nil) != (c.err == nil) || e == nil && err != nil || e != nil && e.Code != c.err.Code {
			t.Errorf("%s: %d answers %q, %v", name, len(answers), answers, err)
		}
	}
}

// What comes out of a signer is what a key gave, or what it failed with.
func TestAnswers(t *testing.T) {
	answers, used, _ := serve(OneConnection, true, input(request{op: opUse, pair: 1}, signature.with(func(r *request) { r.pair = 1 })))
	if len(answers) != 2 || string(answers[0].body) != "public b" || string(answers[1].body) != "signed b "+string(server13) || !slices.Equal(used, []uint32{1, 1}) {
		t.Errorf("%q, pairs %d", answers, used)
	}
	long := diag.Fail(diag.System, string(make([]byte, 2*maxAnswer)))
	for _, want := range []error{bad, diag.Fail(diag.System, "unable to"), &backend.Error{Kind: backend.Setup, Reason: "r"}, long} {
		a := failed(want)
		if len(a.append(nil)) > answerHead+maxAnswer {
			t.Errorf("%d bytes", len(a.body))
		}
		got := a.err()
		if want == long {
			continue
		}
		if got.Error() != want.Error() {
			t.Errorf("%v became %v", want, got)
		}
		switch want := want.(type) {
		case *backend.Error:
			if e, ok := got.(*backend.Error); !ok || e.Kind != want.Kind || want.Err != nil && e.Err.Error() != want.Err.Error() {
				t.Errorf("%#v became %#v", want, got)
			}
		case *diag.Error:
			if e, ok := got.(*diag.Error); !ok || e.Code != want.Code {
				t.Errorf("%#v became %#v", want, got)
			}
		}
	}
}

// The versions of the configuration bind the guard too.
func TestVersions(t *testing.T) {
	for _, c := range []struct {
		min, max uint16
		ok       bool
	}{{0, 0, true}, {backend.TLS13, 0, true}, {0, backend.TLS12, false}, {backend.TLS12, backend.TLS12, false}} {
		conn := &pipe{Reader: bytes.NewReader(input(signature))}
		s := Service{Keys: &testKeys{}, Server: true, MinVersion: c.min, MaxVersion: c.max, Clock: func() time.Duration { return 0 }}
		if err := s.Serve(conn); (err == nil) != c.ok || (conn.Len() > 0) != c.ok {
			t.Errorf("%+v: %v, %d bytes", c, err, conn.Len())
		}
	}
}

// What the guard's side sends is believed by nobody either.
func TestBadAnswers(t *testing.T) {
	for name, b := range map[string][]byte{
		"none":         nil,
		"cut head":     {0, 0, 0},
		"padding":      {0, 0, 1, 0, 0, 0, 0, 0},
		"too long":     {0, 0, 0, 0, 0, 1, 0, 1},
		"cut body":     {0, 0, 0, 0, 0, 0, 0, 9, 'x'},
		"another code": {98, 0, 0, 0, 0, 0, 0, 0},
	} {
		g := &Guard{conn: &pipe{Reader: bytes.NewReader(b)}}
		s := g.Signer(0)
		if key, err := s.Public(); err == nil {
			t.Errorf("%s: %q", name, key)
		}
		if signature, err := s.Sign(backend.TLS13, backend.PSSSHA256, server13); err == nil {
			t.Errorf("%s: %q", name, signature)
		}
	}
}
