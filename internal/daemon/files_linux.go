package daemon

import (
	"os"
	"strconv"
	"syscall"

	"ucspitls/internal/handover"
)

// snapshot is what the files that environ names look like from outside; that
// of a directory has the files in it.
func snapshot(environ []string) string {
	var b []byte
	for _, path := range handover.Paths(environ) {
		b = appendStat(b, path)
		entries, err := os.ReadDir(path)
		if err != nil {
			continue
		}
		for _, e := range entries {
			b = appendStat(append(b, e.Name()...), path+"/"+e.Name())
		}
	}
	return string(b)
}

func appendStat(b []byte, path string) []byte {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return append(b, "? "...)
	}
	for _, n := range []int64{int64(st.Dev), int64(st.Ino), st.Size, int64(st.Mtim.Sec), int64(st.Mtim.Nsec), int64(st.Ctim.Sec), int64(st.Ctim.Nsec)} {
		b = strconv.AppendInt(append(b, ' '), n, 36)
	}
	return b
}
