package option

import (
	"strings"

	"ucspitls/engine/diag"
)

// With these a wrapper gives up rights just before it executes prog, so that
// prog and the TLS process can run as different users with no other tool.
var (
	dropUID = []Option{{0, "uid", "uid", "run prog with this user id",
		func(s *Settings, v string) error { s.Drop.HasUID = true; return number(&s.Drop.UID, "uid", v) }}}
	dropGID = []Option{{0, "gid", "gid", "run prog with this group id",
		func(s *Settings, v string) error { s.Drop.HasGID = true; return number(&s.Drop.GID, "gid", v) }}}
	dropGroups = []Option{{0, "gidlist", "gidlist", "run prog with these supplementary groups, a comma list",
		func(s *Settings, v string) error { return s.Drop.SetGroups(v) }}}
	dropEnv = []Option{{0, "envuidgid", "", "take these ids from UID, GID and GIDLIST, and remove those",
		func(s *Settings, _ string) error { s.Drop.FromEnv = true; return nil }}}
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
		n, ok := Number(item)
		if !ok {
			return diag.Fail(diag.Usage, "gidlist must be a comma list of unsigned integers")
		}
		d.Groups = append(d.Groups, int(n))
	}
	return nil
}
