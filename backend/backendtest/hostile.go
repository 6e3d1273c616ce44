package backendtest

import (
	"errors"
	"testing"

	"ucspitls/backend"
)

// A Wire is a network that a test holds in its hands: it gives fixed bytes,
// then ErrAgain or whatever End is.
type Wire struct {
	In, Out []byte
	End     error
	Broken  bool // panics
}

func (w *Wire) Read(p []byte) (int, error) {
	if w.Broken {
		panic("broken wire")
	}
	if len(w.In) == 0 {
		if w.End != nil {
			return 0, w.End
		}
		return 0, backend.ErrAgain
	}
	n := copy(p, w.In)
	w.In = w.In[n:]
	return n, nil
}

func (w *Wire) Write(p []byte) (int, error) {
	if w.Broken {
		panic("broken wire")
	}
	w.Out = append(w.Out, p...)
	return len(p), nil
}

// Hostile lets a stranger send w.In and whatever comes behind it: this leads
// to an *Error that does not blame us, and any alert that it names is the one
// in the wire.
func Hostile(t testing.TB, e backend.Endpoint, w *Wire) {
	t.Helper()
	c := e.NewConn(w)
	defer c.Close()
	err := c.Handshake()
	be, ok := errors.AsType[*backend.Error](err)
	if !ok || be.Kind != backend.Handshake || be.Reason == "" || be.Reason == backend.InternalError {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	n := len(w.Out) - 7
	if n >= 0 && w.Out[n] == 21 && w.Out[n+4] == 2 && w.Out[n+5] == 2 && (be.Peer || be.Alert != backend.Alert(w.Out[n+6])) {
		t.Errorf("said %v, sent alert %d", be, w.Out[n+6])
	}
	c.State()
}
