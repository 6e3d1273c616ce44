//go:build linux

package cli

import (
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"ucspitls/test/need"
)

// Rights are this executable in one more mode: it runs its arguments with rights
// that a fork can't give. rightsVariable is "SECUREBITS CAPABILITIES", the
// latter permitted, inheritable and ambient.
const rightsVariable = "UCSPITLS_TEST_RIGHTS"

func init() {
	bits, set, ok := strings.Cut(os.Getenv(rightsVariable), " ")
	if !ok {
		return
	}
	os.Unsetenv(rightsVariable)
	runtime.LockOSThread()
	n, err := strconv.Atoi(bits)
	check(err)
	want, err := strconv.ParseUint(set, 0, 32)
	check(err)
	if want != 0 {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		check(unix.Capget(&header, &data[0]))
		data[0].Inheritable = uint32(want)
		check(unix.Capset(&header, &data[0]))
		for n := range 32 {
			if want&(1<<n) != 0 {
				check(unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n), 0, 0))
			}
		}
	}
	if n != 0 {
		check(unix.Prctl(unix.PR_SET_SECUREBITS, uintptr(n), 0, 0, 0))
	}
	check(syscall.Exec(os.Args[1], os.Args[1:], os.Environ())) // from this thread
}

// What prog is, and what is refused, for every way to ask for its ids.
func TestIDsOfProg(t *testing.T) {
	need.Root(t) // to be anybody
	t.Parallel()
	uid, gid := primaryGroup(t, "daemon")
	root := &syscall.Credential{Groups: []uint32{0, 4, 27}}
	plain := &syscall.Credential{Uid: 65533, Gid: 65532, Groups: []uint32{65531}}
	const noFixup = "4 " // SECBIT_NO_SETUID_FIXUP
	const env, group0 = ", but --envuidgid given", "group 0 is root's, and user 65533 is not to have it"
	for _, c := range []struct {
		user         *syscall.Credential
		rights       string
		options, env string
		want         string // Uid Gid Groups, or the line of an error
		code         int
	}{
		{root, "", "", "", "0 0 0 4 27", 0},
		{root, "", "--uid=65533 --gid=65532 --gidlist=65531,65530", "", "65533 65532 65530 65531", 0},
		{root, "", "--uid=65533 --gid=65532", "", "65533 65532", 0},
		{root, "", "--uid=" + uid, "", uid + " " + gid, 0},
		{root, "", "--uid=" + uid + " --gidlist=4", "", uid + " " + gid + " 4", 0},
		{root, "", "--uid=65533", "", "no group for --uid 65533 in /etc/passwd: set --gid", 100},
		{root, "", "--uid=65533 --gid=0", "", group0, 100},
		{root, "", "--uid=65533 --gid=65532 --gidlist=0,4", "", group0, 100},
		{root, "", "--uid=4294967295", "", "uid must be an unsigned integer", 100},
		{root, "", "--uid=65533 --gid=4294967295", "", "gid must be an unsigned integer", 100},
		{root, "", "--uid=0", "", "0 0 0 4 27", 0},
		{root, "", "--gid=65532", "", "0 65532 0 4 27", 0},
		{root, "", "--gidlist=", "", "0 0", 0},
		{root, "", "--envuidgid", "UID=65533 GID=65532 GIDLIST=65531,27", "65533 65532 27 65531", 0},
		{root, "", "--envuidgid", "UID=65533 GID=65532 GIDLIST=", "65533 65532", 0},
		{root, "", "--envuidgid", "UID=0 GID=0 GIDLIST=0", "0 0 0", 0},
		{root, "", "--envuidgid", "", "UID not set" + env, 100},
		{root, "", "--envuidgid", "UID=65533", "GID not set" + env, 100},
		{root, "", "--envuidgid", "UID=65533 GIDLIST=1", "GID not set" + env, 100},
		{root, "", "--envuidgid", "UID=65533 GID=65532", "GIDLIST not set" + env, 100},
		{root, "", "--envuidgid", "GID=65532 GIDLIST=1", "UID not set" + env, 100},
		{root, "", "--envuidgid", "UID= GID=65532 GIDLIST=1", "invalid UID: it must be a numeric id", 100},
		{root, "", "--envuidgid", "UID=65533 GID= GIDLIST=1", "invalid GID: it must be a numeric id", 100},
		{root, "", "--envuidgid", "UID=65533 GID=65532 GIDLIST=1,x", "gidlist must be a comma list of unsigned integers", 100},
		{root, "", "--envuidgid", "UID=65533 GID=4294967295 GIDLIST=1", "invalid GID: it must be a numeric id", 100},
		{root, "", "--envuidgid", "UID=65533 GID=0 GIDLIST=1", group0, 100},
		// A secure bit that has capabilities outlive the uid, with ambient ones for prog.
		{root, noFixup + "0", "--uid=65533 --gid=65532", "", "65533 65532", 0},
		{root, noFixup + "0x401", "--uid=65533 --gid=65532", "", "65533 65532", 0},
		{root, "0 0x401", "--uid=65533 --gid=65532", "", "65533 65532", 0},
		// Nobody else can become another one, and for himself he need not.
		{plain, "", "", "", "65533 65532 65531", 0},
		{plain, "", "--uid=65533", "", "65533 65532 65531", 0},
		{plain, "", "--uid=65533 --gid=65532", "", "65533 65532 65531", 0},
		{plain, "", "--uid=65530 --gid=65532", "", "unable to set supplementary groups: operation not permitted", 111},
		{plain, "", "--uid=0", "", "unable to set user id 0: operation not permitted", 111},
		{plain, "", "--gid=0", "", "unable to set group id 0: operation not permitted", 111},
		{plain, "", "--gidlist=", "", "unable to set supplementary groups: operation not permitted", 111},
		{plain, "", "--envuidgid", "UID=65533 GID=65532 GIDLIST=65531", "unable to set supplementary groups: operation not permitted", 111},
		{plain, "", "--envuidgid", "UID=65533 GID=65532", "GIDLIST not set" + env, 100},
	} {
		for _, program := range servers {
			if !delayed(program) && c.code != 100 {
				continue // the rest is the same code, behind a handshake
			}
			r, w := pipe(t)
			// A build with ENTRY=off takes one for closed that is open in both directions.
			null, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			s := spec{program: program, user: c.user, env: strings.Fields(c.env),
				args:  append(strings.Fields(c.options), "cat", "/proc/self/status"),
				files: map[int]*os.File{0: null, 1: w}}
			if c.rights != "" {
				s.env = append(s.env, rightsVariable+"="+c.rights)
				s.args = append([]string{bin + "/" + program}, s.args...)
				s.program = self
			}
			p := start(t, s)
			status, _ := io.ReadAll(r)
			r.Close()
			is := statusLines(string(status))
			got := ""
			for _, name := range []string{"Uid", "Gid"} {
				four := strings.Fields(is[name])
				if len(four) == 4 && strings.Count(is[name]+" ", four[0]+" ") != 4 {
					t.Errorf("%s %s, %s: %s %s", program, c.options, c.env, name, is[name])
				}
				if len(four) > 0 {
					got += four[0] + " "
				}
			}
			got = strings.TrimSpace(got + is["Groups"])
			if c.code != 0 {
				got = strings.TrimSuffix(strings.TrimPrefix(p.stderr(), program+": fatal: "), "\n")
			}
			if code := p.code(); code != c.code || got != c.want {
				t.Errorf("%s %s, %s: exit code %d, %q\nwant %d, %q", program, c.options, c.env, code, got, c.code, c.want)
			}
			if c.code == 0 && is["Uid"][0] != '0' {
				for _, set := range []string{"CapEff", "CapPrm", "CapInh", "CapAmb"} {
					if is[set] != "0000000000000000" {
						t.Errorf("%s %s, rights %q: %s %s", program, c.options, c.rights, set, is[set])
					}
				}
			}
		}
	}
}
