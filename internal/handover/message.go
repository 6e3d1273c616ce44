// Package handover is how a wrapper gives a session to the shared tunnel
// process, s6-tlsd-iod, instead of starting an -io for it. Wrappers link it: it
// imports no TLS, and nothing that costs start-up time.
//
// Each message is one packet of a unix SOCK_SEQPACKET socket, and its first
// byte says what it is:
//
//	wrapper                                            s6-tlsd-iod
//	   │ connect; each looks at the other's credentials     │
//	   │                                                    │
//	   │ 'H' version session\0 configuration\0              │
//	   ├───────────────────────────────────────────────────►│ is it as mine?
//	   │ 'G' go, or 'D' what differs, or 'B' busy           │
//	   │◄───────────────────────────────────────────────────┤
//	   │ 'F' roles, and the descriptors (SCM_RIGHTS)        │
//	   ├───────────────────────────────────────────────────►│ from here on it is
//	   │                                                    │ the -io
//	   │ 'L' a line for stderr, any number of them          │
//	   │◄───────────────────────────────────────────────────┤
//	   │ 'E' exit code                                      │
//	   │◄───────────────────────────────────────────────────┤
//
// session and configuration are lists as in the information blob: NAME=value\0
// for each item, and \0 behind the last. What is in session may differ from
// one session to the next and is simply obeyed; what is in configuration must be
// what the daemon was started with, word by word. Whatever keeps the wrapper
// from sending 'F' only means that it starts an -io of its own; after it nothing
// does.
package handover

import (
	"strings"

	"ucspitls/internal/option"
)

// What a message is, its first byte.
const (
	KindHello   = 'H'
	KindGo      = 'G'
	KindDiffers = 'D'
	KindBusy    = 'B'
	KindFiles   = 'F'
	KindLine    = 'L'
	KindEnd     = 'E'
)

// Version is the protocol's.
const Version = 1

// MaxMessage is the longest message, in bytes: what a socket takes as the
// system comes.
const MaxMessage = 192 << 10

// A Session is what may differ from one session to the next.
type Session struct {
	ID          string // prog's pid
	Remote      string // the peer's address, for messages
	Verbosity   uint32
	CloseNotify bool   // -S
	Enforce     bool   // -J
	Timeout     uint32 // -K, milliseconds
	Idle        string // TLS_IDLE_TIMEOUT
	Linger      string // TLS_LINGER
	// Delayed is set where the wrapper's process waits for the end: it prints
	// what the session says, and its death is the session's.
	Delayed bool
}

// ParseHello reads the first message. configuration is what follows the session. why says what can't be understood, "" if all can.
func ParseHello(b []byte) (s Session, configuration []byte, why string) {
	if len(b) < 2 || b[0] != KindHello {
		return s, nil, "message"
	}
	if b[1] != Version {
		return s, nil, "protocol version"
	}
	text := string(b[2:])
	for {
		item, rest, found := strings.Cut(text, "\x00")
		if !found {
			return s, nil, "message"
		}
		text = rest
		if item == "" {
			break
		}
		name, value, found := strings.Cut(item, "=")
		if !found || !s.set(name, value) {
			return s, nil, name
		}
	}
	return s, b[len(b)-len(text):], ""
}

// set takes one item of a session. An unknown one is a wish that can't be met.
func (s *Session) set(name, value string) (ok bool) {
	switch name {
	case "id":
		_, ok = option.Number(value)
		ok = ok && len(value) <= len("4294967295") // no zeros without end: it stands in lines
		s.ID = value
	case "remote":
		s.Remote, ok = value, true
	case "-v":
		s.Verbosity, ok = option.Number(value)
	case "-S":
		s.CloseNotify, ok = true, value == "1"
	case "-J":
		s.Enforce, ok = true, value == "1"
	case "-K":
		s.Timeout, ok = option.Number(value)
	case "idle":
		_, ok = option.Number(value)
		s.Idle = value
	case "linger":
		var n uint32
		n, ok = option.Number(value)
		ok = ok && n > 0
		s.Linger = value
	case "delayed":
		s.Delayed, ok = true, value == "1"
	}
	return ok
}

// Differs names the first item in which two configurations differ.
func Differs(mine, theirs []byte) string {
	ours, rest := lists(mine), lists(theirs)
	for i := 0; ; i++ {
		switch {
		case i == len(ours) && i == len(rest):
			return "configuration"
		case i == len(ours):
			return nameOf(rest[i])
		case i == len(rest):
			return nameOf(ours[i])
		case ours[i] == rest[i]:
		case nameOf(ours[i]) == nameOf(rest[i]):
			return nameOf(ours[i])
		default: // one of them has an item that the other has not: they are in order
			return min(nameOf(ours[i]), nameOf(rest[i]))
		}
	}
}

func lists(b []byte) []string {
	text := strings.TrimRight(string(b), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

func nameOf(item string) string {
	name, _, _ := strings.Cut(item, "=")
	return name
}

// Roles of descriptors in the second message, a letter each.
const (
	Network    = 'n' // both directions
	NetworkIn  = 'i'
	NetworkOut = 'o'
	FromProg   = 'r'
	ToProg     = 'w'
	Notify     = 'd' // takes the information blob
)

// Files are the descriptors of a session. Notify is negative if there is none;
// NetIn and NetOut may be the same.
type Files struct{ NetIn, NetOut, FromProg, ToProg, Notify int }

// ParseFiles gives each descriptor its role; every one is used once.
func ParseFiles(b []byte, fds []int) (f Files, ok bool) {
	f = Files{-1, -1, -1, -1, -1}
	if len(b) != len(fds)+1 || b[0] != KindFiles {
		return f, false
	}
	for i, role := range b[1:] {
		var place *int
		switch role {
		case Network:
			if f.NetOut != -1 {
				return f, false
			}
			f.NetOut = fds[i]
			place = &f.NetIn
		case NetworkIn:
			place = &f.NetIn
		case NetworkOut:
			place = &f.NetOut
		case FromProg:
			place = &f.FromProg
		case ToProg:
			place = &f.ToProg
		case Notify:
			place = &f.Notify
		default:
			return f, false
		}
		if *place != -1 {
			return f, false
		}
		*place = fds[i]
	}
	return f, f.NetIn >= 0 && f.NetOut >= 0 && f.FromProg >= 0 && f.ToProg >= 0
}

// The daemon's messages.
var (
	Go   = []byte{KindGo}
	Busy = []byte{KindBusy}
)

// DiffersIn is the message that names what differs.
func DiffersIn(name string) []byte { return append([]byte{KindDiffers}, name...) }

// Line is the message of a line for stderr, "level: text".
func Line(text string) []byte { return append([]byte{KindLine}, text...) }

// End is the last message.
func End(code int) []byte { return []byte{KindEnd, byte(code)} }
