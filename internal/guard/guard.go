package guard

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/wrap"
)

// patience is how long an answer may take. It bounds a guard that was stopped.
const patience = 30 * time.Second

// A Guard is the other side of a guard's socket. It is a material.Guard. It
// may be used by any goroutine: one request waits for the answer to another.
type Guard struct {
	mu    sync.Mutex
	conn  io.ReadWriteCloser
	ready bool   // the first answer was read
	first []byte // the default pair's public key
	pair  uint32 // what it was committed to ...
	key   []byte // ... and its public key
	err   error  // it can't be used any more, and conn is closed
	late  error  // what it means if an answer does not come in time

	lostChan chan struct{} // closed with conn; nil if nobody watches
}

// Start starts a guard of this process, which opens the key files of the
// environment. program is the name of this one, sniLevel as for
// material.OpenKeys. An answer that takes longer than limit is the error late;
// without a limit, or with one above 30 s, it is an error of the guard after 30 s.
// The descriptors in ours are not inherited by it, nor by anything that is
// started later. The child is not to be waited for.
func Start(program string, sniLevel uint, limit time.Duration, late error, ours ...int) (*Guard, error) {
	if limit <= 0 || limit > patience {
		limit, late = patience, broken("the key guard did not answer in time")
	}
	return start(program, sniLevel, limit, late, nil, ours)
}

func start(program string, sniLevel uint, limit time.Duration, late error, more []string, ours []int) (*Guard, error) {
	for _, n := range ours {
		if n > 2 { // these three it has of its own
			syscall.CloseOnExec(n)
		}
	}
	mine, its, err := fd.SocketPair()
	if err != nil {
		return nil, diag.FailSys("make a socket for the key guard", err)
	}
	defer syscall.Close(its)
	tv := syscall.NsecToTimeval(limit.Nanoseconds())
	for _, option := range []int{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} {
		if err := syscall.SetsockoptTimeval(mine, syscall.SOL_SOCKET, option, &tv); err != nil {
			syscall.Close(mine)
			return nil, diag.FailSys("set up the socket of the key guard", err)
		}
	}
	// No zombie: it ends in the middle of a session that may last for days.
	signal.Ignore(syscall.SIGCHLD)
	exe := wrap.Self(program)
	argv := append([]string{name(program), diag.Int(os.Getpid()), diag.Uint(uint64(sniLevel))}, more...)
	if _, err := syscall.ForkExec(exe, argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{uintptr(its), 2, 2}}); err != nil {
		syscall.Close(mine)
		return nil, diag.FailSys("start the key guard "+exe, err)
	}
	return &Guard{conn: channel(mine), late: late}, nil
}

// name is argv[0] of a guard, which is also what ps shows.
func name(program string) string { return program + ": key guard of" }

// Is reports whether this process was started as a guard.
func Is(program string, words []string) bool { return len(words) > 0 && words[0] == name(program) }

// Ready waits until the guard has its files. Its error is what is wrong with
// them, or with the default pair's key.
func (g *Guard) Ready() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.isReady()
}

func (g *Guard) isReady() error {
	if g.ready || g.err != nil {
		return g.err
	}
	g.ready = true
	first, err := g.answer()
	if err != nil {
		return g.end(err)
	}
	g.first = first
	return nil
}

// Use implements material.Guard.
func (g *Guard) Use(pair uint32) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.use(pair)
}

func (g *Guard) use(pair uint32) error {
	if err := g.isReady(); err != nil {
		return err
	}
	key, err := g.ask(&request{op: opUse, pair: pair})
	if err == nil {
		g.pair, g.key = pair, key
	}
	return err
}

// Signer implements material.Guard.
func (g *Guard) Signer(pair uint32) backend.Signer { return &signer{g, pair} }

// Close ends the guard. It may be called again.
func (g *Guard) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end(broken("the key guard was ended"))
}

// end ends the guard for a reason, of which the first counts.
func (g *Guard) end(err error) error {
	if g.err == nil {
		g.err = err
		g.conn.Close()
		if g.lostChan != nil {
			close(g.lostChan)
		}
	}
	return g.err
}

// A signer is a pair's key, seen from here.
type signer struct {
	*Guard
	pair uint32
}

func (s *signer) Public() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.isReady(); err != nil {
		return nil, err
	}
	if s.pair == 0 {
		return s.first, nil
	}
	if s.Guard.pair != s.pair {
		if err := s.use(s.pair); err != nil {
			return nil, err
		}
	}
	return s.key, nil
}

func (s *signer) Sign(version, scheme uint16, message []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.isReady(); err != nil {
		return nil, err
	}
	return s.ask(&request{op: opSign, pair: s.pair, version: version, scheme: scheme, message: message})
}

// ask sends a request and reads its answer.
func (g *Guard) ask(r *request) ([]byte, error) {
	if g.err != nil {
		return nil, g.err
	}
	if _, err := g.conn.Write(r.append(nil)); err != nil {
		return nil, g.lost(err)
	}
	return g.answer()
}

func (g *Guard) answer() ([]byte, error) {
	var head [answerHead]byte
	if _, err := io.ReadFull(g.conn, head[:]); err != nil {
		return nil, g.lost(err)
	}
	code, length, ok := parseAnswer(&head)
	if !ok {
		return nil, g.end(broken("the key guard sent a malformed answer"))
	}
	a := answer{code, make([]byte, length)}
	if _, err := io.ReadFull(g.conn, a.body); err != nil {
		return nil, g.lost(err)
	}
	if err := a.err(); err != nil {
		return nil, err
	}
	return a.body, nil
}

// lost is for good: the answer to come might be that to another request.
func (g *Guard) lost(err error) error {
	if err == syscall.EAGAIN {
		return g.end(g.late)
	}
	return g.end(broken("the key guard ended without an answer"))
}

func broken(r backend.Reason) error {
	return &backend.Error{Kind: backend.Setup, Where: "TLS_KEYGUARD=1", Reason: r}
}
