package socket

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func listen(t *testing.T, at string) netip.AddrPort {
	t.Helper()
	n, err := Listen(netip.MustParseAddrPort(at), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(n) })
	return Local(n)
}

func TestConnect(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		n, err := Listen(netip.MustParseAddrPort(at), 8)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(n)
		there := Local(n)
		f, err := Connect(syscall.SOCK_STREAM, netip.AddrPort{}, there, time.Now().Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c, peer, err := Accept(n)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(c)
		if peer != Local(Number(f)) || Remote(Number(f)) != there || Remote(c) != peer || Local(c) != there {
			t.Errorf("%v: %v %v", at, peer, there)
		}
		if flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(c), syscall.F_GETFL, 0); e != 0 || flags&syscall.O_NONBLOCK != 0 {
			t.Error("an accepted connection is in O_NONBLOCK")
		}
		for _, fd := range []int{n, c, Number(f)} {
			if flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); e != 0 || flags&syscall.FD_CLOEXEC == 0 {
				t.Errorf("%d is not close-on-exec", fd)
			}
		}
		if err := SendNow(c, "hello"); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 9)
		if n, err := f.Read(buf); string(buf[:n]) != "hello" || err != nil {
			t.Errorf("%q, %v", buf, err)
		}
		if err := SendNow(c, strings.Repeat("x", 64<<20)); err != syscall.EAGAIN {
			t.Errorf("more than fits: %v", err)
		}
	}
}

func TestConnectFails(t *testing.T) {
	free := listen(t, "127.0.0.1:0")
	full := listen(t, "127.0.0.1:0")
	for range 16 { // fill the backlog
		f, err := Connect(syscall.SOCK_STREAM, netip.AddrPort{}, full, time.Now().Add(100*time.Millisecond))
		if err != nil {
			break
		}
		defer f.Close()
	}
	soon := func() time.Time { return time.Now().Add(200 * time.Millisecond) }
	if _, err := Connect(syscall.SOCK_STREAM, netip.AddrPort{}, full, soon()); err != syscall.ETIMEDOUT {
		t.Errorf("full: %v", err)
	}
	if _, err := Connect(syscall.SOCK_STREAM, netip.AddrPort{}, netip.MustParseAddrPort("127.0.0.3:1"), soon()); err != syscall.ECONNREFUSED {
		t.Errorf("closed: %v", err)
	}
	var bind *BindError
	if _, err := Connect(syscall.SOCK_STREAM, netip.MustParseAddrPort("192.0.2.1:0"), free, soon()); !errors.As(err, &bind) || !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("a foreign local end: %v", err)
	}
	if _, err := Listen(free, 1); err != syscall.EADDRINUSE {
		t.Errorf("listen twice: %v", err)
	}
}

func TestZone(t *testing.T) {
	defer func(old string) { interfaces = old }(interfaces)
	interfaces = t.TempDir() + "/"
	if err := os.MkdirAll(filepath.Join(interfaces, "eth7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(interfaces, "eth7", "ifindex"), []byte("12\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[string]uint32{"": 0, "3": 3, "eth7": 12, "eth8": 0, "../eth7": 0, ".": 0} {
		if got := zoneID(zone); got != want {
			t.Errorf("%q: %d", zone, got)
		}
	}
	a := netip.MustParseAddrPort("[fe80::1%5]:7")
	if got := AddrPort(sockaddr(a)); got != a {
		t.Errorf("%v became %v", a, got)
	}
	if got := AddrPort(nil); got.IsValid() {
		t.Errorf("nothing became %v", got)
	}
}
