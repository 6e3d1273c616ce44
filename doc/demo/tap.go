package main

import (
	"bytes"
	"io"
	"net"
)

// A tap is the client's connection with everything that crosses the wire kept.
type tap struct {
	net.Conn
	wire bytes.Buffer
	last []byte // the last write
	eof  bool   // the peer's FIN was reached
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.wire.Write(p[:n])
	t.eof = t.eof || err == io.EOF
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	t.wire.Write(p)
	t.last = bytes.Clone(p)
	return t.Conn.Write(p)
}

func (t *tap) carried(text string) bool { return bytes.Contains(t.wire.Bytes(), []byte(text)) }
