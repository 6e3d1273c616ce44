package main

import (
	"bytes"
	"io"
	"net"
)

// halfClose closes the writing direction alone.
type halfClose struct{ *net.TCPConn }

func (h halfClose) Close() error { return h.CloseWrite() }

// live reads the payload out of a process's stdout while it runs.
type live struct {
	p    *process
	done int // bytes of stdout that were looked at
	rest []byte
}

func (v *live) Read(b []byte) (int, error) {
	for len(v.rest) == 0 {
		over := false
		select {
		case <-v.p.Silent:
			over = true
		default:
		}
		out := v.p.Stdout()[v.done:]
		if end := bytes.LastIndexByte(out, '\n'); end >= 0 {
			v.rest = onlyPayload(out[:end+1])
			v.done += end + 1
			continue
		}
		if over {
			return 0, io.EOF
		}
		select {
		case <-v.p.Change:
		case <-v.p.Silent:
		}
	}
	n := copy(b, v.rest)
	v.rest = v.rest[n:]
	return n, nil
}
