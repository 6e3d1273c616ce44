//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/ucspi"
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
	got := m.receive(w, pid)
	if got == 0 {
		code := m.code(w, pid)
		if !diag.EndsSession(code) {
			m.failNumber(w, diag.TLS, wrap.EndedWith, code)
		}
		exit(code)
	}
	m.inform(w, got, pid)
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
func (m *memory) receive(w *wrap.Program, pid int) int {
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
			m.distrust(pid)
			m.fail(w, diag.TLS, "the peer's information is too long", "", "")
		}
	}
}

// inform makes prog's environment of ours and the blob.
func (m *memory) inform(w *wrap.Program, got, pid int) {
	m.progEnviron()
	r := ucspi.Reader{Blob: view(unsafe.Pointer(&m.blob), got)}
	for {
		item, flaw := r.Next()
		if flaw != ucspi.Sound {
			m.distrust(pid)
			before, name, after := flaw.Words(item)
			m.fail(w, diag.TLS, before, name, after)
		}
		if item == "" {
			break
		}
		m.env(word(item)) // it ends in a NUL where it stands
	}
	m.env(0)
}

// distrust ends the child whose information can't be believed. The shared
// process ends its session when we do.
func (m *memory) distrust(pid int) {
	if m.link == 0 {
		call(syscall.SYS_KILL, uintptr(pid), uintptr(syscall.SIGKILL), 0)
	}
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
