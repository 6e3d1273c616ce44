//go:build linux

package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// The app is the program behind the tools: this executable once more. It
// looks at what it was started with, connects to the test's socket and plays
// the steps that it is sent, a list at a time, with nothing in between.

// appVariable holds the path of the test's socket.
const appVariable = "UCSPITLS_TEST_APP"

// A step is one thing to do.
type step struct {
	Do    string
	FD    int           `json:",omitempty"`
	N     int           `json:",omitempty"`
	Data  []byte        `json:",omitempty"`
	Pause time.Duration `json:",omitempty"`
}

// A result is how a step went.
type result struct {
	N    int    `json:",omitempty"`
	Data []byte `json:",omitempty"`
	Err  string `json:",omitempty"` // in the system's words; "" for none
}

// A greeting is what the app was started with.
type greeting struct {
	PID, Parent int
	Args, Env   []string
	FDs         map[int]descriptor
}

type descriptor struct {
	Link     string
	NonBlock bool
}

// ownDescriptors is where the app keeps its own.
const ownDescriptors = 700

// perform is the life of an app.
func perform(path string) {
	hello := greeting{os.Getpid(), os.Getppid(), os.Args, os.Environ(), ownFDs()}
	n, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	check(err)
	check(syscall.Connect(n, &syscall.SockaddrUnix{Name: path}))
	high, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_DUPFD_CLOEXEC, ownDescriptors)
	if e != 0 {
		check(e)
	}
	syscall.Close(n)
	stage := fdFile(high)
	check(json.NewEncoder(stage).Encode(hello))
	in := json.NewDecoder(bufio.NewReader(stage))
	for {
		var steps []step
		if in.Decode(&steps) != nil {
			os.Exit(0)
		}
		results := make([]result, len(steps))
		for i, s := range steps {
			results[i] = s.play()
		}
		check(json.NewEncoder(stage).Encode(results))
	}
}

func check(err error) {
	if err != nil {
		os.Stderr.WriteString("app: " + err.Error() + "\n")
		os.Exit(99)
	}
}

func (s *step) play() result {
	switch s.Do {
	case "write":
		n, err := writeAll(s.FD, s.Data)
		return outcome(n, err)
	case "pour": // N bytes of the pattern
		total := 0
		for total < s.N {
			n, err := writeAll(s.FD, patternAt(total, min(64<<10, s.N-total)))
			total += n
			if err != nil {
				return outcome(total, err)
			}
		}
		return outcome(total, nil)
	case "read": // once
		buf := make([]byte, s.N)
		n, err := fdFile(s.FD).Read(buf)
		r := outcome(n, err)
		r.Data = buf[:n]
		return r
	case "readall": // to EOF; Err is empty for a clean one
		data, err := io.ReadAll(fdFile(s.FD))
		r := outcome(len(data), err)
		r.Data = data
		return r
	case "drink": // the pattern, to EOF, with a pause before each read
		var c checker
		buf := make([]byte, 16<<10)
		for {
			time.Sleep(s.Pause)
			n, err := fdFile(s.FD).Read(buf)
			c.Write(buf[:n])
			if err == io.EOF {
				return outcome(int(c.n), c.err)
			}
			if err != nil {
				return outcome(int(c.n), err)
			}
		}
	case "close":
		return outcome(0, syscall.Close(s.FD))
	case "shutdown": // SHUT_WR
		return outcome(0, syscall.Shutdown(s.FD, syscall.SHUT_WR))
	case "dup2":
		return outcome(0, syscall.Dup3(s.FD, s.N, 0))
	case "sendfd": // descriptor N behind Data
		return outcome(0, syscall.Sendmsg(s.FD, s.Data, syscall.UnixRights(s.N), nil, 0))
	case "nonblock": // N is 1 when O_NONBLOCK is set
		if isNonBlocking(s.FD) {
			return result{N: 1}
		}
		return result{}
	case "wait": // for a child; N is its code, 128+N for a signal
		var ws syscall.WaitStatus
		for {
			_, err := syscall.Wait4(-1, &ws, 0, nil)
			if err == syscall.EINTR {
				continue
			}
			if err == nil && ws.Signaled() {
				return result{N: 128 + int(ws.Signal())}
			}
			return outcome(ws.ExitStatus(), err)
		}
	case "exit":
		syscall.Exit(s.N)
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	}
	return result{Err: "unknown step " + s.Do}
}

func outcome(n int, err error) result {
	if err != nil {
		return result{N: n, Err: err.Error()}
	}
	return result{N: n}
}

// fdFile reads and writes a descriptor as it is: os.File would look whether
// it can be polled.
type fdFile int

func (f fdFile) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(f), p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f fdFile) Write(p []byte) (int, error) { return writeAll(int(f), p) }

func writeAll(fd int, p []byte) (done int, err error) {
	for done < len(p) {
		n, err := syscall.Write(fd, p[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func isNonBlocking(fd int) bool {
	flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	return e == 0 && flags&syscall.O_NONBLOCK != 0
}

// ownFDs lists /proc/self/fd on raw system calls, so that only the listing
// itself is open.
func ownFDs() map[int]descriptor {
	dir, err := syscall.Open("/proc/self/fd", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	check(err)
	defer syscall.Close(dir)
	all := map[int]descriptor{}
	buf := make([]byte, 8192)
	for {
		n, err := syscall.ReadDirent(dir, buf)
		check(err)
		if n <= 0 {
			return all
		}
		_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			fd, err := strconv.Atoi(name)
			if err != nil || fd == dir {
				continue
			}
			link := make([]byte, 512)
			m, err := syscall.Readlink("/proc/self/fd/"+name, link)
			check(err)
			all[fd] = descriptor{string(link[:m]), isNonBlocking(fd)}
		}
	}
}
