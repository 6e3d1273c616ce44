//go:build linux

package prog

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"ucspitls/test/lab/pattern"
)

// A prog of steps looks at what it was started with, connects to a test's socket
// and plays the steps that it is sent, a list at a time, with nothing in between.

// A Step is one thing to do.
type Step struct {
	Do    string
	FD    int           `json:",omitempty"`
	N     int           `json:",omitempty"`
	Data  []byte        `json:",omitempty"`
	Pause time.Duration `json:",omitempty"`
}

// A Result is how a step went.
type Result struct {
	N    int    `json:",omitempty"`
	Data []byte `json:",omitempty"`
	Err  string `json:",omitempty"` // in the system's words; "" for none
}

// A Greeting is what the app was started with.
type Greeting struct {
	PID, Parent int
	Args, Env   []string
	FDs         map[int]Descriptor
}

type Descriptor struct {
	Link     string
	NonBlock bool
}

// ownDescriptors is where the app keeps its own.
const ownDescriptors = 700

// Perform is the life of an app.
func Perform(path string) {
	hello := Greeting{os.Getpid(), os.Getppid(), os.Args, os.Environ(), ownFDs()}
	n, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	Check(err)
	Check(syscall.Connect(n, &syscall.SockaddrUnix{Name: path}))
	high, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_DUPFD_CLOEXEC, ownDescriptors)
	if e != 0 {
		Check(e)
	}
	syscall.Close(n)
	stage := FD(high)
	Check(json.NewEncoder(stage).Encode(hello))
	in := json.NewDecoder(bufio.NewReader(stage))
	for {
		var steps []Step
		if in.Decode(&steps) != nil {
			os.Exit(0)
		}
		results := make([]Result, len(steps))
		for i, s := range steps {
			results[i] = s.play()
		}
		Check(json.NewEncoder(stage).Encode(results))
	}
}

// Check ends a prog that can't go on.
func Check(err error) {
	if err != nil {
		os.Stderr.WriteString("app: " + err.Error() + "\n")
		os.Exit(99)
	}
}

func (s *Step) play() Result {
	switch s.Do {
	case "write":
		n, err := FD(s.FD).Write(s.Data)
		return outcome(n, err)
	case "pour": // N bytes of the pattern
		total := 0
		for total < s.N {
			n, err := FD(s.FD).Write(pattern.At(total, min(64<<10, s.N-total)))
			total += n
			if err != nil {
				return outcome(total, err)
			}
		}
		return outcome(total, nil)
	case "read": // once
		buf := make([]byte, s.N)
		n, err := FD(s.FD).Read(buf)
		r := outcome(n, err)
		r.Data = buf[:n]
		return r
	case "readall": // to EOF; Err is empty for a clean one
		data, err := io.ReadAll(FD(s.FD))
		r := outcome(len(data), err)
		r.Data = data
		return r
	case "drink": // the pattern, to EOF, with a pause before each read
		var c pattern.Checker
		buf := make([]byte, 16<<10)
		for {
			time.Sleep(s.Pause)
			n, err := FD(s.FD).Read(buf)
			c.Write(buf[:n])
			if err == io.EOF {
				return outcome(int(c.N), c.Err)
			}
			if err != nil {
				return outcome(int(c.N), err)
			}
		}
	case "close":
		return outcome(0, syscall.Close(s.FD))
	case "shutdown": // SHUT_WR
		return outcome(0, syscall.Shutdown(s.FD, syscall.SHUT_WR))
	case "dup2":
		return outcome(0, syscall.Dup3(s.FD, s.N, 0))
	case "sendfd": // Descriptor N behind Data
		return outcome(0, syscall.Sendmsg(s.FD, s.Data, syscall.UnixRights(s.N), nil, 0))
	case "nonblock": // N is 1 when O_NONBLOCK is set
		if IsNonBlocking(s.FD) {
			return Result{N: 1}
		}
		return Result{}
	case "wait": // for a child; N is its code, 128+N for a signal
		return outcome(Reap())
	case "exit":
		syscall.Exit(s.N)
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	}
	return Result{Err: "unknown step " + s.Do}
}

func outcome(n int, err error) Result {
	if err != nil {
		return Result{N: n, Err: err.Error()}
	}
	return Result{N: n}
}

// IsNonBlocking reports whether O_NONBLOCK is set.
func IsNonBlocking(fd int) bool {
	flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	return e == 0 && flags&syscall.O_NONBLOCK != 0
}

// ownFDs lists /proc/self/fd on raw system calls, so that only the listing
// itself is open.
func ownFDs() map[int]Descriptor {
	dir, err := syscall.Open("/proc/self/fd", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	Check(err)
	defer syscall.Close(dir)
	all := map[int]Descriptor{}
	buf := make([]byte, 8192)
	for {
		n, err := syscall.ReadDirent(dir, buf)
		Check(err)
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
			Check(err)
			all[fd] = Descriptor{string(link[:m]), IsNonBlocking(fd)}
		}
	}
}
