package socket

import (
	"net/netip"
	"syscall"
)

// Accept takes a connection of a listening socket. The error is a syscall.Errno.
func Accept(listener int) (int, netip.AddrPort, error) {
	n, sa, err := syscall.Accept4(listener, syscall.SOCK_CLOEXEC)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	return n, AddrPort(sa), nil
}

// SendNow sends text without waiting and without SIGPIPE, all of it or an error.
func SendNow(n int, text string) error {
	sent, err := syscall.SendmsgN(n, []byte(text), nil, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	if err == nil && sent < len(text) {
		err = syscall.EAGAIN
	}
	return err
}
