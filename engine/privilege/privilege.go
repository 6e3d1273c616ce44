// Package privilege gives up rights: user id, group id, supplementary groups,
// capabilities.
package privilege

import (
	"slices"
	"syscall"

	"ucspitls/engine/diag"
)

// IDs is what to become. Without HasUID and HasGID there is nothing to do.
type IDs struct {
	UID, GID       int
	HasUID, HasGID bool
	Groups         []int // the supplementary groups, if SetGroups
	SetGroups      bool
}

// Root reports whether the process was started as root, or can become it.
func Root() bool { return syscall.Geteuid() == 0 || syscall.Getuid() == 0 }

// leaves reports whether ids are those of another user than root, and than the
// one that this process is: it has rights to give up.
func (ids *IDs) leaves() bool {
	return ids.HasUID && ids.UID != 0 && !isUser(ids.UID)
}

// Drop becomes ids for good: real, effective and saved ids of every thread.
// The order matters: once the uid is gone the groups can't be changed. A kernel
// that says that it is not so is not one to go on with.
func Drop(ids IDs) error {
	leaves := ids.leaves()
	if ids.SetGroups {
		if err := syscall.Setgroups(ids.Groups); err != nil {
			return diag.FailSys("set supplementary groups", err)
		}
	}
	if ids.HasGID {
		if err := setgid(ids.GID); err != nil {
			return diag.FailSys("set group id "+diag.Int(ids.GID), err)
		}
	}
	if ids.HasUID {
		if err := setuid(ids.UID); err != nil {
			return diag.FailSys("set user id "+diag.Int(ids.UID), err)
		}
	}
	if leaves {
		dropCapabilities()
		if syscall.Setuid(0) == nil || capable() {
			return diag.Fail(diag.System, "unable to give up root for good")
		}
	}
	return ids.check()
}

// check asks the kernel what has become of it.
func (ids *IDs) check() error {
	if ids.HasUID && !isUser(ids.UID) || ids.HasGID && !isGroup(ids.GID) {
		return diag.Fail(diag.System, "unable to change all ids")
	}
	if !ids.SetGroups {
		return nil
	}
	have, err := syscall.Getgroups()
	if err != nil {
		return diag.FailSys("get supplementary groups", err)
	}
	want := slices.Clone(ids.Groups)
	slices.Sort(want) // the kernel has them in an order of its own
	slices.Sort(have)
	if !slices.Equal(have, want) {
		return diag.Fail(diag.System, "unable to change all supplementary groups")
	}
	return nil
}
