package wrap

import (
	"os"
	"strconv"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/entry"
	"ucspitls/engine/fd"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// delayed is s6-ucspitlsd and s6-ucspitlsc: the waiting process is started and
// prog takes this process's place at once.
func (w *Program) delayed(p *diag.Printer, s *option.Settings, prog []string) error {
	l, err := w.prepare(s, fd.SocketPair)
	if err != nil {
		return err
	}
	argv := append([]string{w.Table.Program + WaitingFor, strconv.Itoa(os.Getpid()), strconv.Itoa(int(s.Verbosity)), Sibling(w.Side.IO)}, w.Side.args(s)...)
	exe := Self(w.Table.Program)
	environ := append(ucspi.IOEnviron(l.environ), ucspi.AfterCommand)
	if _, err := spawn(exe, argv, environ, l.files(w.Side)); err != nil {
		return diag.FailSys("start "+exe, err)
	}
	for _, n := range []int{l.progRead, l.progWrite, l.progCtl} {
		if err := fd.Inherit(n); err != nil {
			return diag.FailSys("pass on a descriptor", err)
		}
	}
	env := ucspi.ProgEnviron(l.environ, s.Keep, ucspi.IsChannel, []string{
		ucspi.CtlFD + "=" + strconv.Itoa(l.progCtl),
		ucspi.ReadFD + "=" + strconv.Itoa(l.progRead),
		ucspi.WriteFD + "=" + strconv.Itoa(l.progWrite),
	})
	return become(prog, env, l.ids)
}

// WaitingFor follows the program's name in argv[0] of the waiting process,
// which is also what ps shows.
const WaitingFor = ": waiting for"

// wait is the waiting process. words: pid of prog, verbosity, path of the
// -io, its options.
func (w *Program) wait(p *diag.Printer, words []string) error {
	entry.Hide(os.Getenv(ucspi.Sandbox)) // prog is there, with our ids
	entry.NoTraces()
	fd.CloseFrom(firstBeyond)
	if len(words) < 3 {
		return diag.Fail(diag.Usage, "the waiting process is not to be started by hand")
	}
	pid, path, args := words[0], words[2], words[3:]
	if v, ok := option.Number(words[1]); ok {
		p.Verbosity = uint(v)
	}
	var command [1]byte
	if n, err := fd.ReadFull(ctl, command[:]); n == 0 {
		if err != nil && err != syscall.ECONNRESET {
			return diag.FailSys("read the control socket", err)
		}
		p.Info("pid ", pid, " declined opportunistic TLS")
		return nil
	}
	report := command[0] == ucspi.StartReport
	switch {
	case report:
		// From here on prog can only listen; its EOF stays clean whatever it sends.
		syscall.Shutdown(ctl, syscall.SHUT_RD)
	case command[0] == ucspi.Start:
		fd.CloseReceiver(ctl)
	default:
		fd.CloseReceiver(ctl)
		return diag.Fail(diag.Usage, "unrecognized command on control socket")
	}
	p.Info("pid ", pid, " accepted opportunistic TLS")
	if w.Side.Server {
		if over, err := w.handOverWaiting(p, pid, args, report); over || err != nil {
			return err
		}
	}
	err := syscall.Exec(path, ioArgs(path, args, report), os.Environ())
	// prog and its peer believe in TLS from here on: no more cleartext.
	w.Side.shutdown()
	return CannotRun(path, err)
}

// shutdown ends the network connection for everybody who shares it.
func (side *Side) shutdown() {
	r, wr := 0, 1
	if !side.Server {
		r, wr = 3, 4
	}
	syscall.Shutdown(r, syscall.SHUT_RDWR)
	syscall.Shutdown(wr, syscall.SHUT_RDWR)
}
