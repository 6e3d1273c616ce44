// Package privilege gives up rights: user id, group id, supplementary groups,
// capabilities. What wrappers need of it runs without the Go runtime.
package privilege

import (
	"syscall"

	"ucspitls/internal/diag"
	"ucspitls/internal/line"
	"ucspitls/internal/sys"
	"ucspitls/internal/words"
)

// IDs is what to become. Without HasUID and HasGID there is nothing to do.
type IDs struct {
	UID, GID       uint32
	HasUID, HasGID bool
	Groups         string // the supplementary groups, a comma list, if SetGroups
	SetGroups      bool
}

// A Fault is why ids can't be had; the zero value is none.
type Fault struct {
	Code           int
	before, name   string
	number         uint32
	hasNumber      bool
	after, in, set string
	errno          syscall.Errno
}

func usage(before, name, after string) Fault {
	return Fault{Code: diag.Usage, before: before, name: name, after: after}
}

func system(what string) Fault { return Fault{Code: diag.System, before: "unable to ", name: what} }

// Say adds it to a line.
func (f *Fault) Say(l *line.Line) {
	l.Add(f.before)
	l.Add(f.name)
	if f.hasNumber {
		var d words.Digits
		l.Add(d.Format(uint64(f.number)))
	}
	l.Add(f.after)
	if f.set != "" {
		l.Add(" in ")
		l.Add(f.in)
		l.Add(": set ")
		l.Add(f.set)
	}
	if f.errno != 0 {
		l.Add(": ")
		l.Add(sys.Reason(f.errno))
	}
}

// err is f for programs that run on the Go runtime.
func (f Fault) err() error {
	if f.Code == 0 {
		return nil
	}
	var l line.Line
	f.Say(&l)
	return &diag.Error{Code: f.Code, Text: l.Said()}
}

// Root reports whether the process was started as root, or can become it.
func Root() bool { return syscall.Geteuid() == 0 || syscall.Getuid() == 0 }

// leaves reports whether ids are those of another user than root, and than the
// one that this process is: it has rights to give up.
func (ids *IDs) leaves() bool { return ids.HasUID && ids.UID != 0 && !isUser(ids.UID) }

// Drop becomes ids for good: real, effective and saved ids of every thread.
func Drop(ids IDs) error { return ids.Become().err() }

// Become is Drop. The order matters: once the uid is gone the groups can't be
// changed. A kernel that says that it is not so is not one to go on with.
func (ids IDs) Become() Fault {
	leaves := ids.leaves()
	if ids.SetGroups {
		if e := sys.SetGroups(wanted[:ids.list()]); e != 0 {
			return Fault{Code: diag.System, before: "unable to set supplementary groups", errno: e}
		}
	}
	if ids.HasGID {
		if e := sys.SetGID(ids.GID); e != 0 {
			return Fault{Code: diag.System, before: "unable to set group id ", number: ids.GID, hasNumber: true, errno: e}
		}
	}
	if ids.HasUID {
		if e := sys.SetUID(ids.UID); e != 0 {
			return Fault{Code: diag.System, before: "unable to set user id ", number: ids.UID, hasNumber: true, errno: e}
		}
	}
	if leaves {
		dropCapabilities()
		if sys.BackToRoot() || capable() {
			return system("give up root for good")
		}
	}
	return ids.check()
}

// check asks the kernel what has become of it.
func (ids *IDs) check() Fault {
	if ids.HasUID && !isUser(ids.UID) || ids.HasGID && !isGroup(ids.GID) {
		return system("change all ids")
	}
	if !ids.SetGroups {
		return Fault{}
	}
	n, e := sys.Groups(have[:])
	if e != 0 {
		return Fault{Code: diag.System, before: "unable to get supplementary groups", errno: e}
	}
	want := ids.list()
	sort(wanted[:want]) // the kernel has them in an order of its own
	sort(have[:n])
	same := n == want
	for i := 0; same && i < n; i++ {
		same = have[i] == wanted[i]
	}
	if !same {
		return system("change all supplementary groups")
	}
	return Fault{}
}

// maxGroups is the most that Linux knows (NGROUPS_MAX).
const maxGroups = 65536

var wanted, have [maxGroups]uint32

// list puts the groups into wanted, and gives their number. What is more than the
// kernel takes it refuses, with one to spare.
func (ids *IDs) list() int {
	n := 0
	rest := ids.Groups
	for more := rest != ""; more && n < maxGroups; n++ {
		var item string
		item, rest, more = words.Cut(rest, ',')
		wanted[n], _ = words.Number(item)
	}
	return n
}

// sort puts a few numbers in order.
func sort(list []uint32) {
	for i := range list {
		n := list[i]
		at := i
		for ; at > 0 && list[at-1] > n; at-- {
			list[at] = list[at-1]
		}
		list[at] = n
	}
}
