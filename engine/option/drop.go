package option

import (
	"strings"

	"ucspitls/engine/diag"
)

// setID reads the argument of --uid or --gid.
func setID(to *uint32, has *bool, name, value string) error {
	n, ok := ID(value)
	if !ok {
		return diag.Fail(diag.Usage, name, " must be an unsigned integer")
	}
	*to, *has = n, true
	return nil
}

func setUID(s *Settings, v string) error    { return setID(&s.Drop.UID, &s.Drop.HasUID, "uid", v) }
func setGID(s *Settings, v string) error    { return setID(&s.Drop.GID, &s.Drop.HasGID, "gid", v) }
func setGroups(s *Settings, v string) error { return s.Drop.SetGroups(v) }
func setEnv(s *Settings, _ string) error    { s.Drop.FromEnv = true; return nil }

const (
	uidHelp    = "run prog with this user id"
	gidHelp    = "run prog with this group id (default: that of the user in /etc/passwd)"
	groupsHelp = "run prog with these supplementary groups, a comma list (default: none)"
	envHelp    = "take these ids from UID, GID and GIDLIST, and remove those"
)

// With these a wrapper gives up rights just before it executes prog, so that
// prog and the TLS process can run as different users with no other tool.
var (
	dropUID    = []Option{{0, "uid", "uid", uidHelp, setUID}}
	dropGID    = []Option{{0, "gid", "gid", gidHelp, setGID}}
	dropGroups = []Option{{0, "gidlist", "gidlist", groupsHelp, setGroups}}
	dropEnv    = []Option{{0, "envuidgid", "", envHelp, setEnv}}
)

// Any tells whether prog is to run with other ids.
func (d *Drop) Any() bool { return d.HasUID || d.HasGID || d.HasGroups || d.FromEnv }

// SetGroups reads a comma list of group ids; an empty list empties the groups.
func (d *Drop) SetGroups(list string) error {
	d.HasGroups, d.Groups = true, []int{}
	if list == "" {
		return nil
	}
	for _, item := range strings.Split(list, ",") {
		n, ok := ID(item)
		if !ok {
			return diag.Fail(diag.Usage, "gidlist must be a comma list of unsigned integers")
		}
		d.Groups = append(d.Groups, int(n))
	}
	return nil
}
