package listen

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/resolve/socket"
)

// The kernel is asked by sock_diag(7), for one socket by its addresses, which
// needs no privileges. Numbers of linux/sock_diag.h and linux/inet_diag.h:
const (
	netlinkSockDiag  = 4
	sockDiagByFamily = 20
	stateListen      = 10
	noCookie         = 1<<64 - 1 // any

	idSize      = 48
	cookieAt    = 40 // in the id
	inodeAt     = 4 + idSize + 16
	requestSize = syscall.NLMSG_HDRLEN + 8 + idSize
	answerSize  = syscall.NLMSG_HDRLEN + inodeAt + 4
	typeAt      = 4
)

// newTunnels makes sure that the kernel answers: the listener is there.
func newTunnels(listener int) (*tunnels, error) {
	t := &tunnels{children: map[int]connection{}, timer: time.NewTimer(time.Hour)}
	t.timer.Stop()
	var err error
	t.kernel, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err == nil {
		c := connection{local: socket.Local(listener), cookie: noCookie}
		c.remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
		if c.local.Addr().Is6() {
			c.remote = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
		}
		_, err = t.ask(c)
	}
	if err != nil {
		return nil, diag.Fail(diag.System, "--count-tunnels: the kernel does not tell about connections (sock_diag): ", err.Error())
	}
	return t, nil
}

// identify gives what owned needs to know about a connection that is open here.
// For one that was reset meanwhile the kernel finds the listener instead.
func (t *tunnels) identify(fd int, remote netip.AddrPort) (c connection, err error) {
	c = connection{socket.Local(fd), remote, noCookie}
	s, err := t.ask(c)
	if err == nil && s.state == stateListen {
		err = syscall.ENOENT
	}
	c.cookie = s.cookie
	return c, err
}

// owned reports whether a process has the connection. The kernel may still have
// one that nobody does, for what is on its way or in TIME_WAIT: that costs no
// process. An answer that can't be had is no reason to let in more.
func (t *tunnels) owned(c connection) bool {
	s, err := t.ask(c)
	return err != syscall.ENOENT && err != syscall.ESTALE && (err != nil || s.inode != 0)
}

// A sock is what the kernel says about one.
type sock struct {
	state  byte
	inode  uint32 // 0: no process has it
	cookie uint64
}

// ask asks about a connection's socket. The error is a syscall.Errno: ENOENT or
// ESTALE if there is none.
func (t *tunnels) ask(c connection) (s sock, err error) {
	var b [requestSize]byte
	order := binary.NativeEndian
	order.PutUint32(b[0:], requestSize)
	order.PutUint16(b[typeAt:], sockDiagByFamily)
	order.PutUint16(b[typeAt+2:], syscall.NLM_F_REQUEST)
	request := b[syscall.NLMSG_HDRLEN:]
	request[0], request[1] = syscall.AF_INET, syscall.IPPROTO_TCP
	if c.local.Addr().Is6() {
		request[0] = syscall.AF_INET6
	}
	order.PutUint32(request[4:], 1<<32-1) // every state
	id := request[8:]
	binary.BigEndian.PutUint16(id[0:], c.local.Port())
	binary.BigEndian.PutUint16(id[2:], c.remote.Port())
	copy(id[4:20], c.local.Addr().AsSlice())
	copy(id[20:36], c.remote.Addr().AsSlice())
	if zone, err := strconv.ParseUint(c.remote.Addr().Zone(), 10, 32); err == nil {
		order.PutUint32(id[36:], uint32(zone))
	}
	order.PutUint32(id[cookieAt:], uint32(c.cookie))
	order.PutUint32(id[cookieAt+4:], uint32(c.cookie>>32))
	if err := syscall.Sendto(t.kernel, b[:], syscall.MSG_DONTWAIT, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return s, err
	}
	// The answer is there when the request was sent.
	var answer [512]byte
	n, _, err := syscall.Recvfrom(t.kernel, answer[:], syscall.MSG_DONTWAIT)
	body := answer[syscall.NLMSG_HDRLEN:]
	switch {
	case err != nil:
		return s, err
	case n >= syscall.NLMSG_HDRLEN+4 && order.Uint16(answer[typeAt:]) == syscall.NLMSG_ERROR:
		if e := -int32(order.Uint32(body)); e > 0 {
			return s, syscall.Errno(e)
		}
		return s, syscall.EPROTO
	case n < answerSize:
		return s, syscall.EPROTO
	}
	id = body[4:]
	s.cookie = uint64(order.Uint32(id[cookieAt:])) | uint64(order.Uint32(id[cookieAt+4:]))<<32
	s.state, s.inode = body[1], order.Uint32(body[inodeAt:])
	return s, nil
}
