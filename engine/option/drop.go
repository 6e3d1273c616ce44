package option

import "ucspitls/engine/diag"

// Drop is which ids prog is to run with: --uid, --gid, --gidlist, --envuidgid.
type Drop struct {
	UID, GID       uint32
	HasUID, HasGID bool
	Groups         []int
	HasGroups      bool
	FromEnv        bool
}

func (v *Values) drop() Drop {
	d := Drop{UID: v.Number(DropUID), GID: v.Number(DropGID), HasUID: v.Has(DropUID), HasGID: v.Has(DropGID), FromEnv: v.Is(DropFromEnv)}
	if v.Has(DropGroups) {
		d.SetGroups(v.Text(DropGroups))
	}
	return d
}

// SetGroups reads a comma list of group ids; an empty list empties the groups.
func (d *Drop) SetGroups(list string) error {
	if list != "" && !IsList(list) {
		return diag.Fail(diag.Usage, "gidlist ", kinds[DropGroups].must)
	}
	d.HasGroups, d.Groups = true, []int{}
	for _, n := range Numbers(list) {
		d.Groups = append(d.Groups, int(n))
	}
	return nil
}

// With these a wrapper gives up rights just before it executes prog, so that
// prog and the TLS process can run as different users with no other tool.
var (
	dropUID    = []Option{{0, "uid", "uid", uidHelp, Rule{DropUID, Argument}}}
	dropGID    = []Option{{0, "gid", "gid", gidHelp, Rule{DropGID, Argument}}}
	dropGroups = []Option{{0, "gidlist", "gidlist", groupsHelp, Rule{DropGroups, Argument}}}
	dropEnv    = []Option{{0, "envuidgid", "", envHelp, Rule{DropFromEnv, 1}}}
)

// s6-tlsserver has short names for them; the wrappers use the letters for
// something else.
var (
	gidList   = []Option{{'G', "gidlist", "gidlist", groupsHelp, Rule{DropGroups, Argument}}}
	gid       = []Option{{'g', "gid", "gid", gidHelp, Rule{DropGID, Argument}}}
	uid       = []Option{{'u', "uid", "uid", uidHelp, Rule{DropUID, Argument}}}
	envUIDGID = []Option{{'U', "envuidgid", "", envHelp, Rule{DropFromEnv, 1}}}
)

const (
	uidHelp    = "run prog with this user id"
	gidHelp    = "run prog with this group id (default: that of the user in /etc/passwd)"
	groupsHelp = "run prog with these supplementary groups, a comma list (default: none)"
	envHelp    = "take these ids from UID, GID and GIDLIST, and remove those"
)
