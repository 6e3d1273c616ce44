package mutate

import (
	"bytes"
	"testing"
)

// hello is a ClientHello of crypto/tls, shortened.
var hello = func() []byte {
	m := append([]byte{3, 3}, bytes.Repeat([]byte{7}, 32)...)
	m = append(m, 4, 1, 2, 3, 4)                                                                                     // session id
	m = append(m, 0, 4, 0x13, 1, 0xc0, 0x2b, 1, 0)                                                                   // suites, compression
	ext := []byte{0, 0, 0, 14, 0, 12, 0, 0, 9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't'}                          // server_name
	ext = append(ext, 0, 43, 0, 3, 2, 3, 4, 0, 51, 0, 9, 0, 7, 0, 29, 0, 3, 'k', 'e', 'y', 0, 10, 0, 4, 0, 2, 0, 29) // versions, shares, groups
	m = append(m, byte(len(ext)>>8), byte(len(ext)))
	m = append(m, ext...)
	r := Record{Handshake, 0x0301, -1, append([]byte{clientHello, 0, 0, byte(len(m))}, m...)}
	return r.Append(nil)
}()

func TestTreeIsTheMessage(t *testing.T) {
	list0, ok := Records(hello)
	if !ok || len(list0) != 1 {
		t.Fatal("no record")
	}
	n, rest := message(list0[0].Content, false)
	if n == nil || len(rest) > 0 || !bytes.Equal(n.append(nil), list0[0].Content) {
		t.Fatal("the message changed")
	}
	names := 0
	for _, k := range n.all(nil) {
		if string(k.leaf) == "localhost" || string(k.leaf) == "key" {
			names++
		}
	}
	if names != 2 {
		t.Errorf("the tree does not reach the name and the share: %d", names)
	}
}

func TestSameSeedSameInput(t *testing.T) {
	different := map[string]bool{}
	deep := 0
	for n := range uint64(5000) {
		a, b := New(1, n).Flight(hello), New(1, n).Flight(hello)
		if !bytes.Equal(a, b) {
			t.Fatalf("input %d is not always the same", n)
		}
		if len(a) > 2*maxSize {
			t.Errorf("input %d has %d bytes", n, len(a))
		}
		different[string(a)] = true
		// A change that keeps all lengths right but is not in the first ones.
		if list, ok := Records(a); ok && len(list) == 1 && len(list[0].Content) > 4 && !bytes.Equal(a, hello) {
			if m := list[0].Content; int(m[1])<<16|int(m[2])<<8|int(m[3]) == len(m)-4 {
				deep++
			}
		}
	}
	if len(different) < 2000 || deep < 1000 {
		t.Errorf("%d different inputs, %d are well-formed outside", len(different), deep)
	}
}

func TestStreamOfAnything(t *testing.T) {
	for n := range uint64(2000) {
		m := New(2, n)
		in := m.noise(m.IntN(100))
		m.Stream(in)
		m.Flight(in)
		m.Messages(in, true)
		m.Stream(append(in, hello...))
	}
}
