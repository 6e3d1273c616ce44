//go:build amd64 || arm64

package sandbox

import "golang.org/x/sys/unix"

// A row is a system call that some profiles may make. With a mask it is
// allowed if what the mask leaves of an argument is value, or, with self, our
// own pid; with pairs if the whole argument and the next one are one of them.
// Else it fails with EPERM. With an answer it is not allowed, and fails in a way
// that its caller understands.
type row struct {
	number uint32
	who    Profile
	why    string
	arg    uint32
	mask   uint32
	value  uint32
	pairs  [2]pair
	self   bool
	answer unix.Errno
}

// A pair is an argument and the next one.
type pair struct{ value, next uint32 }

const (
	everybody = Tunnel | Guard | Worker
	all       = ^uint32(0)

	// lastKnown is the last system call that was there when the table was made.
	lastKnown = unix.SYS_RSEQ_SLICE_YIELD

	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME
)

// table is the whole sandbox of seccomp, with archTable. doc/sandbox.md shows
// it to the administrator.
var table = [...]row{
	// Moving bytes.
	{number: unix.SYS_READ, who: everybody, why: "pipes, and the pair of a server name that was opened before"},
	{number: unix.SYS_WRITE, who: everybody, why: "pipes, stderr, the key log; the runtime's poller"},
	{number: unix.SYS_WRITEV, who: withC, why: "the C library's last words"},
	{number: unix.SYS_RECVFROM, who: Tunnel | Worker, why: "the network, with MSG_DONTWAIT"},
	{number: unix.SYS_SENDTO, who: Tunnel | Worker, why: "the network, with MSG_DONTWAIT"},
	{number: unix.SYS_SHUTDOWN, who: Tunnel | Worker, why: "our FIN"},
	{number: unix.SYS_CLOSE, who: everybody, why: "ends of pipes; key files"},
	{number: unix.SYS_GETSOCKOPT, who: Tunnel | Worker, why: "what a descriptor is, and which error it met"},
	{number: unix.SYS_IOCTL, who: Tunnel | Worker, arg: 1, mask: all, value: unix.SIOCOUTQ, why: "SIOCOUTQ alone: what is not acknowledged"},
	{number: unix.SYS_FCNTL, who: Tunnel | Worker, arg: 1, mask: all, value: unix.F_GETFL, why: "F_GETFL alone: whether a descriptor blocks"},

	// Connections that are handed over.
	{number: unix.SYS_RECVMSG, who: Worker, why: "takes descriptors"},
	{number: unix.SYS_SENDMSG, who: Worker, why: "answers"},
	{number: unix.SYS_ACCEPT4, who: Worker, why: "takes a wrapper's connection"},
	{number: unix.SYS_EPOLL_CREATE1, who: Worker, why: "waits for many descriptors"},
	{number: unix.SYS_FSTAT, who: Worker, why: "what kind of descriptor it was handed"},
	{number: unix.SYS_PREADV2, who: Worker, why: "prog's pipes, with RWF_NOWAIT"},
	{number: unix.SYS_PWRITEV2, who: Worker, why: "prog's pipes, with RWF_NOWAIT"},
	{number: unix.SYS_SETSOCKOPT, who: Worker, arg: 1, mask: all, pairs: [2]pair{{unix.IPPROTO_TCP, unix.TCP_NODELAY}, {unix.SOL_SOCKET, unix.SO_LINGER}}, why: "TCP_NODELAY, and SO_LINGER: no close waits"},

	// Waiting, and the time.
	{number: unix.SYS_PPOLL, who: Tunnel | Worker, why: "waits for the descriptors"},
	{number: unix.SYS_EPOLL_CTL, who: everybody, why: "the runtime's poller"},
	{number: unix.SYS_EPOLL_PWAIT, who: everybody, why: "the runtime's poller, for its timers"},
	{number: unix.SYS_FUTEX, who: everybody, why: "threads wait for each other"},
	{number: unix.SYS_NANOSLEEP, who: everybody, why: "the runtime's monitor"},
	{number: unix.SYS_CLOCK_NANOSLEEP, who: withC, why: "the same in the C library"},
	{number: unix.SYS_SCHED_YIELD, who: everybody, why: "the runtime"},
	{number: unix.SYS_RESTART_SYSCALL, who: everybody, why: "the kernel, after SIGSTOP and SIGCONT"},
	{number: unix.SYS_CLOCK_GETTIME, who: everybody, why: "where the vDSO has no clock"},
	{number: unix.SYS_GETTIMEOFDAY, who: withC, why: "the same"},

	// Memory. None of it can be executed.
	{number: unix.SYS_MMAP, who: everybody, arg: 2, mask: unix.PROT_EXEC, why: "memory, not PROT_EXEC"},
	{number: unix.SYS_MPROTECT, who: everybody, arg: 2, mask: unix.PROT_EXEC, why: "memory, not PROT_EXEC"},
	{number: unix.SYS_MREMAP, who: withC, why: "the C library's realloc"},
	{number: unix.SYS_MUNMAP, who: everybody, why: "memory"},
	{number: unix.SYS_MADVISE, who: everybody, why: "memory"},
	{number: unix.SYS_BRK, who: withC, why: "the C library's memory"},
	{number: unix.SYS_GETRANDOM, who: everybody, why: "random numbers"},

	// Threads and signals of our own.
	{number: unix.SYS_CLONE, who: everybody, arg: 0, mask: unix.CLONE_THREAD | newNamespaces, value: unix.CLONE_THREAD, why: "threads alone"},
	{number: unix.SYS_CLONE3, who: everybody, answer: unix.ENOSYS, why: "a filter can't see its flags: the C library takes clone then"},
	{number: unix.SYS_SET_ROBUST_LIST, who: withC, why: "a thread of the C library starts"},
	{number: unix.SYS_RSEQ, who: withC, why: "a thread of the C library starts"},
	{number: unix.SYS_SCHED_GETAFFINITY, who: withC, why: "the C library's memory, once a thread"},
	{number: unix.SYS_SIGALTSTACK, who: everybody, why: "a thread starts"},
	{number: unix.SYS_RT_SIGPROCMASK, who: everybody, why: "a thread starts"},
	{number: unix.SYS_RT_SIGACTION, who: everybody, why: "ends by a signal's default action"},
	{number: unix.SYS_RT_SIGRETURN, who: everybody, why: "the end of every signal handler"},
	{number: unix.SYS_LANDLOCK_RESTRICT_SELF, who: everybody, why: "the last step into the sandbox; it can only take"},
	{number: unix.SYS_GETPID, who: everybody, why: "the runtime signals a thread"},
	{number: unix.SYS_GETTID, who: everybody, why: "the runtime signals a thread"},
	{number: unix.SYS_TGKILL, who: everybody, self: true, arg: 0, mask: all, why: "our own threads alone"},
	{number: unix.SYS_KILL, who: everybody, self: true, arg: 0, mask: all, why: "ourselves alone: ends by the signal that came"},
	{number: unix.SYS_PRCTL, who: everybody, answer: unix.EINVAL, why: "the runtime gives its memory names, and stops at this"},
	{number: unix.SYS_OPENAT, who: tuned, answer: unix.EPERM, why: "the C library's memory looks at /proc, and does without"},
	{number: unix.SYS_EXIT, who: everybody, why: "a thread ends"},
	{number: unix.SYS_EXIT_GROUP, who: everybody, why: "the process ends"},
}
