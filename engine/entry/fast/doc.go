// Package fast is a program entry for the four wrappers that does their work
// before the Go runtime starts, and without it.
//
// A wrapper lives for a moment: it reads its command line, makes three channels,
// starts one child and becomes another program. Most of what that costs
// in Go is the start of a runtime that it does not need, and a waiting process
// keeps that runtime's memory for as long as a connection that may never ask for
// TLS. Here it costs less than the same in C, which starts a C library:
//
//	                        ENTRY=record   ENTRY=fast
//	CPU time of a start         1            0.15
//	private memory, waiting   500 kB        36 kB
//
//	execve(tool)      the kernel makes the process
//	    |
//	ucspitls_fast     40 lines of assembly: stack and g for a Go function
//	    |
//	start             works out the plan; 0 if anything is unusual -----+
//	    |             makes the channels, offers the session to the     |
//	    |             process of TLS_IOD: if it is taken, no clone      |
//	 clone ------ child    the waiting process, or at once the -io      |
//	    |                                                               |
//	parent            waits for the blob if TLS is immediate;           |
//	    |             execve(prog)                                      v
//	                                       ucspitls_brief, the Go runtime, main
//
// The way to the right is always open until the child is there: what start has
// made by then it closes, the stack is as the kernel left it, and main begins
// as if nothing had been. It is taken for --help, --version, wrong usage, the
// options that change ids, closed descriptors, an ignored SIGCHLD, more than
// fits into static memory, and every system call that fails until then: all
// messages about these are main's. After it there are few ways to fail, and
// these say what main's code would say.
//
// Main and engine/wrap stay the reference. What is here follows the same tables
// (engine/option, engine/ucspi) and is compared with them: FuzzPlan and TestPlan
// compare decisions, TestSame two builds of the real programs, and all of
// cmd/clitest runs on both.
//
// # Why Go code can run here
//
// The compiler's output is machine code like any other. It needs the runtime
// where it calls it and where it uses g, the runtime's idea of a thread. So:
//
//   - No allocation, and nothing that hides one: no append, no closure that
//     captures, no string concatenation or conversion, no make, no variable that
//     escapes. All memory is static variables, of which memory is the large one; they lie in BSS: pages that
//     are not touched do not exist.
//   - No write barrier: a pointer is stored only on the stack. In the static
//     memory they are uintptr, and nothing that they point to is on a heap.
//   - No map, no channel, no defer, no go, no method call through an interface.
//     The type assertion on option.Effect compares two addresses.
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
// TestSame would, since the programs would not work.
//
// The assembly calls start, child and parent through variables that hold their
// addresses. A plain call would go through a wrapper that the linker makes for
// the older calling convention, and that one gets g from thread-local storage,
// which is not there.
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
// by an immediate tool in start, by a delayed one in the waiting process, once
// its command is there. What is taken needs no -io and, behind an immediate
// tool, no child at all. What is refused goes on as if TLS_IOD were not set, but
// main is no way out any more: it would offer the session again.
//
// # Switching it off
//
// make ENTRY=record. Systems and architectures other than linux/amd64 and
// linux/arm64 never have it.
package fast
