package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"ucspitls/internal/ucspi"
)

// mailMode is the argument that makes this executable the mail program.
const mailMode = "mail-program"

// An event is what the mail program reports to the demo, as JSON, one a line.
type event struct {
	What string
	Text string `json:",omitempty"`
	N    int    `json:",omitempty"`
}

// A mailProgram speaks some SMTP (RFC 5321) and STARTTLS (RFC 3207). There is
// no TLS in it: it only knows the three descriptors of UCSPI-TLS.
type mailProgram struct {
	in     *bufio.Reader
	out    *os.File
	secure bool
	report *json.Encoder // descriptor 3, which s6-ucspitlsd passes on like any other
}

func serveMail() int {
	m := &mailProgram{in: bufio.NewReader(os.Stdin), out: os.Stdout, report: json.NewEncoder(os.NewFile(3, "report"))}
	m.tell("start", os.Getenv("KEYFILE"), os.Getpid())
	if err := m.talk(); err != nil {
		m.tell("failed", err.Error(), 0)
		return 1
	}
	m.out.Close() // the tunnel says goodbye to the client
	rest, _ := io.ReadAll(m.in)
	m.tell("end of input", "", len(rest))

	// The tunnel is a child of this process; most programs don't ask.
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, 0, nil)
	if err != nil || !status.Exited() {
		m.tell("failed", "the tunnel did not exit as it should", 0)
		return 1
	}
	m.tell("tunnel", strconv.Itoa(pid), status.ExitStatus())
	return 0
}

func (m *mailProgram) tell(what, text string, n int) { m.report.Encode(event{what, text, n}) }

func (m *mailProgram) say(lines ...string) error {
	_, err := m.out.WriteString(strings.Join(lines, "\r\n") + "\r\n")
	return err
}

func (m *mailProgram) line() (string, error) {
	s, err := m.in.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

func (m *mailProgram) talk() error {
	err := m.say("220 mail.example ready, pid " + strconv.Itoa(os.Getpid()))
	for err == nil {
		var line string
		if line, err = m.line(); err != nil {
			break
		}
		switch verb := strings.ToUpper(line); {
		case verb == "QUIT":
			return m.say("221 bye")
		case verb == "STARTTLS" && !m.secure:
			err = m.startTLS()
		case strings.HasPrefix(verb, "EHLO") && !m.secure:
			err = m.say("250-mail.example", "250 STARTTLS")
		case verb == "DATA" && m.secure:
			err = m.letter()
		case strings.HasPrefix(verb, "MAIL") && !m.secure:
			err = m.say("530 STARTTLS first")
		default:
			err = m.say("250 ok")
		}
	}
	return err
}

// startTLS changes over. Nothing that came in the clear may be taken for
// something that came through the tunnel, so what was read ahead is dropped.
func (m *mailProgram) startTLS() error {
	if err := m.say("220 go ahead"); err != nil {
		return err
	}
	ahead := m.in.Buffered()

	ctl := descriptor("SSLCTLFD")
	if _, err := ctl.WriteString("Y"); err != nil {
		return err
	}
	m.tell("command", os.Getenv("SSLCTLFD"), ahead)
	blob, err := io.ReadAll(ctl)
	if err != nil {
		return err
	}
	ctl.Close()
	m.tell("blob", string(blob), 0)
	if len(blob) == 0 {
		return io.ErrUnexpectedEOF // the handshake failed
	}
	// Only what is on the list is believed: a tunnel that somebody has taken
	// over would send PATH or LD_PRELOAD to whoever puts all of it into the environment.
	for r := (ucspi.Reader{Blob: string(blob)}); ; {
		item, flaw := r.Next()
		if flaw != ucspi.Sound {
			before, name, after := flaw.Words(item)
			return errors.New(before + name + after)
		}
		if item == "" {
			break
		}
	}
	os.Stdin.Close() // the network is the tunnel's now
	os.Stdout.Close()
	m.in, m.out, m.secure = bufio.NewReader(descriptor("SSLREADFD")), descriptor("SSLWRITEFD"), true
	return nil
}

func descriptor(variable string) *os.File {
	n, err := strconv.Atoi(os.Getenv(variable))
	if err != nil {
		n = -1
	}
	return os.NewFile(uintptr(n), variable) // nil, which fails on use, for a bad number
}

func (m *mailProgram) letter() error {
	if err := m.say("354 go on, end with a dot"); err != nil {
		return err
	}
	var text []string
	for {
		line, err := m.line()
		if err != nil {
			return err
		}
		if line == "." {
			break
		}
		text = append(text, line)
	}
	m.tell("letter", strings.Join(text, "\n"), 0)
	return m.say("250 accepted")
}
