//go:build linux

package soak

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A middle is between client and server, and makes the faults of a plan.
type middle struct {
	p       *plan
	c, s    *net.TCPConn
	both    sync.WaitGroup
	spoiled sync.Once
}

// run moves bytes until both directions have ended.
func (m *middle) run() {
	m.both.Add(2)
	go m.move(m.s, m.c, true)
	go m.move(m.c, m.s, false)
	m.both.Wait()
	m.c.Close()
	m.s.Close()
}

func (m *middle) move(to, from *net.TCPConn, toServer bool) {
	defer m.both.Done()
	r := rand.New(rand.NewPCG(m.p.n, 5))
	buf := make([]byte, 64<<10)
	at := 0
	mine := m.p.toServer == toServer
	for {
		n, err := from.Read(buf)
		b := buf[:n]
		if mine && n > 0 && at+n > m.p.at {
			k := max(0, m.p.at-at)
			switch m.p.fault {
			case cutFault:
				to.Write(b[:k])
				to.CloseWrite()
				io.Copy(io.Discard, from)
				return
			case resetFault:
				to.Write(b[:k])
				m.c.SetLinger(0)
				m.s.SetLinger(0)
				m.c.Close()
				m.s.Close()
				return
			case flipFault:
				m.spoiled.Do(func() { b[min(k, n-1)] ^= 0x10 })
			}
		}
		at += n
		if m.p.fault == slowFault {
			for i := range b {
				if r.IntN(40) == 0 {
					time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
				}
				if _, err = to.Write(b[i : i+1]); err != nil {
					break
				}
			}
		} else if n > 0 {
			if _, e := to.Write(b); e != nil {
				err = e
			}
		}
		if err != nil {
			to.CloseWrite()
			if err != io.EOF {
				io.Copy(io.Discard, from)
			}
			return
		}
	}
}
