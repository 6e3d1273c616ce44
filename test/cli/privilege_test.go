//go:build linux

package cli

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/test/need"
)

// ids are the lines of /proc/PID/status about rights.
func ids(t *testing.T, pid int) map[string]string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	return statusLines(string(data))
}

func statusLines(text string) map[string]string {
	found := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			found[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return found
}

// primaryGroup gives the group of a user of /etc/passwd.
func primaryGroup(t *testing.T, user string) (uid, gid string) {
	t.Helper()
	data, err := os.ReadFile("/etc/passwd")
	if err != nil {
		need.Missing(t, "/etc/passwd", err.Error())
	}
	m := regexp.MustCompile(`(?m)^` + user + `:[^:]*:(\d+):(\d+):`).FindSubmatch(data)
	if m == nil {
		need.Missing(t, "the account "+user+" in /etc/passwd", "useradd "+user)
	}
	return string(m[1]), string(m[2])
}

func TestPrivilegesAreDropped(t *testing.T) {
	need.Root(t)
	t.Parallel()
	uid, gid := primaryGroup(t, "daemon")
	four := func(id string) string { return strings.Repeat(id+" ", 3) + id }
	for _, c := range []struct {
		name             string
		env              []string
		uid, gid, groups string
	}{
		{"both", []string{"TLS_UID=65534", "TLS_GID=65533"}, four("65534"), four("65533"), ""},
		{"TLS_UID alone takes the group of passwd", []string{"TLS_UID=" + uid}, four(uid), four(gid), ""},
		{"TLS_GID alone", []string{"TLS_GID=65533"}, four("0"), four("65533"), ""},
		{"zeros", []string{"TLS_UID=0", "TLS_GID=0"}, four("0"), four("0"), "4 27"},
		{"TLS_UID with a group of 0", []string{"TLS_UID=" + uid, "TLS_GID=0"}, four(uid), four(gid), ""},
		{"neither", nil, four("0"), four("0"), "4 27"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, program := range servers {
				env, _ := material(t)
				x := serveWith(t, spec{program: program, env: append(env, c.env...),
					user: &syscall.Credential{Uid: 0, Gid: 0, Groups: []uint32{4, 27}}})
				var a *app
				if delayed(program) {
					a = x.stage.app()
					a.write(a.ctl, "y")
				}
				conn := handshake(t, x.peer)
				if a == nil {
					a = x.stage.app()
				}
				is := ids(t, child(t, x.pid, "s6-tlsd-io"))
				if is["Uid"] != c.uid || is["Gid"] != c.gid || is["Groups"] != c.groups {
					t.Errorf("%s: Uid %s, Gid %s, Groups %q\nwant Uid %s, Gid %s, Groups %q", program, is["Uid"], is["Gid"], is["Groups"], c.uid, c.gid, c.groups)
				}
				if c.uid != four("0") {
					for _, set := range []string{"CapEff", "CapPrm", "CapInh", "CapAmb"} {
						if is[set] != "0000000000000000" {
							t.Errorf("%s: %s %s", program, set, is[set])
						}
					}
				}
				for _, id := range tasks(t, child(t, x.pid, "s6-tlsd-io")) {
					if own := ids(t, id); own["Uid"] != c.uid || own["Gid"] != c.gid {
						t.Errorf("%s: a thread has Uid %s, Gid %s", program, own["Uid"], own["Gid"])
					}
				}
				// prog keeps its own.
				if prog := ids(t, x.pid); prog["Uid"] != four("0") || prog["Groups"] != "4 27" {
					t.Errorf("%s: prog has Uid %s, Groups %s", program, prog["Uid"], prog["Groups"])
				}
				x.finish(a, conn)
			}
		})
	}
}

// tasks are the threads of a process; each has a status of its own.
func tasks(t *testing.T, pid int) (list []int) {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		n, _ := strconv.Atoi(e.Name())
		list = append(list, n)
	}
	return list
}

// Files are read with the rights of the start.
func TestFilesAreReadBeforeTheDrop(t *testing.T) {
	need.Root(t)
	t.Parallel()
	env, dir := material(t) // in a folder that is root's alone
	env = append(env, "TLS_UID=65534", "TLS_GID=65533", "CERTFILE:localhost="+dir+"/server.pem", "KEYFILE:localhost="+dir+"/server.key")
	x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-k1", "-Y"}, env: env})
	c := handshake(t, x.peer)
	x.stage.app().exit(0)
	c.Close()
	x.expect(0, "")
}

// Another user's process: the variables mean nothing, whatever they hold.
func TestIDsAreNotLookedAtUnlessRoot(t *testing.T) {
	chainOnly(t, "what it says about files it says once, when it starts")
	need.Root(t) // to become somebody else
	t.Parallel()
	for _, v := range []struct{ flag, notes string }{
		{"-v1", ""},
		{"-v2", "s6-tlsd-io: info: TLS_UID is not looked at: not started as root\ns6-tlsd-io: info: TLS_GID is not looked at: not started as root\n"},
	} {
		env, dir := material(t)
		open := scratchFolder(t)
		for _, name := range []string{"server.pem", "server.key"} {
			data, err := os.ReadFile(dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(open+"/"+name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		env = override(env, []string{"CERTFILE=" + open + "/server.pem", "KEYFILE=" + open + "/server.key", "CAFILE", "TLS_UID=garbage", "TLS_GID=-1"})
		peer, sock := network(t)
		p := start(t, spec{program: "s6-tlsd", args: []string{v.flag, "--", "cat", "/proc/self/status"}, env: env,
			files: map[int]*os.File{0: sock, 1: dup(t, sock)}, user: &syscall.Credential{Uid: 65534, Gid: 65533, Groups: []uint32{65532}}})
		c := handshake(t, peer)
		status := readEverything(t, c)
		if !strings.Contains(status, "\nUid:\t65534\t65534\t65534\t65534\n") {
			t.Errorf("prog's status %q", status)
		}
		c.Close()
		if code := p.code(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if out := p.stderr(); !strings.HasPrefix(out, v.notes) || v.notes == "" && out != "" {
			t.Errorf("stderr %q, want %q first", out, v.notes)
		}
	}
}

// A set-id program is root by its effective id alone, and drops that too. Its
// caller can't choose a file for the secrets.
func TestSetIDTunnelDrops(t *testing.T) {
	need.Root(t)
	t.Parallel()
	env, _ := material(t) // in a folder that is root's alone
	dir := scratchFolder(t)
	path := dir + "/s6-tlsd-io"
	if err := entrytest.CopyProgram(path, bin+"/s6-tlsd-io"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Flags&2 != 0 { // ST_NOSUID
		need.Missing(t, "set-id programs in "+dir, "TMPDIR on a file system without nosuid")
	}
	peer, sock := network(t)
	in, inW := pipe(t)
	outR, out := pipe(t)
	defer inW.Close()
	defer outR.Close()
	p := start(t, spec{program: path, args: []string{"6", "7"}, env: append(env, "TLS_UID=65533", "TLS_GID=65532", "SSLKEYLOGFILE="+dir+"/log"),
		files: map[int]*os.File{0: sock, 1: dup(t, sock), 6: in, 7: out}, user: &syscall.Credential{Uid: 65534, Gid: 65534}})
	c := handshake(t, peer)
	for _, id := range tasks(t, p.pid) {
		is := ids(t, id)
		if is["Uid"] != "65533 65533 65533 65533" || is["Gid"] != "65532 65532 65532 65532" || is["Groups"] != "" || is["CapPrm"] != "0000000000000000" {
			t.Errorf("Uid %s, Gid %s, Groups %q, CapPrm %s", is["Uid"], is["Gid"], is["Groups"], is["CapPrm"])
		}
	}
	if _, err := os.Stat(dir + "/log"); err == nil {
		t.Error("the secrets were written")
	}
	inW.Close()
	c.Close()
	p.expect(0, "")
}

// needSight skips what looks into a process that is in its sandbox, which shows
// nothing to others that have its ids.
func needSight(t *testing.T) {
	t.Helper()
	need.Root(t)
}
