package privilege

import (
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// Passwd is where a user's group is found; it ends in NUL.
const Passwd = "/etc/passwd\x00"

// An Item is the value of a variable, if it is set.
type Item struct {
	Value string
	Set   bool
}

// complete sees to it that who gives up root gives up all of it: with another
// user's id come a group, the user's own unless there is one, and no
// supplementary groups but those that were asked for; root's group is refused.
// Who stays root, and who has no other id to become, is given what he asks for.
func (ids IDs) complete(passwd, uidName, gidName string) (IDs, Fault) {
	if !ids.leaves() {
		return ids, Fault{}
	}
	if !ids.HasGID {
		// Group 0 through the back door would keep rights that the uid gives up.
		if ids.GID = primaryGroup(passwd, ids.UID); ids.GID == 0 {
			return ids, Fault{Code: diag.Usage, before: "no group for ", name: uidName, number: ids.UID, hasNumber: true, in: passwd[:len(passwd)-1], set: gidName}
		}
		ids.HasGID = true
	}
	ids.SetGroups = true
	root := ids.GID == 0
	rest := ids.Groups
	for more := rest != ""; more; {
		var item string
		item, rest, more = words.Cut(rest, ',')
		n, _ := words.Number(item)
		root = root || n == 0
	}
	if root {
		return ids, Fault{Code: diag.Usage, before: "group 0 is root's, and user ", number: ids.UID, hasNumber: true, after: " is not to have it"}
	}
	return ids, Fault{}
}

// FromEnviron reads TLS_UID and TLS_GID for a process that was started as
// root. 0 and an empty value count as not set. passwd is a file in the format of
// passwd(5).
func FromEnviron(lookup func(string) (string, bool), passwd string) (IDs, error) {
	var ids IDs
	var f Fault
	optional := func(name string) (string, bool) {
		v, _ := lookup(name)
		return v, v != ""
	}
	if ids.UID, ids.HasUID, f = id(item(optional, ucspi.UID), ucspi.UID); f.Code != 0 {
		return IDs{}, f.err()
	}
	if ids.GID, ids.HasGID, f = id(item(optional, ucspi.GID), ucspi.GID); f.Code != 0 {
		return IDs{}, f.err()
	}
	ids.HasUID, ids.HasGID = ids.HasUID && ids.UID != 0, ids.HasGID && ids.GID != 0
	ids.SetGroups = ids.HasUID || ids.HasGID
	if ids, f = ids.complete(passwd, ucspi.UID+" ", ucspi.GID); f.Code != 0 {
		return IDs{}, f.err()
	}
	return ids, nil
}

func item(lookup func(string) (string, bool), name string) Item {
	v, set := lookup(name)
	return Item{v, set}
}

// FromOptions is Choose for programs that run on the Go runtime.
func FromOptions(v *option.Values, lookup func(string) (string, bool), passwd string) (IDs, error) {
	ids, f := Choose(v, item(lookup, "UID"), item(lookup, "GID"), item(lookup, "GIDLIST"), passwd)
	return ids, f.err()
}

// Choose reads --uid, --gid, --gidlist and --envuidgid, which is UID, GID
// and GIDLIST: each must be set, or be given as an option.
func Choose(v *option.Values, uid, gid, groups Item, passwd string) (IDs, Fault) {
	ids := IDs{
		UID: v.Number(option.DropUID), HasUID: v.Has(option.DropUID),
		GID: v.Number(option.DropGID), HasGID: v.Has(option.DropGID),
		Groups: v.Text(option.DropGroups), SetGroups: v.Has(option.DropGroups),
	}
	if v.Is(option.DropFromEnv) {
		n, set, f := id(uid, "UID")
		if f.Code != 0 {
			return IDs{}, f
		}
		if set {
			ids.UID, ids.HasUID = n, true
		}
		if n, set, f = id(gid, "GID"); f.Code != 0 {
			return IDs{}, f
		}
		if set {
			ids.GID, ids.HasGID = n, true
		}
		if groups.Set {
			if groups.Value != "" && !option.IsList(groups.Value) {
				return IDs{}, usage("gidlist ", option.MustBeIDs, "")
			}
			ids.Groups, ids.SetGroups = groups.Value, true
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
			return IDs{}, usage(missing, " not set, but --envuidgid given", "")
		}
	}
	return ids.complete(passwd, "--uid ", "--gid")
}

func id(v Item, name string) (n uint32, set bool, f Fault) {
	if !v.Set {
		return 0, false, Fault{}
	}
	n, ok := option.ID(v.Value)
	if !ok {
		return 0, false, usage("invalid ", name, ": it must be a numeric id")
	}
	return n, true, Fault{}
}

// passwdBuffer holds a part of the file.
var passwdBuffer [4096]byte

// primaryGroup is our own reader of passwd(5), so that every build looks in
// the same place; 0: there is none. An account that is known elsewhere needs a
// group id.
func primaryGroup(passwd string, uid uint32) (gid uint32) {
	fd, e := sys.Open(passwd)
	if e != 0 {
		return 0
	}
	var l passwdLine
	for {
		n, e := sys.Read(fd, unsafe.Pointer(&passwdBuffer), len(passwdBuffer))
		if e != 0 {
			return 0
		}
		for i := 0; i < n; i++ {
			if l.read(passwdBuffer[i]) && l.is(uid) {
				sys.Close(fd)
				return l.gid
			}
		}
		if n == 0 {
			sys.Close(fd)
			if l.read('\n') && l.is(uid) {
				return l.gid
			}
			return 0
		}
	}
}

// A passwdLine is NAME:PASSWORD:UID:GID:..., read byte by byte.
type passwdLine struct {
	field, digits int
	bad           bool // the number of this field is none
	n             uint64
	uid, gid      uint32
	hasUID        bool
	done          bool // its end was read, and what is next begins a new one
}

func (l *passwdLine) is(uid uint32) bool { return l.hasUID && l.uid == uid }

// read takes a byte, and reports whether the line ends with it, and has a group.
func (l *passwdLine) read(c byte) bool {
	if l.done {
		*l = passwdLine{}
	}
	if c != ':' && c != '\n' {
		l.digits++
		l.bad = l.bad || c < '0' || c > '9' || l.n > 1<<32-1
		l.n = l.n*10 + uint64(c-'0')
		return false
	}
	ok := !l.bad && l.digits > 0 && l.n <= 1<<32-1
	if ok && l.field == 2 {
		l.uid, l.hasUID = uint32(l.n), true
	}
	if ok && l.field == 3 {
		l.gid = uint32(l.n)
	}
	whole := l.field >= 3
	l.field++
	l.digits, l.bad, l.n = 0, false, 0
	l.done = c == '\n'
	return l.done && whole
}
