package privilege

import (
	"strings"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// A source is what error lines call the ids.
type source struct{ uid, gid string }

var (
	fromEnviron = source{ucspi.UID, ucspi.GID}
	fromOptions = source{"--uid", "--gid"}
)

// Passwd is where a user's group is found.
const Passwd = "/etc/passwd"

// complete sees to it that who gives up root gives up all of it: with another
// user's id come a group, the user's own unless there is one, and no
// supplementary groups but those that were asked for; root's group is refused.
// Who stays root, and who has no other id to become, is given what he asks for.
func (ids *IDs) complete(passwd string, from *source) (err error) {
	if !ids.leaves() {
		return nil
	}
	if !ids.HasGID {
		if ids.GID, err = primaryGroup(passwd, ids.UID, from); err != nil {
			return err
		}
		ids.HasGID = true
	}
	ids.SetGroups = true
	if ids.GID == 0 {
		return rootsGroup(ids.UID)
	}
	for _, g := range ids.Groups {
		if g == 0 {
			return rootsGroup(ids.UID)
		}
	}
	return nil
}

func rootsGroup(uid int) error {
	return diag.Fail(diag.Usage, "group 0 is root's, and user ", diag.Int(uid), " is not to have it")
}

// FromEnviron reads TLS_UID and TLS_GID for a process that was started as
// root. 0 and an empty value count as not set. passwd is a file in the format of passwd(5).
func FromEnviron(lookup func(string) (string, bool), passwd string) (IDs, error) {
	var ids IDs
	var err error
	optional := func(name string) (string, bool) {
		v, _ := lookup(name)
		return v, v != ""
	}
	if ids.UID, ids.HasUID, err = id(optional, ucspi.UID); err != nil {
		return IDs{}, err
	}
	if ids.GID, ids.HasGID, err = id(optional, ucspi.GID); err != nil {
		return IDs{}, err
	}
	ids.HasUID, ids.HasGID = ids.HasUID && ids.UID != 0, ids.HasGID && ids.GID != 0
	ids.SetGroups = ids.HasUID || ids.HasGID
	if err := ids.complete(passwd, &fromEnviron); err != nil {
		return IDs{}, err
	}
	return ids, nil
}

// FromOptions reads --uid, --gid, --gidlist and --envuidgid, which is UID, GID
// and GIDLIST: each must be set, or be given as an option.
func FromOptions(d option.Drop, lookup func(string) (string, bool), passwd string) (IDs, error) {
	ids := IDs{
		UID: int(d.UID), HasUID: d.HasUID,
		GID: int(d.GID), HasGID: d.HasGID,
		Groups: d.Groups, SetGroups: d.HasGroups,
	}
	if d.FromEnv {
		if n, set, err := id(lookup, "UID"); err != nil {
			return IDs{}, err
		} else if set {
			ids.UID, ids.HasUID = n, true
		}
		if n, set, err := id(lookup, "GID"); err != nil {
			return IDs{}, err
		} else if set {
			ids.GID, ids.HasGID = n, true
		}
		if list, set := lookup("GIDLIST"); set {
			if err := d.SetGroups(list); err != nil {
				return IDs{}, err
			}
			ids.Groups, ids.SetGroups = d.Groups, true
		}
		missing := ""
		switch {
		case !ids.HasUID:
			missing = "UID"
		case !ids.HasGID:
			missing = "GID"
		case !ids.SetGroups:
			missing = "GIDLIST"
		}
		if missing != "" {
			return IDs{}, diag.Fail(diag.Usage, missing, " not set, but --envuidgid given")
		}
	}
	if err := ids.complete(passwd, &fromOptions); err != nil {
		return IDs{}, err
	}
	return ids, nil
}

func id(lookup func(string) (string, bool), name string) (n int, set bool, err error) {
	v, set := lookup(name)
	if !set {
		return 0, false, nil
	}
	u, ok := option.ID(v)
	if !ok {
		return 0, false, diag.Fail(diag.Usage, "invalid ", name, ": it must be a numeric id")
	}
	return int(u), true, nil
}

// primaryGroup is our own reader of passwd(5), so that every build looks in
// the same place. An account that is known elsewhere needs a group id.
func primaryGroup(passwd string, uid int, from *source) (int, error) {
	advice := diag.Fail(diag.Usage, "no group for ", from.uid, " ", diag.Int(uid), " in ", passwd, ": set ", from.gid)
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
			// Group 0 through the back door would keep rights that the uid gives up.
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
