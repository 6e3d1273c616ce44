//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A machine runs a filter. The words of a BPF packet are big-endian.
type machine struct{ vm *bpf.VM }

const ownPID = 4711

func newMachine(t testing.TB, p Profile) machine {
	t.Helper()
	var space [maxProgram]unix.SockFilter
	b := build(p, ownPID, space[:])
	if &b[0] != &space[0] {
		t.Errorf("profile %d: %d instructions don't fit into %d", p, len(b), maxProgram)
	}
	raw := make([]bpf.RawInstruction, len(b))
	for i, f := range b {
		raw[i] = bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K}
	}
	instructions, known := bpf.Disassemble(raw)
	if !known {
		t.Fatal("not a BPF program")
	}
	vm, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatal(err)
	}
	return machine{vm}
}

func (m machine) run(t testing.TB, arch, number uint32, args [6]uint64) uint32 {
	t.Helper()
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[0:], number)
	binary.BigEndian.PutUint32(data[4:], arch)
	for i, a := range args { // the lower half first, as in memory
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	got, err := m.vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(got)
}

const (
	eperm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	enosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	einval = unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)
	allow  = uint32(unix.SECCOMP_RET_ALLOW)
	kill   = uint32(unix.SECCOMP_RET_KILL_PROCESS)
)

// Every number, on every profile: what is in the table and nothing else.
func TestFilterIsTheTable(t *testing.T) {
	rows := map[uint32]*row{}
	for i := range table {
		rows[table[i].number] = &table[i]
	}
	for i := range archTable {
		rows[archTable[i].number] = &archTable[i]
	}
	if len(rows) != len(table)+len(archTable) {
		t.Error("a system call stands twice")
	}
	for _, p := range []Profile{Tunnel, Guard, Worker} {
		m := newMachine(t, p)
		for n := uint32(0); n <= lastKnown; n++ {
			want := uint32(refused)
			r := rows[n]
			if r != nil && r.who&p != 0 {
				want = allow
				switch {
				case r.answer != 0:
					want = unix.SECCOMP_RET_ERRNO | uint32(r.answer)
				case r.mask != 0: // tried one by one below
					continue
				}
			}
			if got := m.run(t, architecture, n, [6]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()}); got != want {
				t.Errorf("profile %d, system call %d: %#x, want %#x", p, n, got, want)
			}
		}
		for _, n := range []uint32{lastKnown + 1, 1000, x32Bit - 1} {
			if got := m.run(t, architecture, n, [6]uint64{}); got != enosys {
				t.Errorf("profile %d, system call %d: %#x, want ENOSYS", p, n, got)
			}
		}
	}
}

func TestFilterOfArguments(t *testing.T) {
	const high = 1 << 32 // the kernel looks at the lower half as well
	const goThread, cThread = 0x50f00, 0x3d0f00
	for _, c := range []struct {
		name   string
		number uint32
		args   [6]uint64
		want   uint32
	}{
		{"a thread of Go", unix.SYS_CLONE, [6]uint64{goThread}, allow},
		{"a thread of the C library", unix.SYS_CLONE, [6]uint64{cThread}, allow},
		{"fork", unix.SYS_CLONE, [6]uint64{uint64(unix.SIGCHLD)}, eperm},
		{"vfork", unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_VFORK | uint64(unix.SIGCHLD)}, eperm},
		{"a thread in a new namespace", unix.SYS_CLONE, [6]uint64{goThread | unix.CLONE_NEWNET}, eperm},
		{"a user namespace", unix.SYS_CLONE, [6]uint64{goThread | unix.CLONE_NEWUSER}, eperm},
		{"clone3", unix.SYS_CLONE3, [6]uint64{}, enosys},
		{"memory", unix.SYS_MMAP, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}, allow},
		{"memory to execute", unix.SYS_MMAP, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}, eperm},
		{"memory to execute, later", unix.SYS_MPROTECT, [6]uint64{0, 4096, unix.PROT_EXEC | high}, eperm},
		{"no access", unix.SYS_MPROTECT, [6]uint64{0, 4096, 0}, allow},
		{"SIOCOUTQ", unix.SYS_IOCTL, [6]uint64{1, unix.SIOCOUTQ}, allow},
		{"TIOCSTI", unix.SYS_IOCTL, [6]uint64{1, unix.TIOCSTI}, eperm},
		{"TIOCSTI with a high half", unix.SYS_IOCTL, [6]uint64{1, unix.TIOCSTI | high}, eperm},
		{"F_GETFL", unix.SYS_FCNTL, [6]uint64{1, unix.F_GETFL}, allow},
		{"F_DUPFD", unix.SYS_FCNTL, [6]uint64{1, unix.F_DUPFD}, eperm},
		{"F_SETFL", unix.SYS_FCNTL, [6]uint64{1, unix.F_SETFL}, eperm},
		{"kill ourselves", unix.SYS_KILL, [6]uint64{ownPID, 15}, allow},
		{"kill another", unix.SYS_KILL, [6]uint64{1, 15}, eperm},
		{"kill all", unix.SYS_KILL, [6]uint64{^uint64(0), 9}, eperm},
		{"signal our thread", unix.SYS_TGKILL, [6]uint64{ownPID, 4712, 23}, allow},
		{"signal another's", unix.SYS_TGKILL, [6]uint64{4712, 4712, 23}, eperm},
		{"prctl", unix.SYS_PRCTL, [6]uint64{unix.PR_SET_VMA}, einval},
		{"setsockopt", unix.SYS_SETSOCKOPT, [6]uint64{1, unix.IPPROTO_TCP}, refused},
	} {
		if got := newMachine(t, Tunnel).run(t, architecture, c.number, c.args); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
	w := newMachine(t, Worker)
	for option, want := range map[uint64]uint32{unix.SO_LINGER: allow, unix.SO_RCVBUFFORCE: eperm, unix.SO_ATTACH_FILTER: eperm, unix.TCP_NODELAY: eperm, unix.SO_MARK: eperm, 0: eperm} {
		if got := w.run(t, architecture, unix.SYS_SETSOCKOPT, [6]uint64{1, unix.SOL_SOCKET, option}); got != want {
			t.Errorf("a worker's setsockopt of a socket, %d: %#x, want %#x", option, got, want)
		}
	}
	if got := w.run(t, architecture, unix.SYS_SETSOCKOPT, [6]uint64{1, unix.IPPROTO_TCP, unix.SO_LINGER}); got != eperm {
		t.Errorf("a worker's setsockopt of TCP, SO_LINGER: %#x", got)
	}
	for option, want := range map[uint64]uint32{unix.TCP_NODELAY: allow, unix.TCP_ULP: eperm, unix.TCP_REPAIR: eperm, unix.TCP_MD5SIG: eperm,
		unix.TCP_CONGESTION: eperm, unix.TCP_FASTOPEN_CONNECT: eperm, 0: eperm} {
		if got := w.run(t, architecture, unix.SYS_SETSOCKOPT, [6]uint64{1, unix.IPPROTO_TCP, option}); got != want {
			t.Errorf("a worker's setsockopt of TCP, %d: %#x, want %#x", option, got, want)
		}
	}
	g := newMachine(t, Guard)
	for _, n := range []uint32{unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_RECVFROM, unix.SYS_SENDTO, unix.SYS_GETSOCKOPT, unix.SYS_SHUTDOWN, unix.SYS_IOCTL} {
		if got := g.run(t, architecture, n, [6]uint64{}); got != refused {
			t.Errorf("a guard's system call %d: %#x", n, got)
		}
	}
}

// The numbers mean something else to another architecture.
func TestFilterOfArchitectures(t *testing.T) {
	for _, arch := range []uint32{unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_RISCV64, 0} {
		want := kill
		if arch == architecture {
			want = allow
		}
		if got := newMachine(t, Tunnel).run(t, arch, unix.SYS_READ, [6]uint64{}); got != want {
			t.Errorf("architecture %#x: %#x, want %#x", arch, got, want)
		}
	}
	if architecture == unix.AUDIT_ARCH_X86_64 {
		for _, n := range []uint32{x32Bit, x32Bit | unix.SYS_READ, x32Bit + 512, ^uint32(0)} {
			if got := newMachine(t, Tunnel).run(t, architecture, n, [6]uint64{}); got != kill {
				t.Errorf("x32 number %#x: %#x", n, got)
			}
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	b.ReportAllocs()
	var space [maxProgram]unix.SockFilter
	for b.Loop() {
		build(Tunnel, ownPID, space[:])
	}
}
