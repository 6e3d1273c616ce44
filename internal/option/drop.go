package option

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
