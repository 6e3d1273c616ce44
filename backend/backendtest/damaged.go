package backendtest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/mutate"
	"ucspitls/backend/backendtest/pki"
)

// A Reseal opens a ticket, as somebody with its key can, and seals it again
// with what edit makes of the data that the backend itself has put into it.
type Reseal func(t testing.TB, secret, context, ticket []byte, edit func(data []byte) []byte) []byte

// A damaged ticket is sealed well; a client with a certificate has it.
type damaged struct {
	visit
	reseal  Reseal
	good    []byte
	context []byte
	data    []byte // of the good one
}

func newDamaged(t *testing.T, b backend.Backend, reseal Reseal, version uint16) *damaged {
	t.Helper()
	s := suite{Backend: b, pki: pki.New(t)}
	d := &damaged{visit: s.visitor(t, version), reseal: reseal}
	d.server = func(cfg *backend.ServerConfig) {
		cfg.Client, cfg.Anchors = backend.CertMandatory, s.pki.Anchors()
		checked := *cfg
		if err := checked.Check(); err != nil {
			t.Fatal(err)
		}
		d.context = checked.TicketContext(pki.Host, cfg.Default.Chain[0], true)
	}
	d.client = present(s.pki.Client(pki.P256))
	d.expect(false)
	d.good = d.jar.ticket(t)
	d.reseal(t, ticketKey(1), d.context, d.good, func(data []byte) []byte {
		d.data = bytes.Clone(data)
		return data
	})
	d.with(d.data)
	d.expect(true)
	return d
}

// with puts a ticket with this data into the jar.
func (d *damaged) with(data []byte) {
	d.t.Helper()
	d.jar.replace(d.t, d.reseal(d.t, ticketKey(1), d.context, d.good, func([]byte) []byte { return data }))
}

// DamagedTickets: a ticket that was sealed with the right key, but whose data
// is not what a backend writes, leads to a full handshake. head is the length
// of the data in front of the certificates, the last 8 bytes of which are the time.
func DamagedTickets(t *testing.T, b backend.Backend, head int, reseal Reseal) {
	for _, v := range bothVersions {
		d := newDamaged(t, b, reseal, v)
		rows := map[string][]byte{}
		for cut := range d.data { // at the end of a certificate too: what the client presented is not complete then
			if first := head + 3 + int(binary.BigEndian.Uint16(d.data[head+1:])); testing.Short() && cut > head+8 && cut%31 != 0 && (cut < first-3 || cut > first+3) {
				continue
			}
			rows[fmt.Sprintf("cut to %d of %d bytes", cut, len(d.data))] = d.data[:cut]
		}
		for _, more := range []string{"\x00", "\x00\x00", "\x00\x00\x00", "\x00\x00\x01", "\x00\x00\x01\x30", "\xff", "\xff\xff", "\xff\xff\xff", "\xff\xff\xff\xff"} {
			rows[fmt.Sprintf("%x at the end", more)] = slices.Concat(d.data, []byte(more))
			rows[fmt.Sprintf("%x and no certificates", more)] = slices.Concat(d.data[:head], []byte(more))
		}
		for _, n := range []byte{0, 2, 255} {
			other := bytes.Clone(d.data)
			other[head-9] = n
			rows[fmt.Sprint("version ", n)] = other
		}
		for _, since := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1 << 32, math.MaxInt64} {
			other := bytes.Clone(d.data)
			binary.BigEndian.PutUint64(other[head-8:], uint64(since))
			rows[fmt.Sprint("time ", since)] = other
		}
		for i, how := range []int{1, -1} { // the length of the first certificate
			other := bytes.Clone(d.data)
			other[head+2] += byte(how)
			rows[fmt.Sprint("length ", i)] = other
		}
		for name, data := range rows {
			t.Run(versionName(v)+" "+name, func(t *testing.T) {
				d.t = t
				d.with(data)
				d.expect(false)
			})
		}
	}
}

// FuzzTicketData: whatever stands in a ticket, there is a handshake, and it
// tells who the client is.
func FuzzTicketData(f *testing.F, b backend.Backend, reseal Reseal) {
	f.Add([]byte{}, true)
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), false)
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), true)
	for n := range uint64(50) {
		f.Add(mutate.New(0, n).Bytes([]byte("\x00\x00\x05\x30\x03\x02\x01\x01")), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, behind bool) {
		v := uint16(tls.VersionTLS12)
		if len(data)%2 > 0 {
			v = tls.VersionTLS13
		}
		d := newDamaged(t, b, reseal, v)
		if behind {
			data = slices.Concat(d.data, data)
		}
		d.with(data[:min(len(data), 16000)])
		x := d.to()
		x.connect()
		if state := x.conn.State(); state.Peer == nil {
			t.Errorf("%+v", state)
		}
	})
}
