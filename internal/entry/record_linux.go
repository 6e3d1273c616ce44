//go:build linux && (amd64 || arm64)

package entry

import "syscall"

// A recording is what the kernel passed to the program. The assembly fills
// it in before the Go runtime starts and nothing changes it afterwards.
type recording struct {
	present uint64           // 1: the program was started through the entry
	ignored uint64           // signal n is SIG_IGN: bit n-1
	blocked uint64           // the mask of blocked signals, in the same way
	open    uint64           // descriptor n of 0, 1, 2 is open: bit n
	limits  [recorded]rlimit // in the order of resources
	brief   uint64           // 1: started through ucspitls_brief
	slack   uint64           // nanoseconds of timer slack, if brief
	name    *byte            // argv[0]
}

// An rlimit is struct rlimit64, see prlimit(2).
type rlimit struct{ cur, max uint64 }

// Limits are recorded in this order; the soft value of the first ones is
// lifted to the hard one. The other limits of softlimit -m, STACK and
// MEMLOCK, don't hinder the runtime and stay as they are.
const (
	lifted   = 3
	recorded = 4

	rlimitNPROC = 6 // not in package syscall

	// slack is the timer slack of a brief program, in nanoseconds.
	//lint:ignore U1000 the assembly uses it
	slack = 1000000
)

// The first four letters of variables, as a number in memory: GOGC, GOMEMLIMIT
// and GODEBUG.
const (
	//lint:ignore U1000 the assembly uses it
	nameGOGC = 'G' | 'O'<<8 | 'G'<<16 | 'C'<<24
	//lint:ignore U1000 the assembly uses it
	nameGOME = 'G' | 'O'<<8 | 'M'<<16 | 'E'<<24
	//lint:ignore U1000 the assembly uses it
	nameGODE = 'G' | 'O'<<8 | 'D'<<16 | 'E'<<24
)

// TLS_SANDBOX=off and its NUL, as two numbers in memory.
const (
	//lint:ignore U1000 the assembly uses it
	sandboxName = 'T' | 'L'<<8 | 'S'<<16 | '_'<<24 | 'S'<<32 | 'A'<<40 | 'N'<<48 | 'D'<<56
	//lint:ignore U1000 the assembly uses it
	sandboxOff = 'B' | 'O'<<8 | 'X'<<16 | '='<<24 | 'o'<<32 | 'f'<<40 | 'f'<<48
)

var resources = [recorded]uint64{
	syscall.RLIMIT_AS,     // the runtime reserves some 700 MB of address space
	syscall.RLIMIT_DATA,   // and maps 36 MB of it
	rlimitNPROC,           // and runs on five threads, where a C program is one
	syscall.RLIMIT_NOFILE, // raised by package syscall, if the program has it; the last one
}

var (
	record recording
	//lint:ignore U1000 the assembly uses it
	scratch [4]uint64 // one struct sigaction or struct rlimit64
)

//go:nosplit
func isRecorded() bool { return record.present != 0 }

func wasClosed(fd int) bool { return record.open>>fd&1 == 0 }

//go:nosplit
//go:norace
func argv0() *byte { return record.name }
