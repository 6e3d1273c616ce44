package wrap

import (
	"strings"

	"ucspitls/engine/diag"
	"ucspitls/engine/entry"
	"ucspitls/engine/option"
	"ucspitls/engine/privilege"
)

// dropFrom gives the ids that prog is to run with, from --uid, --gid,
// --gidlist and --envuidgid; the last takes UID, GID and GIDLIST out of environ.
func dropFrom(s *option.Settings, environ []string) (privilege.IDs, []string, error) {
	d := s.Drop
	if d.FromEnv {
		rest := make([]string, 0, len(environ))
		for _, item := range environ {
			name, value, _ := strings.Cut(item, "=")
			ok := true
			switch name {
			case "UID":
				d.UID, ok = option.Number(value)
				d.HasUID = ok
			case "GID":
				d.GID, ok = option.Number(value)
				d.HasGID = ok
			case "GIDLIST":
				if err := d.SetGroups(value); err != nil {
					return privilege.IDs{}, nil, err
				}
			default:
				rest = append(rest, item)
			}
			if !ok {
				return privilege.IDs{}, nil, diag.Fail(diag.Usage, "invalid ", name, ": it must be a numeric id")
			}
		}
		if !d.HasUID {
			return privilege.IDs{}, nil, diag.Fail(diag.Usage, "UID not set, but --envuidgid given")
		}
		environ = rest
	}
	return privilege.IDs{
		UID: int(d.UID), HasUID: d.HasUID,
		GID: int(d.GID), HasGID: d.HasGID,
		Groups: d.Groups, SetGroups: d.HasGroups,
	}, environ, nil
}

// become drops rights and executes prog.
func become(prog, environ []string, ids privilege.IDs) error {
	if err := privilege.Drop(ids); err != nil {
		return err
	}
	entry.CloseAgain()
	return Exec(prog, environ)
}
