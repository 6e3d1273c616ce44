package wrap

import (
	"os"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/fd"
	"ucspitls/engine/handover"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// A shared session is one that the process of TLS_IOD has.
type shared struct {
	link *handover.Link
	says *diag.Printer // as the -io that it stands for
}

// handOver gives a session to the shared tunnel process if TLS_IOD names one.
// It gives nil where the wrapper is to start its own -io, and says why.
func (w *Program) handOver(p *diag.Printer, s *option.Settings, environ []string, pid string, delayed bool, files handover.Files) (*shared, error) {
	path := ucspi.Lookup(environ, ucspi.IOD)
	if path == "" {
		return nil, nil
	}
	if !fd.IsSocket(files.NetIn) || !fd.IsSocket(files.NetOut) {
		w.starts(p, &handover.Refusal{Level: diag.Verbose, Text: []string{"the network is no socket"}})
		return nil, nil
	}
	var trusted []uint32
	if id, ok := option.Number(ucspi.Lookup(environ, ucspi.UID)); ok && id != 0 {
		trusted = append(trusted, id)
	}
	link, refusal, err := handover.Offer(path, handover.NewSession(s, environ, pid, delayed), handover.Configuration(s, environ), trusted...)
	if err == nil && refusal == nil {
		if e := link.Send(files); e != nil {
			link.Close()
			refusal = &handover.Refusal{Level: diag.Normal, Text: []string{"not to be handed over: ", e.Error()}}
		}
	}
	switch {
	case err != nil:
		return nil, err
	case refusal != nil:
		w.starts(p, refusal)
		return nil, nil
	}
	return &shared{link, &diag.Printer{Name: w.Side.IO, Verbosity: uint(s.Verbosity)}}, nil
}

// starts says why there is an -io for this session although TLS_IOD is set.
func (w *Program) starts(p *diag.Printer, r *handover.Refusal) {
	level := "info"
	if r.Level == diag.Normal {
		level = "warning"
	}
	text := append(append([]string{ucspi.IOD, ": "}, r.Text...), ": starting ", w.Side.IO)
	p.Line(r.Level, level, text...)
}

// StrangeCode says that the shared process gave an exit code that no session ends with.
const StrangeCode = "the shared tunnel process gave a session the exit code "

// verdict waits for the end of the session.
func (x *shared) verdict() (int, error) {
	code, ok := x.link.Wait(x.says.Relay)
	if !ok {
		return 0, diag.Fail(diag.System, "the shared tunnel process ended before the session did")
	}
	if code != diag.OK && !diag.EndsSession(code) {
		return 0, diag.Fail(diag.TLS, StrangeCode, diag.Int(code))
	}
	return code, nil
}

// handOverWaiting is handOver for the waiting process, whose descriptors have
// fixed numbers; it stays until the session is over, and its code is there for
// prog. over is false where it is to become an -io.
func (w *Program) handOverWaiting(p *diag.Printer, pid string, args []string, report bool) (over bool, err error) {
	s, _, err := option.TLSDIO.Parse(args)
	if err != nil {
		return false, err
	}
	files := handover.Files{NetIn: 0, NetOut: 1, FromProg: 3, ToProg: 4, Notify: -1}
	if report {
		files.Notify = ctl
	}
	x, err := w.handOver(p, s, os.Environ(), pid, true, files)
	if err != nil {
		w.Side.shutdown() // as for an -io that can't be run
		return false, err
	}
	if x == nil {
		return false, nil
	}
	syscall.Close(files.FromProg)
	syscall.Close(files.ToProg)
	if report {
		syscall.Close(ctl) // or else it is closed already, and the number another's
	}
	code, err := x.verdict()
	if err != nil {
		// prog and its peer believe in TLS: no more cleartext.
		w.Side.shutdown()
		return true, err
	}
	if code != diag.OK {
		return true, diag.Silent(code)
	}
	return true, nil
}
