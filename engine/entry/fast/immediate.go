//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/wrap"
)

// immediate waits for the information blob and becomes prog. The session is
// that of the child with that pid, or the shared process's. See wrap/immediate.go.
func (m *memory) immediate(w *wrap.Program, pid int) {
	if m.execE != 0 {
		m.code(w, pid)
		m.cannotRun(w, m.execE)
	}
	closeFD(m.ioRead())
	closeFD(m.ioWrite())
	closeFD(m.ioCtl())
	got := m.receive(w)
	if got == 0 {
		code := m.code(w, pid)
		if code == diag.OK {
			m.fail(w, diag.TLS, "the TLS process ended without a handshake", "", "")
		}
		exit(code)
	}
	m.inform(w, got)
	if m.link != 0 {
		m.relay(w, syscall.MSG_DONTWAIT) // from here on the daemon speaks for itself
	}
	closeFD(m.progCtl())
	r, wr := m.network(w.Side.Server)
	if _, e := call(syscall.SYS_DUP3, m.progRead(), r, 0); e != 0 {
		m.failSystem(w, "move a descriptor", e)
	}
	if _, e := call(syscall.SYS_DUP3, m.progWrite(), wr, 0); e != 0 {
		m.failSystem(w, "move a descriptor", e)
	}
	m.become(w)
}

// receive reads the blob to its end.
func (m *memory) receive(w *wrap.Program) int {
	got := 0
	for {
		n, e := call(syscall.SYS_READ, m.progCtl(), uintptr(unsafe.Pointer(&m.blob[got])), uintptr(len(m.blob)-got))
		if e != 0 {
			m.failSystem(w, "read from the TLS process", e)
		}
		if n == 0 {
			return got
		}
		if got += int(n); got >= len(m.blob) {
			m.fail(w, diag.TLS, "the peer's information is too long", "", "")
		}
	}
}

// inform makes prog's environment of ours and the blob, NAME=value NUL ... NUL.
func (m *memory) inform(w *wrap.Program, got int) {
	end, items := 0, 0
	for end < got && m.blob[end] != 0 {
		s := m.info(end, got)
		name := s[:max(index(s, '='), 0)]
		if name == "" || end+len(s) == got {
			break
		}
		if len(s) > wrap.MaxValue {
			m.fail(w, diag.TLS, name, " of the peer is too long for the environment", "")
		}
		m.override(name)
		end += len(s) + 1
		items++
	}
	if end != got-1 || m.blob[end] != 0 {
		m.fail(w, diag.TLS, "the TLS process ended while it sent its information", "", "")
	}
	if items > maxInfo {
		m.fail(w, diag.TLS, "the peer's information has too many items", "", "")
	}
	m.progEnviron()
	for i := 0; i < end; i += len(m.info(i, got)) + 1 {
		m.env(uintptr(unsafe.Pointer(&m.blob[i])))
	}
	m.env(0)
}

// info is the item at i, up to its NUL or the end of the blob.
func (m *memory) info(i, end int) string {
	n := 0
	for i+n < end && m.blob[i+n] != 0 {
		n++
	}
	return view(unsafe.Pointer(&m.blob[i]), n)
}

// code waits for the end of the session and gives its exit code, 128+N when
// signal N ended the -io.
func (m *memory) code(w *wrap.Program, pid int) int {
	if m.link != 0 {
		return m.verdict(w)
	}
	if _, e := call(syscall.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), 0); e != 0 {
		m.failSystem(w, "wait for the TLS process", e)
	}
	if s := syscall.WaitStatus(status); s.Signaled() {
		return diag.Signal + int(s.Signal())
	}
	return syscall.WaitStatus(status).ExitStatus()
}

var status uint32
