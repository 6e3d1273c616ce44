//go:build linux

package soak

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"ucspitls/test/lab/prog"
)

// The prog of a server and of a client: this executable once more. Its exit
// code is that of its child, the tunnel.

const (
	roleVariable   = "UCSPITLS_TEST_SOAK" // server or client
	planVariable   = "UCSPITLS_TEST_SOAK_PLAN"
	sharedVariable = "UCSPITLS_TEST_SOAK_SHARED" // set if there may be no child

	progLost  = 90 // of the client: what came was not what was sent
	progShort = 91 // of the client: the stream ended early
)

// act is the whole of a prog.
func act(role string) {
	in, out := prog.Channel("SSLREADFD", 0), prog.Channel("SSLWRITEFD", 1)
	if role == "client" {
		in, out = prog.Channel("SSLREADFD", 6), prog.Channel("SSLWRITEFD", 7)
	}
	if ctl := prog.Channel("SSLCTLFD", -1); ctl >= 0 {
		ctl.Write([]byte("y"))
		ctl.Close()
	}
	var code int
	if role == "client" {
		var h header
		fmt.Sscanf(os.Getenv(planVariable), "%d %d %d %d", &h.up, &h.down, &h.id, &h.act)
		code = asClient(in, out, h)
	} else {
		code = asServer(in, out)
	}
	in.Close()
	if out != in {
		out.Close()
	}
	if child := reap(); code == 0 || child > 128 {
		code = child
	}
	syscall.Exit(code)
}

// reap waits for the tunnel.
func reap() int {
	code, err := prog.Reap()
	switch {
	case err == syscall.ECHILD && os.Getenv(sharedVariable) != "":
		return 0 // an immediate tool's tunnel is in another process
	case err != nil:
		return 99 // there must be one
	}
	return code
}

var errWrong = errors.New("wrong bytes")

// verify reads n bytes of a session.
func verify(r io.Reader, n int, id uint64, down bool) (got int, err error) {
	buf, want := make([]byte, 32<<10), make([]byte, 32<<10)
	for got < n {
		m, err := r.Read(buf[:min(len(buf), n-got)])
		fill(want[:m], id, down, got)
		if !bytes.Equal(buf[:m], want[:m]) {
			return got, errWrong
		}
		got += m
		if err != nil {
			return got, err
		}
	}
	return got, nil
}

// say writes n bytes of a session.
func say(w io.Writer, n int, id uint64, down bool) error {
	buf := make([]byte, 32<<10)
	for at := 0; at < n; at += len(buf) {
		b := buf[:min(len(buf), n-at)]
		fill(b, id, down, at)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// asServer reads the header and the rest, answers meanwhile, and says at the
// end how much it has had.
func asServer(in, out prog.FD) int {
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(in, b); err != nil {
		return 0
	}
	h, ok := parseHeader(b)
	if !ok {
		fmt.Fprintf(os.Stderr, "soak: lost: the header is %x\n", b)
		return 0
	}
	down := int(h.down)
	if h.act != actNormal {
		down /= 2
	}
	had := make(chan int, 1)
	go func() {
		n, err := verify(in, int(h.up), h.id, false)
		if err == errWrong {
			fmt.Fprintf(os.Stderr, "soak: lost: session %d: wrong bytes after %d on the way to the server\n", h.id, n)
		}
		had <- n
	}()
	said := say(out, down, h.id, true)
	switch h.act {
	case actKill:
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case actExit:
		return 0
	}
	n := <-had
	if said == nil {
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(n)))
	}
	out.Close()
	io.Copy(io.Discard, in)
	return 0
}

// asClient is the other side. Its code tells how it went.
func asClient(in, out prog.FD, h header) int {
	go func() {
		out.Write(h.bytes())
		say(out, int(h.up), h.id, false)
		out.Close()
	}()
	_, code := hear(in, h)
	return code
}

// hear reads and checks all that the server says.
func hear(r io.Reader, h header) (got, code int) {
	got, err := verify(r, int(h.down), h.id, true)
	if err == errWrong {
		return got, progLost
	}
	if err != nil {
		return got, progShort
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(r, b); err != nil || binary.BigEndian.Uint32(b) != h.up {
		return got, progShort
	}
	if n, err := io.Copy(io.Discard, r); n > 0 {
		return got, progLost
	} else if err != nil {
		return got, progShort
	}
	return got + int(h.up), 0
}
