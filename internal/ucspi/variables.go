// Package ucspi is the UCSPI-TLS protocol as bytes and names: the variables,
// the commands of the control socket, the information blob.
package ucspi

import "strings"

// Variables that hand prog its descriptors (UCSPI-TLS, "Environment").
const (
	CtlFD   = "SSLCTLFD"
	ReadFD  = "SSLREADFD"
	WriteFD = "SSLWRITEFD"
)

// Commands on the control socket. Only the first byte counts.
const (
	Start       = 'y' // start TLS; the control socket is closed at once
	StartReport = 'Y' // start TLS and send the information blob
)

// Configuration, as the -io programs read it from the environment.
const (
	CertFile    = "CERTFILE"
	KeyFile     = "KEYFILE"
	CADir       = "CADIR"
	CAFile      = "CAFILE"
	UID         = "TLS_UID"
	GID         = "TLS_GID"
	MinVersion  = "TLS_MIN_VERSION"
	MaxVersion  = "TLS_MAX_VERSION"
	ALPN        = "TLS_ALPN"
	TicketKeys  = "TLS_TICKETKEYS"
	CRLFile     = "TLS_CRLFILE"
	Export      = "TLS_EXPORT"
	Fingerprint = "TLS_FINGERPRINT"
	FIPS        = "TLS_FIPS"
	IdleTimeout = "TLS_IDLE_TIMEOUT"
	Linger      = "TLS_LINGER"
	Sandbox     = "TLS_SANDBOX"
	KeyGuard    = "TLS_KEYGUARD"
	IOD         = "TLS_IOD"
	KeyLogFile  = "SSLKEYLOGFILE"
)

// A Variable is one row of the table of configuration variables.
type Variable struct {
	Name   string
	Pairs  bool   // NAME:servername is meant too
	Path   bool   // of a file or a directory
	Reader string // who reads it: "server", "client", "both" or "wrapper"
	Help   string // for the man pages
}

// Variables is every configuration variable. What it lists is removed from
// prog's environment unless -Z is given; the man pages are checked against it.
var Variables = [...]Variable{
	// name, pairs, path, reader
	{CertFile, true, true, "both", "certificate chain, PEM or DER"},
	{KeyFile, true, true, "both", "private key, PEM or DER"},
	{CADir, false, true, "both", "directory of trust anchors"},
	{CAFile, false, true, "both", "file of trust anchors"},
	{UID, false, false, "both", "user id to drop to when started as root"},
	{GID, false, false, "both", "group id to drop to when started as root"},
	{MinVersion, false, false, "both", "lowest TLS version: 1.2 or 1.3"},
	{MaxVersion, false, false, "both", "highest TLS version: 1.2 or 1.3"},
	{ALPN, false, false, "both", "application protocols, a comma list"},
	{TicketKeys, false, true, "server", "file with session ticket keys"},
	{CRLFile, false, true, "both", "certificate revocation lists"},
	{Export, false, false, "both", "which connection variables are given to prog: s6 or mod_ssl"},
	{Fingerprint, false, false, "client", "which ClientHello to send"},
	{FIPS, false, false, "both", "require: run only with a FIPS module"},
	{IdleTimeout, false, false, "both", "milliseconds without a byte before the tunnel ends"},
	{Linger, false, false, "both", "milliseconds that the end of a session may take at most"},
	{Sandbox, false, false, "both", "on, require or off"},
	{KeyGuard, false, false, "both", "1: keep the private key in a process of its own"},
	{IOD, false, false, "wrapper", "socket of a shared tunnel process"},
	{KeyLogFile, false, true, "both", "file for TLS secrets, for debugging"},
}

// identityNames are the fixed names of connection information that are in
// mod_ssl's list and not in ours. identityPrefixes catch its families.
var identityNames = [...]string{
	"HTTPS", "SSL_CIPHER_EXPORT", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE",
	"SSL_COMPRESS_METHOD", "SSL_SECURE_RENEG", "SSL_TLS_SNI", "SSL_VERSION_INTERFACE",
	"SSL_VERSION_LIBRARY", "SSL_SRP_USER", "SSL_SRP_USERINFO", "SSL_HANDSHAKE_RTT",
}

var identityPrefixes = [...]string{"SSL_CLIENT_", "SSL_SERVER_", "SSL_PEER_", "SSL_SESSION_"}

// Find is the row of the configuration variable that is called name, or nil.
func Find(name string) *Variable {
	for i := range Variables {
		v := &Variables[i]
		if name == v.Name || v.Pairs && len(name) > len(v.Name) && name[len(v.Name)] == ':' && name[:len(v.Name)] == v.Name {
			return v
		}
	}
	return nil
}

// IsConfiguration reports whether name is a configuration variable.
func IsConfiguration(name string) bool { return Find(name) != nil }

// IsIdentity reports whether name says who the peer is or what was negotiated.
// A program may grant rights on the mere presence of one, so none is ever inherited.
func IsIdentity(name string) bool {
	for i := range Information {
		if name == Information[i].Name {
			return true
		}
	}
	for _, n := range identityNames {
		if name == n {
			return true
		}
	}
	for _, p := range identityPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// IsChannel reports whether name is one of the three that carry descriptors.
func IsChannel(name string) bool { return name == CtlFD || name == ReadFD || name == WriteFD }
