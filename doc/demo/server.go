package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ucspitls/test/lab/loopback"
)

// A server is one connection as a super-server would make it, with
// s6-ucspitlsd and the mail program at its end.
type server struct {
	client  net.Conn // the other end
	command *exec.Cmd
	log     bytes.Buffer // stderr of the tools; to be read after wait
	events  *json.Decoder
	cancel  context.CancelFunc
	waited  bool
}

// toolVersion is the line in which the tunnel names its library.
func toolVersion(tools string) (string, error) {
	out, err := exec.Command(filepath.Join(tools, "s6-tlsd-io"), "--version").Output()
	return strings.TrimSpace(string(out)), err
}

func startServer(tools, dir string) (*server, error) {
	client, conn, err := loopback.Pair()
	if err != nil {
		return nil, err
	}
	client.SetDeadline(time.Now().Add(patience))
	socket, err := loopback.File(conn)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	events, report, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer report.Close()
	events.SetReadDeadline(time.Now().Add(patience))

	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{client: client, events: json.NewDecoder(events)}
	var ctx context.Context
	ctx, s.cancel = context.WithTimeout(context.Background(), patience)
	s.command = exec.CommandContext(ctx, filepath.Join(tools, "s6-ucspitlsd"), "-S", "-v", "2", self, mailMode)
	s.command.Env = append(os.Environ(),
		"CERTFILE="+filepath.Join(dir, "cert.pem"),
		"KEYFILE="+filepath.Join(dir, "key.pem"),
		"TCPREMOTEIP=127.0.0.1")
	s.command.Stdin, s.command.Stdout, s.command.Stderr = socket, socket, &s.log
	s.command.ExtraFiles = []*os.File{report}
	s.command.WaitDelay = time.Second
	return s, s.command.Start()
}

// next is the next event of the mail program, which must be what.
func (s *server) next(what string) (event, error) {
	var e event
	if err := s.events.Decode(&e); err != nil {
		return e, fmt.Errorf("waiting for %q from the mail program: %w", what, err)
	}
	if e.What != what {
		return e, fmt.Errorf("waiting for %q from the mail program, it says %q %s", what, e.What, e.Text)
	}
	return e, nil
}

// wait gives the exit code of the mail program.
func (s *server) wait() (int, error) {
	s.waited = true
	err := s.command.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func (s *server) stop() {
	s.client.Close()
	s.cancel()
	if !s.waited {
		s.wait()
	}
}
