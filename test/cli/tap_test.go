//go:build linux

package cli

import (
	"bytes"
	"io"
	"net"
	"sync"
)

// A tap is the peer's connection with a man in the middle: it knows how the
// connection ended, and can change the records that the peer sends.
type tap struct {
	*net.TCPConn

	mu  sync.Mutex
	fin bool // Read has met the other side's FIN

	// forge gets each whole record that the peer sends, counted from 0. What
	// it gives is sent instead; with cut nothing is sent after it but a FIN.
	forge   func(n int, record []byte) (sent []byte, cut bool)
	records int
	pending []byte
	isCut   bool

	corrupt bool   // damage what the peer reads
	fed     []byte // what the peer is to read before anything else
}

func (c *tap) Read(p []byte) (int, error) {
	c.mu.Lock()
	if n := copy(p, c.fed); n > 0 {
		c.fed = c.fed[n:]
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	n, err := c.TCPConn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && c.corrupt {
		p[n-1] ^= 1
	}
	if err == io.EOF {
		c.fin = true
	}
	return n, err
}

// feed puts bytes before what the network brings.
func (c *tap) feed(data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fed = append(c.fed, data...)
}

// sawFIN reports whether the TCP stream was read to its end. A TLS client whose
// Read gave EOF and that has not seen it got a close_notify.
func (c *tap) sawFIN() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fin
}

// tamper puts a forger in; nil takes it out.
func (c *tap) tamper(forge func(n int, record []byte) ([]byte, bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forge, c.records = forge, 0
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		return len(p), nil // it does not know
	}
	if c.forge == nil && len(c.pending) == 0 {
		return c.TCPConn.Write(p)
	}
	c.pending = append(c.pending, p...)
	for len(c.pending) >= 5 {
		n := 5 + int(c.pending[3])<<8 + int(c.pending[4])
		if len(c.pending) < n {
			break
		}
		record, cut := bytes.Clone(c.pending[:n]), false
		c.pending = c.pending[n:]
		if c.forge != nil {
			record, cut = c.forge(c.records, record)
			c.records++
		}
		if _, err := c.TCPConn.Write(record); err != nil {
			return 0, err
		}
		if cut {
			c.isCut = true
			return len(p), c.TCPConn.CloseWrite()
		}
	}
	return len(p), nil
}

// flipByte damages the last byte of the next record: its authentication tag.
func flipByte(n int, record []byte) ([]byte, bool) {
	if n == 0 {
		record[len(record)-1] ^= 1
	}
	return record, false
}

// cutRecord ends the stream in the middle of the next record.
func cutRecord(n int, record []byte) ([]byte, bool) { return record[:len(record)/2], true }
