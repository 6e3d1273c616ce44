// Package privilege gives up rights: user id, group id, supplementary groups.
package privilege

import (
	"strings"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// IDs is what to become. Without HasUID and HasGID there is nothing to do.
type IDs struct {
	UID, GID       int
	HasUID, HasGID bool
	Groups         []int // the supplementary groups, if SetGroups
	SetGroups      bool
}

// FromEnviron reads TLS_UID and TLS_GID for a process that was started as
// root. 0 counts as not set. TLS_UID alone takes the user's primary group
// from passwd, a file in the format of passwd(5).
func FromEnviron(lookup func(string) (string, bool), passwd string) (IDs, error) {
	var ids IDs
	var err error
	if ids.UID, ids.HasUID, err = id(lookup, ucspi.UID); err != nil {
		return IDs{}, err
	}
	if ids.GID, ids.HasGID, err = id(lookup, ucspi.GID); err != nil {
		return IDs{}, err
	}
	if ids.HasUID && !ids.HasGID {
		if ids.GID, err = primaryGroup(passwd, ids.UID); err != nil {
			return IDs{}, err
		}
		ids.HasGID = true
	}
	ids.SetGroups = ids.HasUID || ids.HasGID
	return ids, nil
}

func id(lookup func(string) (string, bool), name string) (int, bool, error) {
	v, set := lookup(name)
	if !set {
		return 0, false, nil
	}
	n, ok := option.Number(v)
	if !ok || n == 1<<32-1 {
		return 0, false, diag.Fail(diag.Usage, "invalid ", name, ": it must be a numeric id")
	}
	return int(n), n != 0, nil
}

// primaryGroup is our own reader of passwd(5), so that every build looks in
// the same place. An account that is known elsewhere needs TLS_GID.
func primaryGroup(passwd string, uid int) (int, error) {
	advice := diag.Fail(diag.Usage, "no group for ", ucspi.UID, " ", diag.Int(uid), " in ", passwd, ": set ", ucspi.GID)
	data, err := readFile(passwd)
	if err != nil {
		return 0, advice
	}
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		if n, ok := option.Number(f[2]); ok && int(n) == uid {
			// Group 0 through the back door would keep rights that TLS_UID gives up.
			if g, ok := option.Number(f[3]); ok && g != 0 {
				return int(g), nil
			}
			return 0, advice
		}
	}
	return 0, advice
}

func readFile(path string) ([]byte, error) {
	n, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(n)
	var data []byte
	buf := make([]byte, 16384)
	for {
		m, err := syscall.Read(n, buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m <= 0 {
			return data, nil
		}
		data = append(data, buf[:m]...)
	}
}

// Drop becomes ids for good: real, effective and saved ids of every thread.
// The order matters: once the uid is gone the groups can't be changed.
func Drop(ids IDs) error {
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
		// Belt and braces: a kernel that lets us back is not one to go on with.
		if ids.UID != 0 && syscall.Setuid(0) == nil {
			return diag.Fail(diag.System, "unable to give up root for good")
		}
	}
	return nil
}
