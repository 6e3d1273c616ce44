package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

// A serving is a listener at work, with its address.
type serving struct {
	address string
	cmd     *exec.Cmd
	control io.WriteCloser
	result  *bufio.Reader
	errors  string // path of what the processes wrote to stderr
}

// launch starts the listener for svc. Clients connect to front; a daemon that
// listens there by itself hands its connections on to back.
func launch(dir string, svc *service, front, back *net.TCPListener) (*serving, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	spec, err := json.Marshal(svc)
	if err != nil {
		return nil, err
	}
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	s := &serving{address: front.Addr().String(), errors: stderr.Name()}
	s.cmd = exec.Command(self, serveMode, string(spec))
	s.cmd.Env = append(svc.Env, baseEnv...)
	s.cmd.Stderr = stderr
	if s.control, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	result, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.result = bufio.NewReader(result)
	socket := front
	if svc.Front {
		front.Close() // it was only to find a free port
		socket = back
	}
	f, err := socket.File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s.cmd.ExtraFiles = []*os.File{f}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.await(svc); err != nil {
		s.stop()
		return nil, err
	}
	return s, s.tell(orderReady)
}

// await waits until the service can be used.
func (s *serving) await(svc *service) error {
	_, word, _ := net.SplitHostPort(s.address)
	port, _ := strconv.Atoi(word)
	if !wait.Until(patience, func() bool {
		up := proc.Listening(port)
		if up && svc.Socket != "" {
			_, err := os.Stat(svc.Socket)
			up = err == nil
		}
		return up
	}) {
		return fmt.Errorf("nobody listens on %s%s", s.address, s.lastWords())
	}
	return nil
}

// tell gives the listener an order and waits until it is done.
func (s *serving) tell(order string) error {
	if _, err := io.WriteString(s.control, order+"\n"); err != nil {
		return err
	}
	_, err := s.result.ReadString('\n')
	return err
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
