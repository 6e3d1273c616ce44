package wrap

import (
	"os"
	"strconv"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/fd"
	"ucspitls/engine/handover"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// immediate is s6-tlsd and s6-tlsc: the -io is started, and prog takes this
// process's place once the handshake is done. prog talks to the tunnel on the
// numbers that the network had.
func (w *Program) immediate(p *diag.Printer, s *option.Settings, prog []string) error {
	l, err := w.prepare(s, fd.Pipe)
	if err != nil {
		return err
	}
	tunnel, err := w.launch(p, s, &l)
	if err != nil {
		return err
	}
	for _, n := range []int{l.ioRead, l.ioWrite, l.ioCtl} {
		syscall.Close(n)
	}
	items, err := receive(l.progCtl, tunnel)
	if err != nil {
		return err
	}
	if tunnel.shared != nil {
		tunnel.link.Drain(tunnel.says.Relay) // from here on the daemon speaks for itself
	}
	syscall.Close(l.progCtl)
	if err := fd.Move(l.progRead, l.netR); err != nil {
		return diag.FailSys("move a descriptor", err)
	}
	if err := fd.Move(l.progWrite, l.netW); err != nil {
		return diag.FailSys("move a descriptor", err)
	}
	env := ucspi.ProgEnviron(l.environ, s.Keep, ucspi.IsChannel, items)
	return become(prog, env, l.ids)
}

// A tunnelProcess has the other ends of the channels: an -io of our own, or the
// shared process.
type tunnelProcess struct {
	pid int
	*shared
}

// kill ends a tunnel that can't be believed. The shared process ends its session
// when the wrapper does.
func (t tunnelProcess) kill() {
	if t.shared == nil {
		syscall.Kill(t.pid, syscall.SIGKILL)
	}
}

// verdict waits for the exit code of a session that ended early.
func (t tunnelProcess) verdict() (int, error) {
	if t.shared != nil {
		return t.shared.verdict()
	}
	return waitFor(t.pid)
}

func (w *Program) launch(p *diag.Printer, s *option.Settings, l *launch) (t tunnelProcess, err error) {
	if w.Side.Server {
		t.shared, err = w.handOver(p, s, l.environ, strconv.Itoa(os.Getpid()), false, handover.Files{
			NetIn: l.netR, NetOut: l.netW, FromProg: l.ioRead, ToProg: l.ioWrite, Notify: l.ioCtl})
		if err != nil || t.shared != nil {
			return t, err
		}
	}
	path := Sibling(w.Side.IO)
	t.pid, err = spawn(path, ioArgs(path, w.Side.args(s), true), ucspi.IOEnviron(l.environ), l.files(w.Side))
	if err != nil {
		return t, CannotRun(path, err)
	}
	return t, nil
}

// EndedWith says that the TLS process ended before the handshake was over, with
// a code that says nothing about a session.
const EndedWith = "the TLS process ended without a handshake, exit code "

// receive reads the information blob to its end. Without one the handshake
// failed: the -io has said why, and its code is ours.
func receive(n int, from tunnelProcess) ([]string, error) {
	blob := make([]byte, 4096)
	got := 0
	for {
		m, err := fd.ReadFull(n, blob[got:])
		if err != nil {
			return nil, diag.FailSys("read from the TLS process", err)
		}
		got += m
		if got < len(blob) {
			break
		}
		if got >= ucspi.MaxBlob {
			from.kill()
			return nil, diag.Fail(diag.TLS, "the peer's information is too long")
		}
		blob = append(blob, make([]byte, len(blob))...)
	}
	if got == 0 {
		code, err := from.verdict()
		if err != nil {
			return nil, err
		}
		if !diag.EndsSession(code) {
			return nil, diag.Fail(diag.TLS, EndedWith, diag.Int(code))
		}
		return nil, diag.Silent(code)
	}
	var items []string
	for r := (ucspi.Reader{Blob: string(blob[:got])}); ; {
		item, flaw := r.Next()
		switch {
		case flaw != ucspi.Sound:
			from.kill()
			before, name, after := flaw.Words(item)
			return nil, diag.Fail(diag.TLS, before, name, after)
		case item == "":
			return items, nil
		}
		items = append(items, item)
	}
}
