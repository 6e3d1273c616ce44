package cryptotls

import "ucspitls/backend"

// A clearAlert looks for an alert that the peer sends in the clear. OpenSSL's
// TLS 1.3 client refuses our certificate in that way: its key is not installed
// yet. crypto/tls tries to decrypt the record and sees a bad MAC, where the
// administrator wants to know that the certificate is not trusted. Only the
// wording depends on it: whoever can inject such a record can inject a reset.
type clearAlert struct {
	head  [7]byte // a record header and an alert
	n     int     // how much of head is there
	skip  int     // what is left of another record
	alert backend.Alert
}

// see follows the records in what came from the peer.
func (c *clearAlert) see(p []byte) {
	for len(p) > 0 && c.alert == 0 {
		if c.skip > 0 {
			n := min(c.skip, len(p))
			c.skip -= n
			p = p[n:]
			continue
		}
		c.head[c.n] = p[0]
		p = p[1:]
		c.n++
		switch length := int(c.head[3])<<8 | int(c.head[4]); {
		case c.n == 5 && (c.head[0] != 21 || length != 2):
			c.n, c.skip = 0, length
		case c.n == len(c.head):
			if c.head[5] == 2 { // fatal
				c.alert = backend.Alert(c.head[6])
			}
			c.n = 0
		}
	}
}
