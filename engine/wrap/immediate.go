package wrap

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/fd"
	"ucspitls/engine/handover"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// MaxValue is the longest variable that an execve takes with room to spare
// (MAX_ARG_STRLEN is 128 KiB on Linux); MaxBlob bounds what is read at all.
const (
	MaxValue = 100 << 10
	MaxBlob  = 1 << 20
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
		if got >= MaxBlob {
			return nil, diag.Fail(diag.TLS, "the peer's information is too long")
		}
		blob = append(blob, make([]byte, len(blob))...)
	}
	if got == 0 {
		code, err := from.verdict()
		if err != nil {
			return nil, err
		}
		if code == diag.OK {
			return nil, diag.Fail(diag.TLS, "the TLS process ended without a handshake")
		}
		return nil, diag.Silent(code)
	}
	items, ok := ucspi.ParseBlob(blob[:got])
	if !ok {
		return nil, diag.Fail(diag.TLS, "the TLS process ended while it sent its information")
	}
	for _, item := range items {
		if len(item) > MaxValue {
			name, _, _ := strings.Cut(item, "=")
			return nil, diag.Fail(diag.TLS, name, " of the peer is too long for the environment")
		}
	}
	return items, nil
}
