package resolve

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// The DNS messages that are sent and read here (RFC 1035, section 4).

type recordType = dnsmessage.Type

const (
	typeA    = dnsmessage.TypeA
	typeAAAA = dnsmessage.TypeAAAA
	typePTR  = dnsmessage.TypePTR
)

// An answer is what was asked for, in the order of the message.
type answer struct {
	addrs []netip.Addr // A, AAAA
	names []string     // PTR, with a final dot
}

func (a *answer) empty() bool { return len(a.addrs) == 0 && len(a.names) == 0 }

// maxChain is how many aliases (CNAME) are followed within one answer.
const maxChain = 16

// newQuery gives the bytes of a query for a full name.
func newQuery(id uint16, name string, kind recordType) ([]byte, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, ErrBadName
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: n, Type: kind, Class: dnsmessage.ClassINET}},
	}
	b, err := m.Pack()
	if err != nil {
		return nil, ErrBadName
	}
	return b, nil
}

// parse reads a response to the query. ours is false for one that belongs to
// another query, or is no message at all: a forger has to do better.
func parse(b []byte, id uint16, name string, kind recordType) (a answer, truncated, ours bool, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != id || !h.Response {
		return answer{}, false, false, nil
	}
	q, err := p.Question()
	if err != nil || q.Type != kind || q.Class != dnsmessage.ClassINET || !strings.EqualFold(q.Name.String(), name) {
		return answer{}, false, false, nil
	}
	if p.SkipAllQuestions() != nil {
		return answer{}, false, false, nil
	}
	switch {
	case h.Truncated:
		return answer{}, true, true, nil
	case h.RCode == dnsmessage.RCodeNameError:
		return answer{}, false, true, ErrNotFound
	case h.RCode != dnsmessage.RCodeSuccess:
		return answer{}, false, true, errRefused
	}
	records, err := p.AllAnswers()
	if err != nil {
		return answer{}, false, true, errMalformed
	}
	if a = collect(records, name, kind); a.empty() {
		return a, false, true, ErrNotFound
	}
	return a, false, true, nil
}

// collect takes the records of name, following aliases from it.
func collect(records []dnsmessage.Resource, name string, kind recordType) (a answer) {
	for range maxChain {
		alias := ""
		for i := range records {
			h := &records[i].Header
			if h.Class != dnsmessage.ClassINET || !strings.EqualFold(h.Name.String(), name) {
				continue
			}
			switch body := records[i].Body.(type) {
			case *dnsmessage.AResource:
				if kind == typeA {
					a.addrs = append(a.addrs, netip.AddrFrom4(body.A))
				}
			case *dnsmessage.AAAAResource:
				if kind == typeAAAA {
					a.addrs = append(a.addrs, netip.AddrFrom16(body.AAAA))
				}
			case *dnsmessage.PTRResource:
				if kind == typePTR {
					a.names = append(a.names, body.PTR.String())
				}
			case *dnsmessage.CNAMEResource:
				alias = body.CNAME.String()
			}
		}
		if !a.empty() || alias == "" {
			break
		}
		name = alias
	}
	return a
}

// reverse is the name under which the DNS keeps the name of an address
// (RFC 1035, section 3.5; RFC 3596, section 2.5).
func reverse(ip netip.Addr) string {
	const hex = "0123456789abcdef"
	var b []byte
	if ip = ip.Unmap(); ip.Is4() {
		four := ip.As4()
		for i := 3; i >= 0; i-- {
			b = append(strconv.AppendUint(b, uint64(four[i]), 10), '.')
		}
		return string(b) + "in-addr.arpa."
	}
	six := ip.As16()
	for i := 15; i >= 0; i-- {
		b = append(b, hex[six[i]&15], '.', hex[six[i]>>4], '.')
	}
	return string(b) + "ip6.arpa."
}
