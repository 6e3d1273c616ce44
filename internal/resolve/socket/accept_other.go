//go:build !linux

package socket

import (
	"net/netip"
	"syscall"
)

// Accept takes a connection of a listening socket. The error is a syscall.Errno.
func Accept(listener int) (int, netip.AddrPort, error) {
	syscall.ForkLock.RLock()
	n, sa, err := syscall.Accept(listener)
	if err == nil {
		syscall.CloseOnExec(n)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	// Here it has inherited O_NONBLOCK.
	if err := syscall.SetNonblock(n, false); err != nil {
		syscall.Close(n)
		return -1, netip.AddrPort{}, err
	}
	return n, AddrPort(sa), nil
}

// SendNow sends text without waiting, all of it or an error.
func SendNow(n int, text string) error {
	sent, err := syscall.SendmsgN(n, []byte(text), nil, nil, syscall.MSG_DONTWAIT)
	if err == nil && sent < len(text) {
		err = syscall.EAGAIN
	}
	return err
}
