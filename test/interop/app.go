package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/textproto"
	"os"
	"strconv"
	"strings"

	"ucspitls/internal/ucspi"
	"ucspitls/test/lab/prog"
)

// The app is the program behind our tools: this executable once more. It has
// one conversation and writes down what it saw.

// appVariable holds an app's plan.
const appVariable = "INTEROP_APP"

// A plan is what an app is to do.
type plan struct {
	Server  bool   // answer; else ask
	Delayed bool   // ask the control socket for TLS first
	HTTP    bool   // the request and the answer are HTTP's
	First   bool   // end first
	Bytes   int    // how much is expected
	Report  string // where to write the report
}

// A report is what an app saw.
type report struct {
	Blob     []string // SSL_*, as NAME=value
	In, Out  Count
	WriteErr string
	IO       int // exit code of the tunnel, 128+N for a signal, -1 for no child
}

// perform is the life of an app.
func perform(text string) {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		os.Stderr.WriteString("app: " + err.Error() + "\n")
		os.Exit(99)
	}
	var r report
	r.run(&p)
	var err error
	if r.IO, err = prog.Reap(); err != nil {
		r.IO = -1
	}
	data, _ := json.Marshal(r)
	if err := os.WriteFile(p.Report, data, 0o600); err != nil {
		os.Stderr.WriteString("app: " + err.Error() + "\n")
		os.Exit(99)
	}
	os.Exit(0)
}

func (r *report) run(p *plan) {
	rd, wr := prog.FD(0), prog.FD(1)
	if !p.Server {
		rd, wr = 6, 7
	}
	if p.Delayed {
		ctl := prog.Channel(ucspi.CtlFD, -1)
		ctl.Write([]byte{ucspi.StartReport})
		blob, _ := io.ReadAll(ctl)
		ctl.Close()
		for b := (ucspi.Reader{Blob: string(blob)}); ; {
			item, flaw := b.Next()
			if flaw != ucspi.Sound {
				return // the handshake failed: nothing came
			}
			if item == "" {
				break
			}
			r.Blob = append(r.Blob, item)
		}
		rd, wr = prog.Channel(ucspi.ReadFD, -1), prog.Channel(ucspi.WriteFD, -1)
	} else {
		for _, item := range os.Environ() {
			name, _, _ := strings.Cut(item, "=")
			if ucspi.IsIdentity(name) {
				r.Blob = append(r.Blob, item)
			}
		}
	}
	r.converse(p, rd, wr)
}

// converse is the conversation: a request, an answer with the same bytes, the end.
func (r *report) converse(p *plan, in io.Reader, out io.WriteCloser) {
	reading := bufio.NewReaderSize(in, 64<<10)
	var got bytes.Buffer
	written := make(chan struct{})
	write := func(b []byte) {
		defer close(written)
		n, err := out.Write(b)
		r.Out = count(b[:n])
		if err != nil {
			r.WriteErr = err.Error()
		}
	}
	if !p.Server {
		go write(payload(p.Bytes))
	}
	if p.HTTP {
		p.Bytes = httpLength(reading)
	}
	io.CopyN(&got, reading, int64(p.Bytes))
	switch {
	case !p.Server:
	case got.Len() < p.Bytes || got.Len() == 0: // nobody to answer
		close(written)
	case p.HTTP:
		write(append(httpHeader(p), got.Bytes()...))
	default:
		write(bytes.Clone(got.Bytes()))
	}
	<-written
	if p.First {
		out.Close()
	}
	io.Copy(&got, reading)
	out.Close()
	r.In = count(got.Bytes())
}

// httpLength reads a request's header and gives its content length.
func httpLength(r *bufio.Reader) int {
	tp := textproto.NewReader(r)
	tp.ReadLine()
	header, _ := tp.ReadMIMEHeader()
	n, _ := strconv.Atoi(header.Get("Content-Length"))
	return n
}

// httpHeader of an answer: without a length when its end is the session's.
func httpHeader(p *plan) []byte {
	h := "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	if !p.First {
		h += "Content-Length: " + strconv.Itoa(p.Bytes) + "\r\n"
	}
	return []byte(h + "\r\n")
}
