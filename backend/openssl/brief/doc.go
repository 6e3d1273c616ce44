// Package brief does in a program on OpenSSL that lives for one connection what
// ucspitls_brief does in others (internal/entry): the monitor thread of Go's
// runtime sleeps a millisecond at a time, not 20 microseconds. It has to be said
// before the runtime starts, so the program imports this package for it.
package brief
