package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A serving is a listener at work, with its address.
type serving struct {
	address string
	cmd     *exec.Cmd
	control io.WriteCloser
	result  io.ReadCloser
	errors  string // path of what the processes wrote to stderr
}

// launch starts the listener for svc on address; the listening socket is
// socket unless svc listens by itself.
func launch(dir string, svc *service, socket *net.TCPListener) (*serving, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	s := &serving{address: socket.Addr().String(), errors: stderr.Name()}
	mode := "fork"
	if svc.listen {
		mode = "daemon"
	}
	s.cmd = exec.Command(self, append([]string{serveMode, mode}, svc.argv...)...)
	s.cmd.Env = append(svc.env, baseEnv...)
	s.cmd.Stderr = stderr
	if s.control, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if s.result, err = s.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if svc.listen {
		socket.Close() // it was only to find a free port
	} else {
		f, err := socket.File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		s.cmd.ExtraFiles = []*os.File{f}
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	port := socket.Addr().(*net.TCPAddr).Port
	for end := time.Now().Add(patience); !listening(port); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.stop()
			return nil, fmt.Errorf("nobody listens on %s%s", s.address, s.lastWords())
		}
	}
	_, err = io.WriteString(s.control, "\n")
	return s, err
}

// stop ends the listener and says what was spent.
func (s *serving) stop() (spent, error) {
	s.control.Close()
	var got spent
	err := json.NewDecoder(s.result).Decode(&got)
	if wait := s.cmd.Wait(); err == nil {
		err = wait
	}
	if err == nil && got.Err != "" {
		err = errors.New(got.Err)
	}
	return got, err
}

// lastWords is the last line on the processes' stderr, for an error message.
func (s *serving) lastWords() string {
	text, _ := os.ReadFile(s.errors)
	if line := lastLine(text); line != "" {
		return ": " + line
	}
	return ""
}

// A sample is what one system did in one case, once. A figure that the case
// does not give is 0.
type sample struct {
	PerSecond float64 // connections
	CPUPer    float64 // microseconds of CPU a connection
	MiBps     float64 // MiB of cleartext a second
	CPUPerGiB float64 // seconds of CPU
	Trip      float64 // microseconds a round trip, the mean of the connections' medians
	CPUTrip   float64 // microseconds of CPU a round trip
}

// take runs one sample. Of a system that forgets its children it takes two:
// wall time as it is, CPU with prog orphaned.
func (b *bench) take(c *benchCase, sys *system, id *identity) (sample, error) {
	prog := c.prog(b, sys)
	s, err := b.takeWith(c, sys, id, prog)
	if err != nil || !sys.forgets {
		return s, err
	}
	counted, err := b.takeWith(c, sys, id, b.orphan(prog))
	s.CPUPer, s.CPUPerGiB, s.CPUTrip = counted.CPUPer, counted.CPUPerGiB, counted.CPUTrip
	return s, err
}

func (b *bench) takeWith(c *benchCase, sys *system, id *identity, prog []string) (sample, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return sample{}, err
	}
	defer listener.Close()
	svc, err := sys.serve(c.role, id, listener.Addr().String(), prog)
	if err != nil {
		return sample{}, err
	}
	s, err := launch(b.dir, svc, listener.(*net.TCPListener))
	if err != nil {
		return sample{}, err
	}
	did, err := c.load(b, &target{s.address, c, id})
	got, stopErr := s.stop()
	if err == nil {
		err = stopErr
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s, %s: %w%s", c.name, sys.Name, err, s.lastWords())
	}
	return did.sample(got.CPU), nil
}
