package wrap

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// immediate is s6-tlsd and s6-tlsc: prog takes this process's place once the
// handshake is done, and talks to the tunnel on the numbers that the network had.
// The session is the child's, or the shared process's.
func (m *memory) immediate() {
	if m.failed != 0 {
		if m.child > 0 {
			sys.Wait(m.child)
		}
		m.cannotRun(m.failed)
	}
	sys.Close(m.ioRead())
	sys.Close(m.ioWrite())
	sys.Close(m.ioCtl())
	got := m.receive()
	if got == 0 {
		// The -io has said why, and its code is ours.
		code := m.code()
		if !diag.EndsSession(code) {
			m.failNumber(diag.TLS, "the TLS process ended without a handshake, exit code ", code, "")
		}
		sys.Exit(code)
	}
	m.progEnviron()
	m.inform(got)
	if m.link != 0 {
		m.relay(true) // from here on the daemon speaks for itself
	}
	sys.Close(m.progCtl())
	r, w := m.network()
	e := sys.Move(m.progRead(), r)
	if e == 0 {
		e = sys.Move(m.progWrite(), w)
	}
	if e != 0 {
		m.failSystem("move a descriptor", e)
	}
	m.become()
}

// receive reads the blob to its end.
func (m *memory) receive() int {
	got := 0
	for {
		n, e := sys.Read(m.progCtl(), unsafe.Pointer(&m.blob[got]), len(m.blob)-got)
		if e != 0 {
			m.failSystem("read from the TLS process", e)
		}
		if n == 0 {
			return got
		}
		if got += n; got >= len(m.blob) {
			m.distrust()
			m.fail(diag.TLS, "the peer's information is too long", "", "")
		}
	}
}

// inform ends prog's environment with the blob.
func (m *memory) inform(got int) {
	r := ucspi.Reader{Blob: words.View(unsafe.Pointer(&m.blob), got)}
	for {
		item, flaw := r.Next()
		if flaw != ucspi.Sound {
			if flaw != ucspi.TooLong { // that is the peer's doing
				m.distrust()
			}
			before, name, after := flaw.Words(item)
			m.fail(diag.TLS, before, name, after)
		}
		if item == "" {
			break
		}
		m.env(words.C(item)) // it ends in a NUL where it stands
	}
	m.env(0)
}

// distrust ends the child whose information can't be believed. The shared
// process ends its session when we do.
func (m *memory) distrust() {
	if m.link == 0 {
		sys.Kill(m.child)
	}
}

// code waits for the end of the session and gives its exit code, 128+N when
// signal N ended the -io.
func (m *memory) code() int {
	if m.link != 0 {
		return m.verdict()
	}
	s, e := sys.Wait(m.child)
	if e != 0 {
		m.failSystem("wait for the TLS process", e)
	}
	if s.Signaled() {
		return diag.Signal + int(s.Signal())
	}
	return s.ExitStatus()
}

// cannotRun ends the process for want of the -io.
func (m *memory) cannotRun(e syscall.Errno) {
	if e == syscall.EAGAIN || e == syscall.ENOMEM { // there was no process for it
		m.failErrno(diag.System, "unable to start ", words.Text(m.ioArgv[0]), e)
	}
	m.failErrno(diag.ExecCode(e), "cannot run ", words.Text(m.ioArgv[0]), e)
}
