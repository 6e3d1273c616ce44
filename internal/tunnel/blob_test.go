package tunnel

import (
	"strings"
	"testing"
	"time"
)

// TestBlobBlocksNobody: a prog that does not read the information still gets its data.
func TestBlobBlocksNobody(t *testing.T) {
	w := newWorld(options{pipe: 100, window: 1000, chunk: 1000})
	w.notify.Size = 2
	if err := w.run(strings.Fields("hello d50000 w50000")...); err != nil {
		t.Fatal(err)
	}
	data, _, _ := w.received()
	if len(data) != 50000 || len(w.got) != 50000 {
		t.Fatalf("%d bytes to the peer, %d to prog", len(data), len(w.got))
	}
	if string(w.notify.Buf) != "bl" || !w.notify.Writer {
		t.Fatalf("notified %q", w.notify.Buf)
	}
}

// TestUnreadBlob: a prog that leaves it unread leaves no descriptor behind.
func TestUnreadBlob(t *testing.T) {
	w := newWorld(options{pipe: 1 << 16, window: 1 << 20, chunk: 1 << 20})
	w.notify.Size = 2
	if err := w.run(strings.Fields("hello w5 closeW fin")...); err != nil {
		t.Fatal(err)
	}
	if !w.done || w.err != nil || w.notify.Writer {
		t.Errorf("done %v, %v, still open %v", w.done, w.err, w.notify.Writer)
	}
}

// TestBlobBeforeAFault: the handshake is done, so prog is told, even if what
// came right behind it ends the session.
func TestBlobBeforeAFault(t *testing.T) {
	w := newWorld(options{pipe: 1 << 16, window: 1 << 20, chunk: 1 << 20})
	w.do("hello")
	w.do("bad")
	if err := w.finish(time.Minute); err != nil {
		t.Fatal(err)
	}
	if string(w.notify.Buf) != "blob" || w.err == nil {
		t.Errorf("told %q, ended with %v", w.notify.Buf, w.err)
	}
}
