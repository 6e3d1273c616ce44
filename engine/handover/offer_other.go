//go:build !linux

package handover

import "ucspitls/engine/diag"

// A Refusal is why there is no hand-over.
type Refusal struct {
	Level uint
	Text  []string
}

// A Link is the connection to a daemon that has said go.
type Link struct{}

// Offer: there is no shared tunnel process here. To start an -io instead would
// be to ignore what the administrator wants.
func Offer(string, *Session, []string, ...uint32) (*Link, *Refusal, error) {
	return nil, nil, diag.Fail(diag.Config, "TLS_IOD: no shared tunnel process on this system")
}

func (*Link) Send(Files) error              { return nil }
func (*Link) Wait(func(string)) (int, bool) { return 0, false }
func (*Link) Drain(func(string))            {}
func (*Link) Close()                        {}
