// Command show plays an -io, when its name says so, and otherwise prog. It
// appends to the file "io" or "prog" of the current directory all that it was
// started with; its ids too, if $SHOW says so.
//
// As an -io it writes $BLOB to its 5, if it is to do so, and exits with $CODE,
// or dies of a signal if that is negative. As prog behind a delayed tool it
// writes $COMMAND to the control socket and shows what comes back.
package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ucspitls/internal/entry" // under limits
)

func main() {
	role := "prog"
	if strings.HasSuffix(os.Args[0], "-io") {
		role = "io"
	}
	f, err := os.OpenFile(role, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"cmdline", "environ"} {
		b, _ := os.ReadFile("/proc/self/" + name)
		f.WriteString(name)
		list(f, strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"))
	}
	show(f)
	if os.Getenv("SHOW") == "ids" {
		b, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "Uid:") || strings.HasPrefix(line, "Gid:") || strings.HasPrefix(line, "Groups:") {
				fmt.Fprintln(f, strings.Join(strings.Fields(line), " "))
			}
		}
	}
	if role == "io" {
		playIO()
	} else {
		playProg(f)
	}
}

// list writes words in quotes; of long ones and long lists only the beginning, and
// a checksum of the rest.
func list(f *os.File, words []string) {
	for i, word := range words {
		if i == 60 {
			fmt.Fprintf(f, " ... %d in all, %08x", len(words), crc32.ChecksumIEEE([]byte(strings.Join(words[i:], "\x00"))))
			break
		}
		if len(word) > 200 {
			fmt.Fprintf(f, " %.40q ... %d bytes, %08x", word, len(word), crc32.ChecksumIEEE([]byte(word)))
			continue
		}
		fmt.Fprintf(f, " %q", word)
	}
	fmt.Fprintln(f)
}

// show lists the descriptors that came through the execve: what each is, and
// its flags.
func show(f *os.File) {
	for n := range 32 {
		link, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(n))
		if flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_GETFD, 0); err != nil || e != 0 || flags&syscall.FD_CLOEXEC != 0 {
			continue
		}
		kind, _, _ := strings.Cut(link, "[")
		if entry.Closed(n) {
			continue // but for the runtime of this program
		}
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_GETFL, 0)
		fmt.Fprintf(f, "%d=%s%x ", n, kind, flags)
	}
	fmt.Fprintln(f)
}

func playIO() {
	if len(os.Args) > 2 && os.Args[1] == "-d" {
		blob := []byte(strings.ReplaceAll(os.Getenv("BLOB"), "|", "\x00"))
		for len(blob) > 0 { // a signal of the runtime may cut a long one
			n, err := syscall.Write(5, blob)
			if err != nil && err != syscall.EINTR {
				break
			}
			blob = blob[max(n, 0):]
		}
		syscall.Close(5)
	}
	code, _ := strconv.Atoi(os.Getenv("CODE"))
	if code < 0 {
		syscall.Kill(os.Getpid(), syscall.Signal(-code))
		time.Sleep(time.Minute) // another thread may be the one that dies of it
	}
	os.Exit(code)
}

func playProg(f *os.File) {
	ctl, err := strconv.Atoi(os.Getenv("SSLCTLFD"))
	if err != nil {
		return
	}
	if tasks, _ := filepath.Glob("/proc/self/task/*/children"); len(tasks) > 0 && os.Getenv("COMMAND") == "" {
		waiting(tasks)
	}
	syscall.Write(ctl, []byte(os.Getenv("COMMAND")))
	if os.Getenv("COMMAND") != "" {
		c := os.NewFile(uintptr(ctl), "control socket")
		b, err := io.ReadAll(c)
		fmt.Fprintf(f, "control %q %v\n", b, err)
	}
	syscall.Shutdown(ctl, syscall.SHUT_RDWR)
	var status syscall.WaitStatus
	syscall.Wait4(-1, &status, 0, nil)
	fmt.Fprintf(f, "child %d\n", status)
}

// waiting writes what the waiting process is to the file "waiting".
func waiting(tasks []string) {
	for _, path := range tasks {
		b, _ := os.ReadFile(path)
		for _, pid := range strings.Fields(string(b)) {
			var all []byte
			for _, name := range []string{"/cmdline", "/status", "/smaps_rollup"} {
				for range 200 { // until it waits
					b, _ = os.ReadFile("/proc/" + pid + name)
					if name != "/cmdline" || strings.Contains(string(b), "waiting") {
						break
					}
					syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 10000})
				}
				all = append(append(all, b...), '\n')
			}
			os.WriteFile("waiting", all, 0o644)
		}
	}
}
