// Package openssl is the backend on OpenSSL's libssl, version 3.0 or later,
// for builds that need its FIPS provider and for sites that govern TLS
// through OpenSSL's configuration. It is compiled with the tag openssl and
// with cgo; without the tag the package is empty, so that a tree can be built
// where there are no OpenSSL headers.
//
// Go fills and drains the two queues of a connection around each call into C,
// and asks for the certificate of a server name between two calls. C keeps no
// pointer to Go's memory, and calls Go for one thing alone: a signature of a
// key that a guard has (guard.c). One C function makes the SSL
// call and looks at the thread's error queue, for a goroutine may be on
// another thread at the next call.
package openssl
