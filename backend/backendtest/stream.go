package backendtest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"ucspitls/backend"
)

func (s suite) closeNotify(t *testing.T) {
	s.either(t, func(t *testing.T, x *session, server bool) {
		x.connect()
		x.peerWrite([]byte("last words"))
		if err := x.peer.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		x.finish() // a FIN behind it changes nothing
		if got := x.read(10); string(got) != "last words" {
			t.Errorf("got %q", got)
		}
		for range 2 {
			if err := x.readEnd(); err != io.EOF {
				t.Fatalf("after close_notify: %v", err)
			}
		}
		x.write([]byte("answer")) // half-close: our direction goes on
		if got := x.peerRead(6); string(got) != "answer" {
			t.Errorf("the peer got %q", got)
		}
		for range 2 { // once is enough, twice is harmless
			if err := x.conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		x.hangUp()
		if n, err := x.peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("the peer's end: %d, %v", n, err)
		}
		if n, err := x.conn.Write([]byte("x")); n != 0 || err == nil || err == backend.ErrAgain {
			t.Errorf("wrote %d, %v after CloseWrite", n, err)
		}
	})
	s.either(t, func(t *testing.T, x *session, server bool) { // the other way round
		x.connect()
		if err := x.conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if n, err := x.peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("the peer's end: %d, %v", n, err)
		}
		x.peerWrite([]byte("still here"))
		if got := x.read(10); string(got) != "still here" {
			t.Errorf("got %q", got)
		}
	})
}

func (s suite) bareFIN(t *testing.T) {
	for _, words := range []string{"", "last words"} {
		s.either(t, func(t *testing.T, x *session, server bool) {
			x.connect()
			if words != "" {
				x.peerWrite([]byte(words))
			}
			x.finish()
			if got := x.read(len(words)); string(got) != words {
				t.Errorf("got %q", got)
			}
			for range 2 {
				if err := x.readEnd(); err != backend.ErrBareEOF {
					t.Fatalf("after a FIN: %v", err)
				}
			}
			x.write([]byte("answer"))
			if got := x.peerRead(6); string(got) != "answer" {
				t.Errorf("the peer got %q", got)
			}
		})
	}
}

// cutRecord: FIN at every offset of a record, of data and of close_notify.
func (s suite) cutRecord(t *testing.T) {
	s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
		for _, data := range []bool{true, false} {
			for cut, size := 1, 2; cut < size; cut++ {
				x, _ := start()
				x.peerWrite([]byte("whole"))
				x.read(5)
				if data {
					x.peerWrite([]byte("cut"))
				} else if err := x.peer.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				size = x.cut(cut)
				for range 2 {
					if e := expect(t, x.readEnd(), backend.Truncated, backend.CutRecord); e.Alert != 0 || e.Peer {
						t.Errorf("%+v", e)
					}
				}
				x.write([]byte("answer"))
				if got := x.peerRead(6); string(got) != "answer" {
					t.Errorf("the peer got %q", got)
				}
			}
		}
	})
}

// transfer compares a long stream in both directions, in random pieces.
func (s suite) transfer(t *testing.T) {
	size := 16 << 20
	if testing.Short() {
		size = 1 << 20
	}
	s.either(t, func(t *testing.T, x *session, server bool) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		x.split = func(have int) int { return 1 + r.IntN(have) }
		x.connect()
		data := make([]byte, size)
		fill := rand.NewChaCha8([32]byte{1})
		fill.Read(data)
		for off := 0; off < size; {
			n := min(size-off, 1+r.IntN(200000))
			x.write(data[off : off+n])
			if !bytes.Equal(x.peerRead(n), data[off:off+n]) {
				t.Fatal("the peer got other bytes")
			}
			x.peerWrite(data[off : off+n])
			if !bytes.Equal(x.read(n), data[off:off+n]) {
				t.Fatal("other bytes than the peer sent")
			}
			off += n
		}
	})
}

func (s suite) tinyWrites(t *testing.T) {
	s.either(t, func(t *testing.T, x *session, server bool) {
		x.connect()
		var want []byte
		for i := range 500 {
			x.write([]byte{byte(i)})
			x.peerWrite([]byte{byte(i)})
			want = append(want, byte(i))
		}
		x.write(nil)
		if !bytes.Equal(x.peerRead(len(want)), want) {
			t.Error("the peer got other bytes")
		}
		got := make([]byte, len(want))
		for i := range got { // tiny reads too
			copy(got[i:], x.read(1))
		}
		if !bytes.Equal(got, want) {
			t.Error("other bytes than the peer sent")
		}
		if n, err := x.conn.Read(make([]byte, 1)); n != 0 || err != backend.ErrAgain {
			t.Errorf("%d, %v on an empty wire", n, err)
		}
	})
}
