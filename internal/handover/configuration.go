package handover

import (
	"strings"
	"syscall"

	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// Configuration gives the configuration of this process in the form of a hello.
func Configuration(v *option.Values, environ []string) []byte {
	h := &Hello{}
	env := words.Of(environ)
	h.Configuration(v, &env, place("/"), place("."))
	return h.Bytes()
}

func place(path string) Place {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	return Place{err == nil, uint64(st.Dev), uint64(st.Ino)}
}

// Paths gives the values of all variables that name a file or directory which a
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
