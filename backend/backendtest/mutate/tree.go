package mutate

import "encoding/binary"

// A node is a piece of a message: bytes, or a list of nodes, with a length
// prefix in front or without one. A message is changed as a tree, so that the
// lengths around a change are right again and a parser gets as far as to it.
type node struct {
	width int // bytes of the length prefix; 0 for none
	lie   int // what the prefix says more than there is
	kids  []*node
	leaf  []byte // when there are no kids
}

func (n *node) append(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, n.width)...)
	b = append(b, n.leaf...)
	for _, k := range n.kids {
		b = k.append(b)
	}
	size := len(b) - at - n.width + n.lie
	for i := range n.width {
		b[at+i] = byte(size >> (8 * (n.width - 1 - i)))
	}
	return b
}

// size is about what append adds.
func (n *node) size() int {
	s := n.width + len(n.leaf)
	for _, k := range n.kids {
		s += k.size()
	}
	return s
}

func (n *node) clone() *node {
	c := *n
	c.leaf = append([]byte(nil), n.leaf...)
	c.kids = make([]*node, len(n.kids))
	for i, k := range n.kids {
		c.kids[i] = k.clone()
	}
	return &c
}

// all lists n and everything below.
func (n *node) all(list []*node) []*node {
	list = append(list, n)
	for _, k := range n.kids {
		list = k.all(list)
	}
	return list
}

// A shape cuts a node off the front of b. It gives nil when b does not fit.
type shape func(b []byte) (n *node, rest []byte)

// fixed is so many bytes.
func fixed(size int) shape {
	return func(b []byte) (*node, []byte) {
		if len(b) < size {
			return nil, b
		}
		return &node{leaf: b[:size]}, b[size:]
	}
}

// rest is all that there is.
func rest(b []byte) (*node, []byte) { return &node{leaf: b}, nil }

// vector is a length of width bytes with items behind it; nil items are bytes.
// What does not fit the items is bytes too.
func vector(width int, item shape) shape {
	return func(b []byte) (*node, []byte) {
		if len(b) < width {
			return nil, b
		}
		size := 0
		for _, x := range b[:width] {
			size = size<<8 | int(x)
		}
		b = b[width:]
		if size > len(b) {
			return nil, b
		}
		n := &node{width: width}
		if item == nil {
			n.leaf = b[:size]
		} else {
			n.kids = list(item, b[:size])
		}
		return n, b[size:]
	}
}

func list(item shape, b []byte) (kids []*node) {
	for len(b) > 0 {
		n, after := item(b)
		if n == nil || len(after) == len(b) {
			return append(kids, &node{leaf: b})
		}
		kids, b = append(kids, n), after
	}
	return kids
}

// sequence is one shape after the other, as far as there are bytes.
func sequence(shapes ...shape) shape {
	return func(b []byte) (*node, []byte) {
		n := &node{}
		for _, s := range shapes {
			if len(b) == 0 {
				break
			}
			k, after := s(b)
			if k == nil {
				return nil, b
			}
			n.kids, b = append(n.kids, k), after
		}
		return n, b
	}
}

// within reads a vector of bytes as a shape of its own.
func within(width int, inner shape) shape { return vector(width, inner) }

// The messages of TLS (RFC 8446, 4 and RFC 5246, 7.4).
const (
	helloRequest       = 0
	clientHello        = 1
	serverHello        = 2
	newSessionTicket   = 4
	encryptedExt       = 8
	certificate        = 11
	serverKeyExchange  = 12
	certificateRequest = 13
	certificateVerify  = 15
	clientKeyExchange  = 16
)

var (
	word  = fixed(2)
	words = vector(2, word)

	// extension bodies, by number
	bodies = map[uint16]shape{
		0:      within(2, sequence(fixed(1), vector(2, nil))),                                // server_name
		5:      sequence(fixed(1), vector(2, nil), vector(2, nil)),                           // status_request
		10:     words,                                                                        // supported_groups
		11:     vector(1, fixed(1)),                                                          // ec_point_formats
		13:     words,                                                                        // signature_algorithms
		16:     within(2, vector(1, nil)),                                                    // ALPN
		41:     sequence(within(2, sequence(vector(2, nil), fixed(4))), within(2, fixed(1))), // pre_shared_key
		43:     supportedVersions,
		44:     vector(2, nil), // cookie
		45:     vector(1, fixed(1)),
		50:     words,
		51:     keyShare,
		0xff01: vector(1, nil),
	}

	hello13 = sequence(word, fixed(32), vector(1, nil))
)

// A client lists, a server names one.
func supportedVersions(b []byte) (*node, []byte) {
	if len(b) == 2 {
		return word(b)
	}
	return vector(1, word)(b)
}

func keyShare(b []byte) (*node, []byte) {
	share := sequence(word, vector(2, nil))
	if len(b) >= 4 && int(binary.BigEndian.Uint16(b)) == len(b)-2 {
		return within(2, share)(b)
	}
	return share(b)
}

func extension(b []byte) (*node, []byte) {
	if len(b) < 4 {
		return nil, b
	}
	body, after := vector(2, nil)(b[2:])
	if body == nil {
		return nil, b
	}
	if s := bodies[binary.BigEndian.Uint16(b)]; s != nil {
		if kids := list(s, body.leaf); len(kids) > 0 {
			body.leaf, body.kids = nil, kids
		}
	}
	return &node{kids: []*node{{leaf: b[:2]}, body}}, after
}

var extensions = within(2, extension)

// message is a handshake message with its header.
func message(b []byte, tls13 bool) (*node, []byte) {
	body, after := vector(3, nil)(b[min(1, len(b)):])
	if body == nil {
		return nil, b
	}
	if kids := list(shapeOf(b[0], tls13), body.leaf); len(kids) > 0 {
		body.leaf, body.kids = nil, kids
	}
	return &node{kids: []*node{{leaf: b[:1]}, body}}, after
}

func shapeOf(kind byte, tls13 bool) shape {
	switch kind {
	case clientHello:
		return sequence(hello13, words, vector(1, nil), extensions)
	case serverHello:
		return sequence(hello13, word, fixed(1), extensions)
	case encryptedExt:
		return extensions
	case certificate:
		if tls13 {
			return sequence(vector(1, nil), within(3, sequence(vector(3, der), extensions)))
		}
		return within(3, vector(3, der))
	case serverKeyExchange:
		return sequence(fixed(1), word, vector(1, nil), word, vector(2, nil))
	case certificateRequest:
		if tls13 {
			return sequence(vector(1, nil), extensions)
		}
		return sequence(vector(1, fixed(1)), words, within(2, vector(2, nil)))
	case certificateVerify:
		return sequence(word, vector(2, nil))
	case clientKeyExchange:
		return vector(1, nil)
	case newSessionTicket:
		if tls13 {
			return sequence(fixed(4), fixed(4), vector(1, nil), vector(2, nil), extensions)
		}
		return sequence(fixed(4), vector(2, nil))
	}
	return rest
}

// der is an element of ASN.1, with a length of two bytes where it has a long
// one; good enough to get into certificates.
func der(b []byte) (*node, []byte) {
	if len(b) < 2 {
		return nil, b
	}
	tag := &node{leaf: b[:1]}
	var body *node
	var after []byte
	switch {
	case b[1] < 0x80:
		body, after = vector(1, nil)(b[1:])
	case b[1] == 0x81:
		tag.leaf = b[:2]
		body, after = vector(1, nil)(b[2:])
	case b[1] == 0x82:
		tag.leaf = b[:2]
		body, after = vector(2, nil)(b[2:])
	}
	if body == nil {
		return nil, b
	}
	if b[0]&0x20 != 0 {
		if kids := list(der, body.leaf); len(kids) > 0 {
			body.leaf, body.kids = nil, kids
		}
	}
	return &node{kids: []*node{tag, body}}, after
}
