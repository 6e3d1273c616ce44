package ucspi

import "ucspitls/backend/hostname"

// What prog is told about a connection.
const (
	Protocol        = "SSL_PROTOCOL"
	Cipher          = "SSL_CIPHER"
	ServerName      = "SSL_TLS_SNI_SERVERNAME"
	PeerCertHash    = "SSL_PEER_CERT_HASH"
	PeerCertSubject = "SSL_PEER_CERT_SUBJECT"
	NegotiatedALPN  = "SSL_ALPN"
)

// An Item is a variable that a tunnel may give to prog, and the form of its values.
type Item struct {
	Name string
	form form
	max  int // bytes of a value; 0: what MaxItem leaves
}

// MaxItem is the longest NAME=value, in bytes, that an execve takes with room
// to spare (MAX_ARG_STRLEN is 128 KiB on Linux).
const MaxItem = 100 << 10

// Information is every variable that a tunnel may set, in the order in which
// they are sent. It is a closed list: a wrapper takes nothing else from its
// tunnel, and each at most once.
var Information = [...]Item{
	{Protocol, version, 0},
	{Cipher, token, 64},
	{ServerName, host, 0},
	{PeerCertHash, digest, 0},
	{PeerCertSubject, subject, 0},
	{NegotiatedALPN, printable, 255},
}

// A form is an alphabet, or a list of values.
type form uint8

const (
	version   form = iota // TLSv1.2, TLSv1.3
	token                 // a cipher suite: upper-case letters, digits, - and _
	host                  // a host name
	digest                // SHA256: and 64 lower-case hexadecimal digits
	subject               // printable ASCII that begins with a slash
	printable             // ASCII, with the blank
)

// Valid reports whether value is one that the variable can have.
func (i *Item) Valid(value string) bool {
	if value == "" || i.max > 0 && len(value) > i.max {
		return false
	}
	switch i.form {
	case version:
		return value == "TLSv1.2" || value == "TLSv1.3"
	case host:
		return hostname.Valid(value)
	case digest:
		const prefix = "SHA256:"
		return len(value) == len(prefix)+64 && value[:len(prefix)] == prefix && isAll(value[len(prefix):], digest)
	case subject:
		return value[0] == '/' && isAll(value, printable)
	}
	return isAll(value, i.form)
}

// isAll reports whether s has only characters of f.
func isAll(s string, f form) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		digit := '0' <= c && c <= '9'
		switch f {
		case token:
			if !digit && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
				return false
			}
		case digest:
			if !digit && (c < 'a' || c > 'f') {
				return false
			}
		default:
			if !IsPrintable(c) {
				return false
			}
		}
	}
	return true
}

// IsPrintable reports whether c is printable ASCII or the blank.
func IsPrintable(c byte) bool { return ' ' <= c && c <= '~' }
