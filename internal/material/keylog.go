package material

import (
	"syscall"

	"ucspitls/backend"
	"ucspitls/internal/ucspi"
)

// A keyLog is the open file of SSLKEYLOGFILE. Its descriptor outlives the
// rights to open it.
type keyLog struct{ fd int }

// isSetID reports whether the process has rights that its caller does not have:
// the caller must not choose a file for it. A variable for the tests.
var isSetID = func() bool {
	return syscall.Getuid() != syscall.Geteuid() || syscall.Getgid() != syscall.Getegid()
}

// keyLog opens the key log, nil if none is asked for.
func (env environment) keyLog(c *backend.Common, report *Report) (*keyLog, error) {
	path := env.get(ucspi.KeyLogFile)
	switch {
	case path == "":
		return nil, nil
	case isSetID():
		report.Notes = append(report.Notes, ucspi.KeyLogFile+" is not looked at in a set-id process")
		return nil, nil
	case c.RequireFIPS:
		return nil, unusable(ucspi.KeyLogFile, "not allowed with "+ucspi.FIPS+"=require")
	}
	const flags = syscall.O_WRONLY | syscall.O_APPEND | syscall.O_CREAT | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	fd, err := openRetrying(path, flags, 0o600)
	if err == syscall.ELOOP {
		return nil, unusable(ucspi.KeyLogFile, backend.Reason("open "+path+": is a symbolic link"))
	}
	if err != nil {
		return nil, fileError(ucspi.KeyLogFile, "open "+path+": ", err)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		syscall.Close(fd)
		return nil, unusable(ucspi.KeyLogFile, backend.Reason(path+": is not a regular file"))
	}
	log := &keyLog{fd}
	c.KeyLog = log.write
	report.Warnings = append(report.Warnings, "the secrets of this session are written to "+path+" ("+ucspi.KeyLogFile+")")
	return log, nil
}

// write appends a line in one write, so that lines of several processes do
// not mix. A log that can't be written does not end a session.
func (log *keyLog) write(line []byte) {
	if log.fd < 0 {
		return
	}
	whole := append(append(make([]byte, 0, len(line)+1), line...), '\n')
	for {
		if _, err := syscall.Write(log.fd, whole); err != syscall.EINTR {
			break
		}
	}
	clear(whole)
}

func (log *keyLog) close() {
	if log != nil && log.fd >= 0 {
		syscall.Close(log.fd)
		log.fd = -1
	}
}
