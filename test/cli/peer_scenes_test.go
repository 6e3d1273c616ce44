//go:build linux

package cli

import (
	"crypto/tls"
	"testing"
)

// A scene is what a peer does from the first byte on. It gives the alert that
// it got, "" for none, and is over when the other side has said all it will.
type scene func(t *testing.T, c *tap) (alert string)

// hello is a crypto/tls client. When its handshake is done it waits for
// what comes: under TLS 1.3 a refusal comes later.
func hello(tweaks ...tweak) scene {
	return func(t *testing.T, c *tap) string {
		conn := client(t, c, tweaks...)
		err := conn.Handshake()
		for err == nil {
			_, err = conn.Read(make([]byte, 1024))
		}
		return alertOf(err)
	}
}

// busy is a client that has sent much more than its handshake before it looks
// what came.
func busy(tweaks ...tweak) scene {
	return func(t *testing.T, c *tap) string {
		conn := client(t, c, tweaks...)
		err := conn.Handshake()
		if err == nil {
			conn.Write(patternOf(100 << 10)) // may break; what was said before counts
		}
		for err == nil {
			_, err = conn.Read(make([]byte, 1024))
		}
		return alertOf(err)
	}
}

// raw sends bytes, and waits.
func raw(data string) scene {
	return func(t *testing.T, c *tap) string {
		c.Write([]byte(data))
		got, end := drain(c)
		if end != "FIN" {
			t.Errorf("the connection ended with %s", end)
		}
		return alertIn(got)
	}
}

// rawEnd sends bytes and a FIN behind them.
func rawEnd(data string) scene {
	return func(t *testing.T, c *tap) string {
		c.Write([]byte(data))
		c.CloseWrite()
		got, end := drain(c)
		if end != "FIN" {
			t.Errorf("the connection ended with %s", end)
		}
		return alertIn(got)
	}
}

func silence(t *testing.T, c *tap) string { return raw("")(t, c) }

// rawReset sends bytes and resets the connection.
func rawReset(data string) scene {
	return func(t *testing.T, c *tap) string {
		c.Write([]byte(data))
		reset(c)
		return ""
	}
}

// distrust is a client that has another root.
func distrust(t *testing.T, c *tap) string {
	return hello(func(c *tls.Config) { c.RootCAs = nil })(t, c)
}

// forged is a client whose records a man in the middle handles, counted from its hello.
func forged(forge func(n int, record []byte) ([]byte, bool), tweaks ...tweak) scene {
	return func(t *testing.T, c *tap) string {
		c.tamper(forge)
		return hello(tweaks...)(t, c)
	}
}

// at makes a forger of one record of several.
func at(which int, forge func(int, []byte) ([]byte, bool)) func(int, []byte) ([]byte, bool) {
	return func(n int, record []byte) ([]byte, bool) {
		if n != which {
			return record, false
		}
		return forge(0, record)
	}
}

// inRecord frames bytes as a plaintext record of TLS.
func inRecord(kind byte, data string) string {
	return string([]byte{kind, 3, 1, byte(len(data) >> 8), byte(len(data))}) + data
}
