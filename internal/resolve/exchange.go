package resolve

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"syscall"
	"time"

	"ucspitls/internal/resolve/socket"
)

var (
	errRefused   = errors.New("the name server failed or refused")
	errMalformed = errors.New("the name server sent a malformed answer")
)

// maxUDP is the largest message over UDP without extensions; ours ask for none.
const maxUDP = 512

// exchange asks each name server in turn, as often as resolv.conf says, until
// one knows: the records, or ErrNotFound.
func (r *Resolver) exchange(name string, kind recordType, deadline time.Time) (answer, error) {
	failure := ErrTimeout
	for range r.conf.attempts {
		for _, server := range r.conf.servers {
			limit := time.Now().Add(r.conf.timeout)
			if !deadline.IsZero() && deadline.Before(limit) {
				limit = deadline
			}
			if !time.Now().Before(limit) {
				return answer{}, ErrTimeout
			}
			a, err := ask(server, name, kind, limit)
			if err == nil || err == ErrNotFound || err == ErrBadName {
				return a, err
			}
			failure = err
		}
	}
	return answer{}, failure
}

// ask asks one server over UDP, and over TCP if the answer is too long for that.
func ask(server netip.AddrPort, name string, kind recordType, deadline time.Time) (answer, error) {
	id := uint16(rand.Uint32())
	query, err := newQuery(id, name, kind)
	if err != nil {
		return answer{}, err
	}
	a, truncated, err := askUDP(server, query, id, name, kind, deadline)
	if truncated {
		return askTCP(server, query, id, name, kind, deadline)
	}
	return a, err
}

func askUDP(server netip.AddrPort, query []byte, id uint16, name string, kind recordType, deadline time.Time) (a answer, truncated bool, err error) {
	f, err := socket.Connect(syscall.SOCK_DGRAM, netip.AddrPort{}, server, deadline)
	if err != nil {
		return answer{}, false, plain(err)
	}
	defer f.Close()
	f.SetDeadline(deadline)
	if _, err := f.Write(query); err != nil {
		return answer{}, false, plain(err)
	}
	buf := make([]byte, maxUDP)
	for {
		n, err := f.Read(buf)
		if err == io.EOF { // an empty datagram
			continue
		}
		if err != nil {
			return answer{}, false, plain(err)
		}
		if a, truncated, ours, err := parse(buf[:n], id, name, kind); ours {
			return a, truncated, err
		}
	}
}

// askTCP is the same with a length before each message (RFC 1035, section 4.2.2).
func askTCP(server netip.AddrPort, query []byte, id uint16, name string, kind recordType, deadline time.Time) (answer, error) {
	f, err := socket.Connect(syscall.SOCK_STREAM, netip.AddrPort{}, server, deadline)
	if err != nil {
		return answer{}, plain(err)
	}
	defer f.Close()
	f.SetDeadline(deadline)
	if _, err := f.Write(append([]byte{byte(len(query) >> 8), byte(len(query))}, query...)); err != nil {
		return answer{}, plain(err)
	}
	var length [2]byte
	if _, err := io.ReadFull(f, length[:]); err != nil {
		return answer{}, plain(err)
	}
	buf := make([]byte, int(length[0])<<8|int(length[1]))
	if _, err := io.ReadFull(f, buf); err != nil {
		return answer{}, plain(err)
	}
	a, truncated, ours, err := parse(buf, id, name, kind)
	if truncated || !ours {
		return answer{}, errMalformed
	}
	return a, err
}

// plain is the reason of an error, without the file that stands for a socket.
func plain(err error) error {
	if os.IsTimeout(err) {
		return ErrTimeout
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errMalformed
	}
	if u := errors.Unwrap(err); u != nil {
		return u
	}
	return err
}
