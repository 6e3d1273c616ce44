// Package wrap is the life of a wrapper: it makes the channels between prog
// and the TLS process, starts that process as its child, and becomes prog.
//
//	network ──────────────┐                       network ─────────┐
//	  0,1                 │ cleartext until         0,1            │ from then on
//	┌─────────────────────▼──┐  the command      ┌─────────────────▼──────┐
//	│ prog, with the pid     │◄── SSLCTLFD ─────►│ waiting process, later │
//	│ of the wrapper         │◄── SSLREADFD ─────│ the -io program        │
//	│                        │─── SSLWRITEFD ───►│                        │
//	└────────────────────────┘                   └────────────────────────┘
//
// The descriptors of the waiting process and of an -io have fixed numbers:
//
//	            0          1        2       3          4        5
//	server   network    network  stderr  from prog  to prog  control socket
//	client  from prog   to prog  stderr   network   network  control socket
//
// so an -io is always told "3 4", and "-d 5" where the blob is wanted.
//
// The -io's ends of the two pipes are in O_NONBLOCK: nobody shares their open
// file descriptions, prog's ends stay blocking.
//
// # Where it runs
//
// A wrapper lives for a moment, and nine tenths of what that costs in Go is the
// start of a runtime that it does not need; a waiting process keeps that runtime's
// memory for as long as a connection that may never ask for TLS. So all of this
// package but what is called main is written in the part of Go that needs no
// runtime, and on linux/amd64 and linux/arm64 it runs in front of it. What
// differs by system is in the files sys_*.go, and how a process is made:
//
//	         with the tag fastentry          everywhere else
//
//	         execve(tool)                    execve(tool)
//	             |                               |
//	         ucspitls_fast, 40 lines of      Go runtime, main
//	         assembly: stack and g               |
//	             |                               |
//	plan         |  command line, environment    |
//	prepare      |  ids, descriptors, channels   |
//	handOver     |  to the process of TLS_IOD?   |
//	             |                               |
//	         clone ──── child                ForkExec ──── itself once more,
//	             |        waits, or              |          argv[0] "NAME: waiting
//	             |        execve(-io)            |          for", or the -io
//	parent   waits for the blob if TLS is immediate; execve(prog)
//
// --help, --version and the usage line are main's in both.
//
// # Why Go code can run without the runtime
//
// The compiler's output is machine code like any other. It needs the runtime
// where it calls it and where it uses g, the runtime's idea of a thread. So:
//
//   - No allocation, and nothing that hides one: no append, no closure that
//     captures, no string concatenation or conversion, no make, no variable that
//     escapes. All memory is one static variable, which lies in BSS: pages that
//     are not touched do not exist. An environment that is larger gets pages of
//     the system.
//   - No write barrier: a pointer is stored only on the stack. In the static
//     memory they are uintptr, and nothing that they point to is on a heap: main
//     copies the words that it was given.
//   - No map, no channel, no defer, no go, no method call through an interface,
//     and no switch of eight cases, which would be a table of jumps.
//   - The stack is the one that the kernel made. A function that isn't nosplit
//     compares its stack pointer with the bound in g before it begins, so there
//     is a g of zeros, noG: the bound is 0, and every stack is above it.
//   - An index out of range calls the runtime, which isn't there, and the process
//     dies of SIGSEGV at once, no worse. None is known; the fuzz test, which
//     runs on the runtime, would see it.
//   - Nothing that an init function sets up is read. The program's description
//     and the tables are constants and addresses, which the linker lays out.
//   - System calls are syscall.RawSyscall6, which package syscall uses in the
//     same way between fork and exec.
//
// None of this is taken on trust. TestWalk disassembles the linked programs of
// both architectures, follows every call and jump from the entry on, and fails
// for any function of the runtime that is reached, any write barrier, any
// indirect call, any use of the register of g but for the stack's bound, any
// recursion, and more than a page of stack. It needs to be convinced again by
// each new version of Go, and that is what it is for. What it can't see is data:
// TestStarts would, since the programs would not work.
//
// # The child
//
// Behind an immediate tool the child executes the -io at once, and borrows the
// parent's memory until then (CLONE_VM and CLONE_VFORK, as syscall.ForkExec).
// It runs on the same stack: the parent, which sleeps meanwhile, has nothing
// below the place where it stands. The waiting process is a plain fork, with no
// other thread and nothing shared. In both, as in the parent, limits, signals
// and everything else are as the tool was started with, because nobody has
// changed them; the soft limits on memory are lifted for the -io, which the
// kernel would not even load under softlimit -m 20000000.
//
// Its command line, which ps shows, is overwritten in place, as far as there is
// room: "s6-ucspitlsd: waiting for", and prog's pid.
//
// # The shared tunnel process
//
// With TLS_IOD the session is offered to that process before there is a child,
// by an immediate tool, or by the waiting process once its command is there.
// What is taken needs no -io and, behind an immediate tool, no child at all.
package wrap

import (
	"ucspitls/internal/diag"
	"ucspitls/internal/option"
)

// A Side is the server's or the client's half of the family.
type Side struct {
	IO     string // the tunnel program
	Server bool
	passes option.Sides
}

var (
	Server = Side{"s6-tlsd-io", true, option.OfServer}
	Client = Side{"s6-tlsc-io", false, option.OfClient}
)

// A Program is a wrapper. Its main package has one called program, made of
// constants and addresses: it is read before anything is initialised.
type Program struct {
	Table   *option.Table
	Side    *Side
	Delayed bool // prog decides when TLS starts
}

// WaitingFor follows the program's name in what ps shows of a waiting process.
const WaitingFor = ": waiting for"

// Main is the whole of a wrapper, or what its entry has left of it; list is
// os.Args. It does not return.
func (w *Program) Main(list []string) {
	p := &diag.Printer{Name: w.Table.Program, Verbosity: diag.Normal}
	p.Run(func() error {
		if err := w.run(list); err != nil {
			return err
		}
		switch static.Number(option.Show) {
		case option.ShowHelp:
			return diag.Out(w.Table.Help())
		case option.ShowVersion:
			return Version(w.Table.Program, w.Side.IO)()
		}
		return p.Usage(w.Table.Synopsis())
	})
}
