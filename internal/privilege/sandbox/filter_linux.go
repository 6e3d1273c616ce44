//go:build amd64 || arm64

package sandbox

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where the words of struct seccomp_data are, see seccomp(2). Of an argument
// the lower half is looked at: those that are checked are ints, or flags in it.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

// x32Bit in the number is the x32 ABI of amd64, which says it is the same architecture.
const x32Bit = 0x40000000

// A program is a BPF program of at most maxProgram instructions. Each costs when
// it is installed, for the kernel compiles it: so there is one return of each kind,
// at the end, neighbours are one range, and a binary search finds it. What a call
// costs later matters less: the kernel remembers which ones are allowed whatever
// their arguments.
type program []unix.SockFilter

const maxProgram = 240

// Where a jump leads but to instructions: to one of the returns.
const (
	onwards = 0 // the next instruction
	toAllow = 256 - iota
	toRefused
	toDenied
	toUnknown
	toKill
	lastReturn
)

// returns is what they return.
var returns = [...]uint32{
	255 - toAllow:   unix.SECCOMP_RET_ALLOW,
	255 - toRefused: refused,
	255 - toDenied:  returnErrno | uint32(unix.EPERM),
	255 - toUnknown: returnErrno | uint32(unix.ENOSYS),
	255 - toKill:    unix.SECCOMP_RET_KILL_PROCESS,
}

const returnErrno = unix.SECCOMP_RET_ERRNO

func (b *program) emit(code uint16, k uint32, jt, jf uint8) {
	*b = append(*b, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
}

func (b *program) load(offset uint32) { b.emit(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset, 0, 0) }

func (b *program) jump(comparison uint16, k uint32, yes, no uint8) {
	b.emit(unix.BPF_JMP|comparison|unix.BPF_K, k, yes, no)
}

// build writes the filter of p for process pid into space.
func build(p Profile, pid uint32, space []unix.SockFilter) program {
	b := program(space[:0])
	b.load(offsetArch)
	b.jump(unix.BPF_JEQ, architecture, onwards, toKill)
	b.load(offsetNumber)
	if architecture == unix.AUDIT_ARCH_X86_64 {
		b.jump(unix.BPF_JGE, x32Bit, toKill, onwards)
	}
	// A number from after our time: its caller knows how to do without.
	b.jump(unix.BPF_JGT, lastKnown, toUnknown, onwards)
	var rows [len(table) + len(archTable)]*row
	var list [len(rows)]run
	b.search(runs(choose(p, rows[:0]), list[:0]), pid)
	b.finish()
	return b
}

// choose gives the rows of p in the order of their numbers.
func choose(p Profile, rows []*row) []*row {
	add := func(r *row) {
		if r.who&p == 0 {
			return
		}
		rows = append(rows, r)
		for i := len(rows) - 1; i > 0 && rows[i].number < rows[i-1].number; i-- {
			rows[i], rows[i-1] = rows[i-1], rows[i]
		}
	}
	for i := range table {
		add(&table[i])
	}
	for i := range archTable {
		add(&archTable[i])
	}
	return rows
}

// A run is one row, or several with numbers in succession and the same rule.
type run struct {
	first, last uint32
	*row
}

func runs(rows []*row, list []run) []run {
	for _, r := range rows {
		if n := len(list) - 1; n >= 0 && list[n].last+1 == r.number && list[n].sameRule(r) {
			list[n].last++
			continue
		}
		list = append(list, run{r.number, r.number, r})
	}
	return list
}

func (r *row) sameRule(o *row) bool {
	return r.arg == o.arg && r.mask == o.mask && r.value == o.value && r.pairs == o.pairs && r.self == o.self && r.answer == o.answer
}

// search finds the number that is loaded among runs.
func (b *program) search(list []run, pid uint32) {
	if len(list) == 1 {
		b.judge(&list[0], pid)
		return
	}
	half := len(list) / 2
	at := len(*b)
	b.jump(unix.BPF_JGE, list[half].first, 0, onwards)
	b.search(list[:half], pid)
	(*b)[at].Jt = uint8(len(*b) - at - 1)
	b.search(list[half:], pid)
}

// judge decides about a call that may be one of r.
func (b *program) judge(r *run, pid uint32) {
	verdict := uint8(onwards) // there is more to look at
	if r.answer == 0 && r.mask == 0 {
		verdict = toAllow
	}
	if r.first == r.last {
		b.jump(unix.BPF_JEQ, r.first, verdict, toRefused)
	} else {
		b.jump(unix.BPF_JGE, r.first, onwards, toRefused)
		b.jump(unix.BPF_JGT, r.last, toRefused, verdict)
	}
	if verdict == toAllow {
		return
	}
	if r.answer != 0 {
		b.emit(unix.BPF_RET|unix.BPF_K, returnErrno|uint32(r.answer), 0, 0)
		return
	}
	if r.pairs != ([2]pair{}) {
		b.judgePairs(r)
		return
	}
	want := r.value
	if r.self {
		want = pid
	}
	b.load(offsetArgs + 8*r.arg)
	if r.mask != all {
		b.emit(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, r.mask, 0, 0)
	}
	b.jump(unix.BPF_JEQ, want, toAllow, toDenied)
}

// judgePairs decides by two arguments.
func (b *program) judgePairs(r *run) {
	for _, p := range r.pairs {
		const behind = 2 // this pair
		b.load(offsetArgs + 8*r.arg)
		b.jump(unix.BPF_JEQ, p.value, onwards, behind)
		b.load(offsetArgs + 8*(r.arg+1))
		b.jump(unix.BPF_JEQ, p.next, toAllow, onwards)
	}
	b.emit(unix.BPF_RET|unix.BPF_K, returns[255-toDenied], 0, 0)
}

// finish appends the returns and lets the jumps lead to them.
func (b *program) finish() {
	end := len(*b)
	for i := range *b {
		f := &(*b)[i]
		if f.Code&7 != unix.BPF_JMP {
			continue
		}
		for _, to := range []*uint8{&f.Jt, &f.Jf} {
			if *to > lastReturn {
				*to = uint8(end + int(255-*to) - i - 1)
			}
		}
	}
	for _, action := range returns {
		b.emit(unix.BPF_RET|unix.BPF_K, action, 0, 0)
	}
}

// seccomp puts the filter of p on every thread, and no_new_privs with it.
func seccomp(p Profile) error {
	var space [maxProgram]unix.SockFilter
	b := build(p, uint32(unix.Getpid()), space[:])
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	f := unix.SockFprog{Len: uint16(len(b)), Filter: &b[0]}
	odd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	runtime.KeepAlive(&b)
	if e != 0 {
		return e
	}
	if odd != 0 { // a thread that has a filter of its own
		return unix.EBUSY
	}
	return nil
}
