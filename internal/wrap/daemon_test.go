//go:build linux && (amd64 || arm64) && !race

package wrap_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"ucspitls/internal/handover"
	"ucspitls/internal/ucspi"
)

// A daemon plays a shared tunnel process for one connection, as its script
// says. A word is what it does next:
//
//	file, stream  make no daemon: a plain file, a socket of another kind
//	uid=N         listen as somebody else
//	deaf          take no descriptors
//	silent        keep the connection, and say nothing
//	files         take the descriptors
//	blob=TEXT     write TEXT to the descriptor that wants the information, and close it
//	slow          let the others go on
//	other         send this, with its escapes undone
//
// All that it hears is kept.
type daemon struct {
	heard strings.Builder
	fds   []int
	blob  int
	done  chan bool
	fd    int
}

func startDaemon(t *testing.T, path, script string) *daemon {
	t.Helper()
	words := strings.Fields(script)
	kind := syscall.SOCK_SEQPACKET
	switch words[0] {
	case "file":
		os.WriteFile(path, nil, 0o600)
		return nil
	case "stream":
		kind = syscall.SOCK_STREAM
	}
	d := &daemon{blob: -1, done: make(chan bool)}
	var err error
	if d.fd, err = syscall.Socket(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(d.fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if uid, ok := strings.CutPrefix(words[0], "uid="); ok {
		words = words[1:]
		listenAs(t, d.fd, uid)
	} else if err := syscall.Listen(d.fd, 8); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.done)
		for {
			n, _, err := syscall.Accept4(d.fd, syscall.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			d.serve(n, words)
			syscall.Close(n)
		}
	}()
	return d
}

// listenAs listens with another effective uid, which is what connect sees.
func listenAs(t *testing.T, fd int, uid string) {
	t.Helper()
	id, err := strconv.Atoi(uid)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with this
		_, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(id), ^uintptr(0))
		if e == 0 {
			failed <- syscall.Listen(fd, 8)
		} else {
			failed <- e
		}
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// letGo waits until an immediate wrapper that has its information has become
// prog, and else for a moment.
func (d *daemon) letGo(n int, hello []byte) {
	wait := 200
	if d.blob < 0 && !bytes.Contains(hello, []byte("\x00delayed=1\x00")) {
		wait = 20_000
	}
	unix.Poll([]unix.PollFd{{Fd: int32(n), Events: unix.POLLRDHUP}}, wait)
}

func (d *daemon) serve(n int, words []string) {
	hello := make([]byte, handover.MaxMessage+1)
	got, _ := syscall.Read(n, hello)
	said := fmt.Sprintf("%q", hello[:max(got, 0)])
	if len(said) > 2000 {
		said = fmt.Sprintf("%q ... %d kB", hello[:2], got/1000) // a pid and inodes have as many digits as they have
	}
	fmt.Fprintf(&d.heard, "hello %s\n", said)
	for _, word := range words {
		blob, isBlob := strings.CutPrefix(word, "blob=")
		switch {
		case word == "deaf":
			syscall.Shutdown(n, syscall.SHUT_RD)
		case word == "silent":
			syscall.Read(n, hello)
		case word == "files":
			d.files(n)
		case word == "slow":
			d.letGo(n, hello[:max(got, 0)])
		case isBlob:
			unix.Write(d.blob, []byte(strings.ReplaceAll(blob, "|", "\x00")))
			syscall.Close(d.blob)
			d.blob = -1
		default:
			message, err := strconv.Unquote(`"` + word + `"`)
			if err != nil {
				panic(err)
			}
			unix.Send(n, []byte(message), unix.MSG_NOSIGNAL)
		}
	}
	for _, n := range append(d.fds, d.blob) {
		syscall.Close(n)
	}
	d.fds, d.blob = nil, -1
}

// files takes the descriptors, and notes what they are.
func (d *daemon) files(n int) {
	var message, rights [256]byte
	got, oobn, _, _, err := syscall.Recvmsg(n, message[:], rights[:], syscall.MSG_CMSG_CLOEXEC)
	fmt.Fprintf(&d.heard, "files %q %v\n", message[:max(got, 0)], err)
	control, _ := syscall.ParseSocketControlMessage(rights[:oobn])
	for i := range control {
		fds, _ := syscall.ParseUnixRights(&control[i])
		for j, fd := range fds {
			link, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
			kind, _, _ := strings.Cut(link, "[")
			flags, _ := unix.FcntlInt(uintptr(fd), syscall.F_GETFL, 0)
			fmt.Fprintf(&d.heard, "%s %x\n", kind, flags)
			if message[1+j] == handover.Notify {
				d.blob = fd
			} else {
				d.fds = append(d.fds, fd)
			}
		}
	}
}

// stop ends it and gives what it heard.
func (d *daemon) stop() string {
	if d == nil {
		return ""
	}
	syscall.Shutdown(d.fd, syscall.SHUT_RDWR)
	<-d.done
	syscall.Close(d.fd)
	return d.heard.String()
}

// sharedScenes are starts with a shared tunnel process, of which there may be
// any kind.
func sharedScenes() (scenes []scene) {
	usual := []string{"TLS_IOD=DIR/s", "CERTFILE=/c", "KEYFILE:x=/k", "CAFILE=", "TCPREMOTEIP=192.0.2.1", "TLS_IDLE_TIMEOUT=500", "TLS_LINGER=600", "BLOB=SSL_ALPN=own||", "COMMAND=Y"}
	add := func(name, words, daemon string, change func(*scene)) {
		s := scene{name: name, who: "server", words: strings.Fields(words), env: usual, daemon: daemon}
		if change != nil {
			change(&s)
		}
		scenes = append(scenes, s)
	}
	set := func(items ...string) func(*scene) {
		return func(s *scene) { s.env = append(append([]string{}, items...), s.env...) }
	}
	info := `blob=SSL_PROTOCOL=TLSv1.3|SSL_ALPN=b||`
	takes := "G files " + info + ` E\x00`
	for _, play := range []struct{ name, script string }{
		{"taken", takes},
		{"taken, no end", "G files " + info},
		{"lines", `G files Linfo:\x20one Lwarning:\x20\x1b[2Jtwo\n ` + info + ` slow Linfo:\x20late E\x07`},
		{"refused at once", `G files E\x62`},
		{"a strange code", `G files E\x02`},
		{"foreign information", "G files blob=PATH=/x|| E\\x00"},
		{"information twice", "G files blob=SSL_ALPN=b|SSL_ALPN=b||"},
		{"a failed session", `G files Lfatal:\x20no E\x62`},
		{"no session", `G files E\x00`},
		{"it dies with the files", "G files"},
		{"it dies after a line", `G files Lfatal:\x20no`},
		{"torn information", "G files blob=| E\\x00"},
		{"cut information", "G files blob=SSL_ALPN=b"},
		{"odd messages", `G files L E E\x00\x00 X E\x05`},
		{"a long line", "G files L" + strings.Repeat("long", 3000) + ` E\x03`},
		{"hostile lines", `G files L\x9b31m\xc2\x9b\u202eL E\x03`},
		{"lines that claim much", `G files Ls6-tlsserver:\x20info:\x20allow\x20pid\x201 Lfatal Linfo:\x20 Lusage:\x20x Ldebug:\x20` + strings.Repeat("y", 8190) + ` E\x03`},
		{"differs, not ASCII", "D" + strings.Repeat(`\xff`, 254)},
		{"differs", "DKEYFILE"},
		{"differs in nothing", "D"},
		{"differs in -y", "D-y"},
		{"differs, hostile", `D\x1b[2J\n`},
		{"busy", "B"},
		{"not understood", "X"},
		{"deaf", "deaf G"},
		{"gone", "slow"},
		{"go twice", "GG files"},
		{"a file", "file"},
		{"a stream socket", "stream"},
	} {
		add(play.name, "-SJ -K 500 show", play.script, nil)
		add(play.name+", told", "-v2 -y -k1 show", play.script, nil)
	}
	add("nobody there", "show", "", nil)
	add("nobody there, told", "-v2 show", "", nil)
	add("quiet and kept", "-v0 -Z show", "DKEYFILE", nil)
	add("plain start", "-v2 show", takes, set("COMMAND=y"))
	add("no start", "-v2 show", takes, set("COMMAND="))
	add("silent", "-v2 show", "silent", nil)
	add("the network is a file", "-v2 show", takes, func(s *scene) { s.network = "file" })
	add("the network is half another", "-v2 show", takes, func(s *scene) { s.network = "half" })
	add("relative paths", "-v2 show", takes, set("CERTFILE=relative", "CADIR="))
	add("ids that are empty", "-v2 show", takes, set("TLS_UID=", "TLS_GID="))
	add("every variable", "-v2 show", takes, func(s *scene) {
		for _, v := range ucspi.Variables {
			s.env = append([]string{v.Name + "=/x"}, s.env...)
		}
		s.env = append([]string{"TLS_IOD=DIR/s", "TLS_UID=5", "TLS_GID=6", "TLS_IDLE_TIMEOUT=9"}, s.env...)
	})
	add("items without a value", "-v2 show", takes, set("CERTFILE", "KEYFILE:x", "CADIR=/first", "CADIR=/second", "CERTFILE:=/e", "CERTFILE:a:b=/c", "CAFILE:x=/x"))
	add("a path below a file", "-v2 show", takes, set("TLS_IOD=/dev/null/s"))
	add("a directory", "-v2 show", takes, set("TLS_IOD=DIR"))
	for _, path := range []string{strings.Repeat("x", 107), strings.Repeat("x", 108), "@" + strings.Repeat("x", 107), "@" + strings.Repeat("x", 108)} {
		add(fmt.Sprintf("a path of %d bytes, %.2s", len(path), path), "-v2 show", takes, set("TLS_IOD="+path))
	}
	add("too long", "-v2 show", takes, set("TLS_ALPN="+strings.Repeat("x", 120<<10), "TLS_CRLFILE=/"+strings.Repeat("x", 120<<10)))
	add("nearly too long", "-v2 show", takes, set("TLS_ALPN="+strings.Repeat("x", 120<<10), "TLS_CRLFILE=/"+strings.Repeat("x", 70<<10)))
	add("no such prog", "-v2 nosuchprogram", takes, nil)
	add("no -io", "-v2 show", "B", func(s *scene) { s.noIO = true })
	add("ids", "--uid=7 --gid=8 --gidlist= show", takes, func(s *scene) { s.root, s.env = true, with(s.env, "SHOW=ids") })
	root := func(s *scene) { s.root = true }
	add("another's", "-v2 show", "uid=65534 "+takes, root)
	for _, id := range []string{"65534", "65533", "0", "x"} {
		add("that of TLS_UID="+id, "-v2 show", "uid=65534 "+takes, func(s *scene) { root(s); set("TLS_UID=" + id)(s) })
	}
	scenes = append(scenes, scene{name: "not for a client", who: "client", words: []string{"-v2", "show"}, env: usual, daemon: takes})
	return scenes
}
