package guard

import (
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/backend"
)

// forMany is the last word of a guard that a shared tunnel process starts.
const forMany = "shared"

// shortPatience is the same as patience where all sessions wait for an answer.
const shortPatience = 10 * time.Second

// allKeys is the keys of a process with many connections, by their pairs.
type allKeys []backend.Signer

// Use implements Keys.
func (k allKeys) Use(pair uint32) (backend.Signer, error) {
	if uint64(pair) >= uint64(len(k)) || k[pair] == nil {
		return nil, ErrNoPair
	}
	return k[pair], nil
}

// readAll reads the keys of all server names.
func (s *store) readAll() (allKeys, error) {
	all := allKeys{s.fallback}
	for {
		key, err := s.read(uint32(len(all)))
		if err != nil {
			return nil, err
		}
		if key == nil {
			return all, nil
		}
		all = append(all, key)
	}
}

// StartShared is Start for a process that serves many connections: its guard
// signs for all pairs, at the rate of Shared, and lives as long as the process.
func StartShared(program string, sniLevel uint, ours ...int) (*Guard, error) {
	late := broken("the key guard did not answer in time")
	return start(program, sniLevel, shortPatience, late, []string{forMany}, ours)
}

// Watch closes lost once the guard has ended or can't be used any more. Call it
// once, when the guard is ready.
func (g *Guard) Watch() (lost <-chan struct{}) {
	done := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lostChan = done; g.err != nil {
		close(done)
		return done
	}
	if c, ok := g.conn.(channel); ok {
		go func() {
			awaitEnd(c)
			g.Close()
		}()
	}
	return done
}

// awaitEnd waits until nobody has the other end. It takes nothing from the socket.
func awaitEnd(c channel) {
	p := []unix.PollFd{{Fd: int32(c)}} // for its end alone
	for {
		n, err := unix.Poll(p, -1)
		if n > 0 || err != nil && err != unix.EINTR && err != unix.EAGAIN {
			return
		}
	}
}
