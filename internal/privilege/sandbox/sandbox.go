// Package sandbox takes from a process what it will not need any more, before
// it reads what a stranger sends. Nothing of it can be undone.
//
//	all         no core dump, no ptrace by the same user, no new privileges by an
//	            execve; then, on every thread,
//	Landlock    no path at all; where the kernel's version has it, no TCP port, no
//	            abstract Unix socket, no signal to another process
//	seccomp     the system calls of the profile's table, some with fixed arguments;
//	            all others fail with EPERM
//	descriptors with the tunnel and the guard none can be added: the limit is the
//	            highest open number plus one
//
// The two kernel parts overlap on purpose: either one alone keeps a process that
// was taken over from opening a file.
//
// # Why EPERM and not a killed process
//
// A library may try something on a path that no test takes, and goes on when it
// is refused: crypto/x509 reads /etc/localtime to say when a certificate expired.
// Killing would lose the bytes under way and say nothing. An attacker gains
// nothing from a refusal. What no program of ours can do by accident kills: a
// system call of another architecture, by which a filter that only knows numbers
// is got around.
// The build tag strictsandbox kills for every call that is not in the table:
// the tests run with it to show that the table is complete.
//
// # What must be there before
//
// Everything that is opened late. The Go runtime makes its poller when the first
// timer is set, which may be crypto/tls's for its first random number, and dies
// if it can't; [Enter] makes it. It reads the CPU limit of its cgroup once a
// second unless go.mod says otherwise, which it does. Times are said in UTC, so
// that no time zone is looked for. Random numbers come from getrandom, which is
// in the table. libcrypto reads its configuration and loads its providers, and
// the C library the time zone, in NewServer and NewClient.
package sandbox

// A Profile is a kind of process.
type Profile uint8

const (
	// Tunnel is an -io: one connection, whose descriptors are all open.
	Tunnel Profile = 1 << iota
	// Guard holds a private key and answers on a socket.
	Guard
	// Worker serves many connections, whose descriptors it is handed. It may
	// get new ones.
	Worker
)

// A Check is what [Enter] looks at when it is done.
type Check struct {
	Untraced bool // gives ErrTraced if somebody traces the process
	Proof    bool // asks the kernel whether what it was asked for is in force
	IDs      IDs  // what the proof wants
}

// IDs are a user and a group, or -1 for any.
type IDs struct{ UID, GID int }
