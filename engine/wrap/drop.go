package wrap

import (
	"strings"

	"ucspitls/engine/entry"
	"ucspitls/engine/option"
	"ucspitls/engine/privilege"
	"ucspitls/engine/ucspi"
)

// dropFrom gives the ids that prog is to run with; --envuidgid takes UID, GID
// and GIDLIST out of environ.
func dropFrom(s *option.Settings, environ []string) (privilege.IDs, []string, error) {
	ids, err := privilege.FromOptions(s.Drop, func(name string) (string, bool) { return ucspi.Value(environ, name) }, privilege.Passwd)
	if err != nil || !s.Drop.FromEnv {
		return ids, environ, err
	}
	rest := make([]string, 0, len(environ))
	for _, item := range environ {
		switch name, _, _ := strings.Cut(item, "="); name {
		case "UID", "GID", "GIDLIST":
		default:
			rest = append(rest, item)
		}
	}
	return ids, rest, nil
}

// become drops rights and executes prog.
func become(prog, environ []string, ids privilege.IDs) error {
	if err := privilege.Drop(ids); err != nil {
		return err
	}
	entry.CloseAgain()
	return Exec(prog, environ)
}
