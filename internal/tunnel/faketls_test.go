package tunnel

import (
	"io"

	"ucspitls/backend"
)

// fakeTLS frames bytes so that a test can read them: a record is a letter, a
// length and a payload.
//
//	H hello   D data   C close_notify   A fatal alert   X a corrupt record
//	K nothing for anybody, such as a KeyUpdate
type fakeTLS struct {
	w     *Wire
	in    []byte
	hello bool
	over  error
	rest  []byte // of a record that did not fit into the reader's buffer
}

func record(kind byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{kind, byte(n >> 16), byte(n >> 8), byte(n)}, payload...)
}

func (c *fakeTLS) next() (byte, []byte, error) {
	for {
		if len(c.in) >= 4 {
			n := int(c.in[1])<<16 | int(c.in[2])<<8 | int(c.in[3])
			if len(c.in) >= 4+n {
				kind, p := c.in[0], c.in[4:4+n]
				c.in = c.in[4+n:]
				if kind == 'K' {
					continue
				}
				return kind, p, nil
			}
		}
		buf := make([]byte, 1000)
		n, err := c.w.Read(buf)
		if err == io.EOF {
			if len(c.in) > 0 {
				return 0, nil, &backend.Error{Kind: backend.Truncated, Reason: backend.CutRecord}
			}
			return 0, nil, backend.ErrBareEOF
		}
		if err != nil {
			return 0, nil, err
		}
		c.in = append(c.in, buf[:n]...)
	}
}

func (c *fakeTLS) Handshake() error {
	if c.over != nil {
		return c.over
	}
	if !c.hello {
		c.hello = true
		c.w.Write(record('H', nil))
	}
	kind, _, err := c.next()
	switch {
	case err == backend.ErrAgain:
		return err
	case err == backend.ErrBareEOF:
		c.over = &backend.Error{Kind: backend.Handshake, Reason: backend.PeerClosed}
	case err != nil:
		c.over = err
	case kind == 'H':
		return nil
	case kind == 'A':
		c.over = &backend.Error{Kind: backend.Handshake, Reason: backend.PeerRefused, Alert: 40, Peer: true}
	default:
		c.w.Write(record('A', nil))
		c.over = &backend.Error{Kind: backend.Handshake, Reason: backend.BadHandshake, Alert: 10}
	}
	return c.over
}

func (c *fakeTLS) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.over != nil {
			return 0, c.over
		}
		kind, data, err := c.next()
		switch {
		case err == backend.ErrAgain:
			return 0, err
		case err != nil:
			c.over = err
			return 0, err
		case kind == 'C':
			c.over = io.EOF
			return 0, io.EOF
		case kind == 'A':
			c.over = &backend.Error{Kind: backend.Record, Reason: backend.PeerAlert, Alert: 50, Peer: true}
			return 0, c.over
		case kind != 'D':
			c.w.Write(record('A', nil))
			c.over = &backend.Error{Kind: backend.Record, Reason: backend.BadRecord, Alert: 20}
			return 0, c.over
		}
		c.rest = data
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *fakeTLS) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 16000)
		c.w.Write(record('D', rest[:n]))
		rest = rest[n:]
	}
	return len(p), nil
}
func (c *fakeTLS) CloseWrite() error    { c.w.Write(record('C', nil)); return nil }
func (c *fakeTLS) State() backend.State { return backend.State{Version: backend.TLS13} }
func (c *fakeTLS) Close()               {}
