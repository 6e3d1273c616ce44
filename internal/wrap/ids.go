package wrap

import (
	"ucspitls/internal/privilege"
	"ucspitls/internal/sys"
)

// ids are those that prog is to run with.
func (m *memory) ids() privilege.IDs {
	var uid, gid, groups privilege.Item
	uid.Value, uid.Set = m.value("UID")
	gid.Value, gid.Set = m.value("GID")
	groups.Value, groups.Set = m.value("GIDLIST")
	ids, fault := privilege.Choose(&m.Values, uid, gid, groups, privilege.Passwd)
	m.check(&fault)
	return ids
}

// check ends the process if there is a fault.
func (m *memory) check(f *privilege.Fault) {
	if f.Code == 0 {
		return
	}
	m.start("fatal")
	f.Say(&m.line)
	m.print()
	sys.Exit(f.Code)
}
