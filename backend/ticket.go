package backend

import (
	"bytes"
	"encoding/binary"
	"time"

	"ucspitls/backend/hostname"
)

// TicketKeyLen is the length of a ticket key in bytes, at least.
const TicketKeyLen = 32

// TicketLifetime is how long after a full handshake its session can be
// resumed (RFC 8446, 4.6.1). Resumption does not prolong it: a new ticket of a
// resumed session keeps the time of the full handshake.
const TicketLifetime = 7 * 24 * time.Hour

// TicketFresh reports whether a full handshake at time then is recent enough at
// time now. The clocks of two machines may differ, so then may lie ahead.
func TicketFresh(then, now time.Time) bool { return now.Sub(then).Abs() <= TicketLifetime }

// TicketContext is what a ticket is for, in bytes that are different for any
// two servers of which one must not resume the other's sessions: server name,
// the certificate that is presented, whether client certificates are asked
// for, protocols, versions. A backend does not use a ticket key as it is, but
// derives from it and from this: a ticket for something else can't even be
// opened. Trust anchors and CRLs are not in it, since a client's certificate
// is verified anew.
//
// ems reports whether the ClientHello has extended_master_secret. In TLS 1.2 a
// session must not be resumed with another answer (RFC 7627, 5.3), and this
// makes a full handshake of it where a library would end the connection.
func (c *ServerConfig) TicketContext(name string, leaf []byte, ems bool) []byte {
	var b []byte
	add := func(p []byte) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...) }
	var binding byte
	if ems {
		binding = 1
	}
	add([]byte{binding, byte(c.Client), byte(c.MinVersion >> 8), byte(c.MinVersion), byte(c.MaxVersion >> 8), byte(c.MaxVersion)})
	add([]byte(hostname.Lower(name)))
	add(leaf)
	for _, p := range c.ALPN {
		add([]byte(p))
	}
	return b
}

// LiveTicketKeys are those that their owner has not wiped.
func (c *ServerConfig) LiveTicketKeys() [][]byte {
	var live [][]byte
	for _, key := range c.TicketKeys {
		if len(bytes.Trim(key, "\x00")) > 0 {
			live = append(live, key)
		}
	}
	return live
}

func (c *ServerConfig) checkTicketKeys() error {
	for i, key := range c.TicketKeys {
		bad := len(key) < TicketKeyLen
		for _, other := range c.TicketKeys[:i] {
			bad = bad || bytes.Equal(key, other)
		}
		if bad {
			return &Error{Kind: Config, Reason: BadTicketKey}
		}
	}
	return nil
}
