// Package entry starts a program in front of the Go runtime and hands on what
// the runtime would lose.
//
// A program that execs another one is a guest in its process: limits, ignored
// signals and descriptors belong to whoever started it and are meant for the
// program it execs. The Go runtime changes all of them before main. And it
// can't run at all under the limits that mail run scripts set (softlimit -m
// 20000000): it reserves 700 MB of address space and dies where it can't.
//
// So the ELF entry of the program is not the runtime's but ours, a page of
// assembly per architecture:
//
//	execve(tool)    the kernel makes the process
//	    |
//	ucspitls_entry  records, then lifts soft limits to the hard ones
//	    |
//	_rt0_ARCH_linux Go runtime: maps its heap, opens /dev/null for a closed
//	    |           0, 1, 2, installs its signal handlers, raises NOFILE
//	main            the tool: Closed(fd) tells what was open
//	    |
//	Exec            allocates what is needed, keeps other threads from mapping
//	    |           memory, puts back signals, limits, mask
//	execve(prog)    prog finds what the tool was started with
//
// The linker sets it, in a build with CGO_ENABLED=0:
//
//	go build -ldflags '-E ucspitls_entry'
//
// A program that does not import this package, or an architecture without the
// assembly, fails to link with it: missing entry symbol "ucspitls_entry".
//
// # What is recorded, and why
//
//   - Ignored signals: the runtime installs its handlers over all but SIGHUP
//     and SIGINT, and execve turns a handler into the default action. A
//     supervisor that ignores SIGPIPE means it for prog.
//   - The mask of blocked signals: the runtime unblocks what it needs.
//   - Which of 0, 1, 2 are open.
//   - The limits AS, DATA and NPROC, which are lifted, and NOFILE, which package
//     syscall raises. The other limits are neither changed nor recorded: the
//     runtime was seen to run with a STACK of 16 kB and a MEMLOCK of 0.
//
// # A program for one connection
//
// Where the start of the runtime is most of a program's life there is a second
// entry, ucspitls_brief, for the tunnels, and for the wrappers as far as they need
// the runtime (package wrap). It goes through the
// first one and then does two things more:
//
//   - The timer slack of the process becomes a millisecond (PR_SET_TIMERSLACK).
//     The runtime's monitor thread sleeps for 20 µs again and again as long as
//     there is work, and each time the kernel has to wake it (doc/bench.md). With
//     the slack its sleeps are a millisecond, and the tunnel's own timeouts may
//     be that much late. A program with more than one
//     goroutine at work would wait longer for a processor whose thread is in a
//     system call: it is not for such.
//   - The soft limit on open files is 0 until package syscall raises it. The
//     runtime reads some files under /proc and /sys, for the huge pages and the
//     processors of a cgroup, of which these programs use neither. It goes
//     on without them. Where it needs a descriptor the limit stays: when 0, 1 or
//     2 is closed it has to open /dev/null, and GOGC, GOMEMLIMIT or GODEBUG can
//     make it poll before main; wrappers hand none of these to a tunnel. In main
//     the soft limit is the hard one, and is handed on so to children that are
//     made with syscall.ForkExec.
//
// Exec and Restore put back both.
//
// # What to know
//
// Hard limits stay what they are. Where the hard limit itself is too low for
// Go (AS under 700 MB, DATA under 40 MB) the tool does not run. Let such limits
// be soft ones, as softlimit does, or set them in prog's own run line.
//
// Where the runtime finds no thread, memory or descriptor, at the start or at any
// time, whatever the limit that forbids it, its own words and its trace become a
// line, and the exit code is 111: package runtime lets its writes be replaced.
// This holds in programs without an entry too.
//
// A child that is made with syscall.ForkExec inherits the lifted limits and
// takes them for the original ones. For a helper of our own that is wanted;
// for the user's programs use Restore in the child, or Exec.
//
// # Elsewhere
//
// On other systems and architectures nothing is recorded: Recorded is false,
// Closed guesses, Exec is syscall.Exec, and the soft limits must leave room
// for Go. The same holds for a program that the C linker links, because of
// cgo: the Go linker then takes main for the entry, whatever -E says. There the C
// library runs before Go, and a constructor function in C can lift the limits.
package entry
