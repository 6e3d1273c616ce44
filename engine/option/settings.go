package option

import "strconv"

// What to print instead of running.
const (
	ShowNothing = iota
	ShowHelp
	ShowVersion
	ShowFingerprints // s6-tlsc-io
)

// SNI levels of the server tools' -k.
const (
	SNIOff       = 0 // one key pair, whatever name is asked for
	SNIOn        = 1 // the pair of the name, else the default one
	SNIMandatory = 2 // a name without a pair is refused
)

// What -y and -Y ask of a client.
const (
	ClientCertNone = iota
	ClientCertOptional
	ClientCertMandatory
)

// Settings is what a command line said, for any of the programs.
type Settings struct {
	Show      int
	Verbosity uint32

	CloseNotify bool // -S
	Enforce     bool // -J
	Timeout     uint32
	Keep        bool // -Z

	ClientCert int    // server: one of the constants
	sniFlag    uint32 // --sni, --mandatory-sni
	sniLevel   uint32 // -k, which beats the flags
	sniGiven   bool

	SendCert     bool // client: -y
	NoVerifyCert bool
	ServerName   string // client: -k

	NotifyFD        uint32   // -io: -d; 0 is none
	UIDs            []uint32 // s6-tlsd-iod: -u; nil is the default
	ReadFD, WriteFD int      // client wrappers: -6 and -7

	Drop    Drop
	Net     Net
	Tickets Tickets
}

// Drop is which ids prog is to run with: --uid, --gid, --gidlist, --envuidgid.
type Drop struct {
	UID, GID       uint32
	HasUID, HasGID bool
	Groups         []int
	HasGroups      bool
	FromEnv        bool
}

// SNI is the level in force.
func (s *Settings) SNI() uint32 {
	level := s.sniFlag
	if s.sniGiven {
		level = s.sniLevel
	}
	return min(level, SNIMandatory)
}

// ServerIO is the command line, without the name, that tells s6-tlsd-io what
// it needs to know and nothing else.
func (s *Settings) ServerIO() []string {
	args := s.commonIO()
	switch s.ClientCert {
	case ClientCertOptional:
		args = append(args, "-Y")
	case ClientCertMandatory:
		args = append(args, "-y")
	}
	switch s.SNI() {
	case SNIOn:
		args = append(args, "--sni")
	case SNIMandatory:
		args = append(args, "--mandatory-sni")
	}
	return args
}

// ClientIO is the same for s6-tlsc-io.
func (s *Settings) ClientIO() []string {
	args := s.commonIO()
	if s.SendCert {
		args = append(args, "-y")
	}
	if s.NoVerifyCert {
		args = append(args, "--no-verify-cert")
	}
	if s.ServerName != "" {
		// One word: a name that begins with a dash stays a name.
		args = append(args, "-k"+s.ServerName)
	}
	return args
}

func (s *Settings) commonIO() []string {
	args := make([]string, 0, 12)
	if s.Verbosity != 1 {
		args = append(args, "-v", number10(s.Verbosity))
	}
	if s.CloseNotify {
		args = append(args, "-S")
	}
	if s.Enforce {
		args = append(args, "-J")
	}
	if s.Timeout != 0 {
		args = append(args, "-K", number10(s.Timeout))
	}
	return args
}

func number10(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
