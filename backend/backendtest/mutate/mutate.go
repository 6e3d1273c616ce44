// Package mutate makes hostile input for TLS of good input. It knows how
// messages and records are built, so that what it changes is met deep inside
// a parser and not at the first length that does not fit.
//
// Everything follows from a seed: the n-th input of a seed is always the same.
package mutate

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// Record types.
const (
	CCS       = 20
	Alert     = 21
	Handshake = 22
	Data      = 23
)

// A Mutator changes one input. It is made anew for each.
type Mutator struct{ *rand.Rand }

// New gives the mutator of the n-th input.
func New(seed, n uint64) *Mutator { return &Mutator{rand.New(rand.NewPCG(seed, n))} }

// A Record is one of TLS, with what its header says.
type Record struct {
	Type    byte
	Version uint16
	Length  int // what the header says; as long as Content if it is negative
	Content []byte
}

// Append puts the record behind b.
func (r *Record) Append(b []byte) []byte {
	n := r.Length
	if n < 0 {
		n = len(r.Content)
	}
	b = append(b, r.Type)
	b = binary.BigEndian.AppendUint16(b, r.Version)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	return append(b, r.Content...)
}

// Records reads a stream of whole records; ok reports whether it is one.
func Records(b []byte) (list []Record, ok bool) {
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint16(b[3:]))
		if len(b) < 5+n {
			return list, false
		}
		list = append(list, Record{b[0], binary.BigEndian.Uint16(b[1:]), -1, b[5 : 5+n]})
		b = b[5+n:]
	}
	return list, len(b) == 0
}

// Flight changes what one side says at once, whole records in the clear.
// Records that are no handshake messages stay as they are, most of the time.
func (m *Mutator) Flight(good []byte) []byte {
	list, ok := Records(good)
	if !ok || len(list) == 0 {
		return m.Bytes(good)
	}
	if m.IntN(8) == 0 { // only the records, the messages stay good
		return m.records(list)
	}
	// The messages in the clear, and what comes behind them.
	n := 0
	var messages []byte
	for n < len(list) && list[n].Type == Handshake {
		messages = append(messages, list[n].Content...)
		n++
	}
	messages = m.Messages(messages, false)
	version := list[0].Version
	var out []Record
	for len(messages) > 0 {
		k := min(len(messages), 1<<14)
		out = append(out, Record{Handshake, version, -1, messages[:k]})
		messages = messages[k:]
	}
	out = append(out, list[n:]...)
	if len(out) > 0 && m.IntN(4) == 0 {
		return m.records(out)
	}
	return join(out)
}

func join(list []Record) (b []byte) {
	for _, r := range list {
		b = r.Append(b)
	}
	return b
}

// Messages changes one or a few places of handshake messages.
func (m *Mutator) Messages(good []byte, tls13 bool) []byte {
	root := &node{kids: list(func(b []byte) (*node, []byte) { return message(b, tls13) }, good)}
	root = root.clone()
	for range 1 + m.IntN(3) {
		m.change(root)
	}
	if m.IntN(200) == 0 { // a big one
		if all := root.all(nil); len(all) > 1 {
			n := all[1+m.IntN(len(all)-1)]
			n.kids, n.leaf = nil, m.noise(1<<uint(10+m.IntN(8)))
		}
	}
	if root.size() > maxSize { // what came many times became big
		return m.Bytes(good)
	}
	return root.append(nil)
}

// maxSize is how big an input gets, about.
const maxSize = 1 << 19

// change changes one place of a tree.
func (m *Mutator) change(root *node) {
	all := root.all(nil)
	n := all[m.IntN(len(all))]
	switch {
	case n.width > 0 && m.IntN(3) == 0:
		n.lie = m.lie(n)
	case len(n.kids) > 0:
		m.changeKids(n, all)
	default:
		n.leaf = m.changeBytes(n.leaf)
	}
}

func (m *Mutator) lie(n *node) int {
	size := n.size() - n.width
	switch m.IntN(5) {
	case 0:
		return 1
	case 1:
		return -1
	case 2:
		return -size
	case 3:
		return 1<<(8*n.width) - 1 - size
	}
	return m.IntN(1<<16) - size
}

// changeKids changes a list; all is where other items can be taken from.
func (m *Mutator) changeKids(n *node, all []*node) {
	i := m.IntN(len(n.kids))
	insert := func(k *node) {
		n.kids = append(n.kids[:i:i], append([]*node{k}, n.kids[i:]...)...)
	}
	switch m.IntN(9) {
	case 0: // one is missing
		n.kids = append(n.kids[:i:i], n.kids[i+1:]...)
	case 1: // one comes twice
		insert(n.kids[i].clone())
	case 2: // or many times
		one := n.kids[i]
		for range min(1+m.IntN(300), 1<<16/(1+one.size())) {
			n.kids = append(n.kids, one)
		}
	case 3: // the order is another
		m.Shuffle(len(n.kids), func(a, b int) { n.kids[a], n.kids[b] = n.kids[b], n.kids[a] })
	case 4: // nothing is left
		n.kids = nil
	case 5: // something that belongs elsewhere
		insert(all[m.IntN(len(all))].clone())
	case 6: // something that nobody knows, or that is not for here
		insert(m.strange())
	case 7: // the end is missing
		n.kids = n.kids[:i]
	case 8:
		insert(&node{leaf: m.noise(m.IntN(40))})
	}
}

// strange is an extension, or a server name, that asks for trouble.
func (m *Mutator) strange() *node {
	if m.IntN(3) == 0 {
		name := m.OddName()
		entry := &node{width: 2, kids: []*node{{leaf: []byte{0}}, {width: 2, leaf: name}}}
		return &node{kids: []*node{{leaf: []byte{0, 0}}, {width: 2, kids: []*node{entry}}}}
	}
	numbers := []uint16{0, 1, 5, 10, 11, 13, 15, 16, 17, 18, 20, 21, 22, 23, 27, 28, 34, 35, 41, 42, 43, 44, 45, 47, 48, 49, 50, 51, 57,
		0x0a0a, 0x3374, 0x4469, 0xfe0d, 0xff01, 0xffff}
	number := binary.BigEndian.AppendUint16(nil, numbers[m.IntN(len(numbers))])
	return &node{kids: []*node{{leaf: number}, {width: 2, leaf: m.noise(m.IntN(80))}}}
}

// OddName is a server name that some program might trip over.
func (m *Mutator) OddName() []byte {
	names := []string{
		"", ".", "..", "a.", ".a", "a..b", "*", "*.example.org", "localhost.", "LOCALHOST", "127.0.0.1", "::1", "[::1]",
		"a b", "a\nSSL_PEER_CERT_HASH=SHA256:00", "a\x00b", "\x00", "a\x00SSL_PEER_CERT_SUBJECT=/CN=root\x00", "$(id)", "`id`", "%n%s",
		"../../etc/passwd", "a=b", "xn--", "xn--a-", "\xff\xfe", "ä.example", "-a", "a-", "a_b", "\r\n\r\n",
	}
	switch m.IntN(6) {
	case 0:
		return bytes.Repeat([]byte("a"), 1+m.IntN(70))
	case 1:
		return bytes.Repeat([]byte("a."), 1+m.IntN(200))
	case 2:
		return bytes.Repeat([]byte("x"), 1+m.IntN(1<<14))
	case 3:
		return m.noise(1 + m.IntN(300))
	}
	return []byte(names[m.IntN(len(names))])
}

var odd = []uint16{0, 1, 2, 0x0100, 0x0200, 0x0301, 0x0302, 0x0303, 0x0304, 0x0305, 0x7f1c, 0x0a0a, 0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xc02f,
	0x002f, 0x5600, 0x00ff, 23, 24, 25, 29, 30, 0x11ec, 0x6399, 0x0401, 0x0403, 0x0804, 0x0807, 0x0201, 0x0203, 0xfefd, 0xffff}

func (m *Mutator) changeBytes(b []byte) []byte {
	b = append([]byte(nil), b...)
	if len(b) == 0 {
		return m.noise(1 + m.IntN(8))
	}
	i := m.IntN(len(b))
	switch m.IntN(8) {
	case 0:
		b[i] ^= 1 << m.IntN(8)
	case 1:
		b[i] = byte(m.Uint32())
	case 2:
		return b[:i]
	case 3:
		return append(b, m.noise(1+m.IntN(20))...)
	case 4:
		return nil
	case 5:
		for j := range b {
			b[j] = 0
		}
	case 6:
		for j := range b {
			b[j] = 0xff
		}
	case 7:
		if len(b) == 2 {
			binary.BigEndian.PutUint16(b, odd[m.IntN(len(odd))])
		} else {
			copy(b[i:], m.noise(m.IntN(len(b)-i)+1))
		}
	}
	return b
}

// Bytes changes a stream that has no structure, or none that counts.
func (m *Mutator) Bytes(good []byte) []byte {
	b := good
	for range 1 + m.IntN(4) {
		b = m.changeBytes(b)
	}
	return b
}

func (m *Mutator) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}
