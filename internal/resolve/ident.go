package resolve

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ucspitls/internal/resolve/socket"
)

// maxIdent is more than a reply may have (RFC 1413: 1000 bytes of user id).
const maxIdent = 1100

// An IdentError is what an IDENT server says instead of a user: NO-USER,
// HIDDEN-USER, INVALID-PORT, UNKNOWN-ERROR or something of its own.
type IdentError string

func (e IdentError) Error() string { return "the IDENT server replied " + string(e) }

// Ident asks the host of remote who owns its end of the connection between
// local and remote.
func Ident(local, remote netip.AddrPort, deadline time.Time) (string, error) {
	port, _ := strconv.ParseUint(identPort, 10, 16)
	// From the same address, since the server looks for the pair of both.
	f, err := socket.Connect(syscall.SOCK_STREAM, netip.AddrPortFrom(local.Addr(), 0), netip.AddrPortFrom(remote.Addr(), uint16(port)), deadline)
	if err != nil {
		return "", plain(err)
	}
	defer f.Close()
	f.SetDeadline(deadline)
	ports := strconv.Itoa(int(remote.Port())) + " , " + strconv.Itoa(int(local.Port()))
	if _, err := f.Write([]byte(ports + "\r\n")); err != nil {
		return "", plain(err)
	}
	reply := make([]byte, 0, maxIdent)
	for strings.IndexByte(string(reply), '\n') < 0 && len(reply) < cap(reply) {
		n, err := f.Read(reply[len(reply):cap(reply)])
		reply = reply[:len(reply)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", plain(err)
		}
	}
	line, _, _ := strings.Cut(string(reply), "\n")
	return parseIdent(strings.TrimSuffix(line, "\r"), local.Port(), remote.Port())
}

// parseIdent reads
//
//	6193, 23 : USERID : UNIX : stjohns
//	6195, 23 : ERROR : NO-USER
func parseIdent(line string, local, remote uint16) (string, error) {
	malformed := IdentError("something malformed")
	field := strings.SplitN(line, ":", 4)
	if len(field) < 3 {
		return "", malformed
	}
	theirs, ours, _ := strings.Cut(field[0], ",")
	if strings.TrimSpace(theirs) != strconv.Itoa(int(remote)) || strings.TrimSpace(ours) != strconv.Itoa(int(local)) {
		return "", IdentError("for another connection")
	}
	switch strings.TrimSpace(field[1]) {
	case "USERID":
		if len(field) < 4 {
			return "", malformed
		}
		user := strings.TrimSpace(field[3])
		if !validUser(user) {
			return "", malformed
		}
		return user, nil
	case "ERROR":
		reason := strings.TrimSpace(field[2])
		if reason == "" {
			return "", malformed
		}
		return "", IdentError(reason)
	}
	return "", malformed
}

// maxUser is what a user id may have (RFC 1413, 6).
const maxUser = 512

// validUser reports whether what a stranger's machine calls its user may go into
// an environment. It is meant for scripts that forget their quotes: no space, no
// sign that a shell acts on but those of base64, and a first byte that makes it
// neither an option nor a path.
func validUser(s string) bool {
	if len(s) == 0 || len(s) > maxUser {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("_~[", c) >= 0:
		case i > 0 && strings.IndexByte("+,-./:=@]", c) >= 0:
		default:
			return false
		}
	}
	return true
}
