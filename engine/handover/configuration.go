package handover

import (
	"slices"
	"strconv"
	"strings"
	"syscall"

	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

// Configuration is all that decides how a server's session is set up: the
// options -y, -Y and -k, and every variable that a server reads. It is sorted,
// so that two can be compared word by word. Values and not digests are
// compared: they are paths and a few words, and a difference can be named.
//
// Left out is what a Session has. Paths mean the same only in the same root
// folder, and relative ones in the same working folder: "/" and "." stand for
// their inodes.
func Configuration(s *option.Settings, environ []string) []string {
	list := make([]string, 0, 16)
	list = append(list, "/="+inode("/"))
	if s.ClientCert != option.ClientCertNone {
		list = append(list, "-y="+strconv.Itoa(s.ClientCert))
	}
	if level := s.SNI(); level > 0 {
		list = append(list, "-k="+strconv.Itoa(int(level)))
	}
	relative := false
	seen := len(list)
	for _, item := range environ {
		name, value, _ := strings.Cut(item, "=")
		v := ucspi.Find(name)
		if v == nil || !Decides(v) {
			continue
		}
		relative = relative || v.Path && value != "" && value[0] != '/'
		list = append(list, item)
	}
	if relative {
		list = append(list, ".="+inode("."))
	}
	// Of two with one name the first counts, as for getenv.
	slices.SortStableFunc(list[seen:], func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	list = slices.CompactFunc(list, func(a, b string) bool { return nameOf(a) == nameOf(b) })
	list = slices.DeleteFunc(list, func(item string) bool {
		_, value, _ := strings.Cut(item, "=")
		return value == ""
	})
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return list
}

// Decides tells whether a variable is part of the configuration.
func Decides(v *ucspi.Variable) bool {
	return v.Name != ucspi.IdleTimeout && v.Name != ucspi.Linger && (v.Reader == "server" || v.Reader == "both")
}

func inode(path string) string {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return "?" // a daemon's will differ, or be as lost
	}
	return strconv.FormatUint(uint64(st.Dev), 10) + ":" + strconv.FormatUint(uint64(st.Ino), 10)
}

// Paths gives the values of all variables that name a file or folder which a
// server reads.
func Paths(environ []string) (list []string) {
	for _, item := range environ {
		name, value, _ := strings.Cut(item, "=")
		if v := ucspi.Find(name); v != nil && v.Path && v.Name != ucspi.KeyLogFile && value != "" {
			list = append(list, value)
		}
	}
	return list
}
