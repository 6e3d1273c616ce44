package guard

import (
	"os"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/material"
	"ucspitls/internal/option"
	"ucspitls/internal/privilege"
)

// A Process is the life of a guard.
type Process struct {
	Backend backend.KeyHolder
	Server  bool
	Check   func() error // starts the library; what must be so before a key is used: TLS_FIPS
	// Untraced refuses a tracer before a file is opened, Confine goes into the
	// sandbox: root reports whether the process was started as root.
	Untraced func(root bool) error
	Confine  func(root bool, ids privilege.IDs) error
}

// Run is a guard from its start to its end; words are those behind its
// argv[0]. What is wrong with the files is the other side's to report.
func (x *Process) Run(words []string) error {
	fd.CloseFrom(3)
	shared := len(words) == 3 && words[2] == forMany
	if len(words) != 2 && !shared || !fd.IsSocket(0) {
		return diag.Fail(diag.Usage, "the key guard is not to be started by hand")
	}
	parent, ok1 := option.Number(words[0])
	level, ok2 := option.Number(words[1])
	if !ok1 || !ok2 {
		return diag.Fail(diag.Usage, "the key guard is not to be started by hand")
	}
	conn := channel(0)
	if !hide(int(parent)) {
		return nil // nobody is there any more
	}
	s, first, err := x.prepare(uint(level), int(parent), shared)
	if err != nil {
		first = failed(err)
	}
	if _, werr := conn.Write(first.append(nil)); werr != nil || err != nil {
		return quiet(int(first.code))
	}
	defer s.keys.CloseBut(noPair)
	var keys Keys = s
	policy := OneConnection
	if shared {
		keys, policy = s.all, Shared
	}
	start := time.Now()
	service := Service{
		Keys: keys, Server: x.Server,
		MinVersion: s.keys.MinVersion, MaxVersion: s.keys.MaxVersion,
		Policy: policy,
		Clock:  func() time.Duration { return time.Since(start) },
		Sleep:  time.Sleep,
	}
	return service.Serve(conn)
}

func quiet(code int) error {
	if code == 0 {
		return nil
	}
	return diag.Silent(code)
}

// prepare opens the files, gives up rights and reads the default key. The
// answer is the first one. For a shared process it reads all keys.
func (x *Process) prepare(level uint, parent int, shared bool) (s *store, first answer, err error) {
	lookup := os.LookupEnv
	var ids privilege.IDs
	root := privilege.Root()
	if err = x.Untraced(root); err != nil {
		return nil, first, err
	}
	if root {
		if ids, err = privilege.FromEnviron(lookup, privilege.Passwd); err != nil {
			return nil, first, err
		}
	}
	keys, err := material.OpenKeys(os.Environ(), level)
	if err != nil {
		return nil, first, err
	}
	s = &store{keys: keys, hold: x.Backend.HoldKey}
	var der []byte
	name, der, hasDefault, err := keys.Read(0)
	defer func() { clear(der) }()
	if err != nil {
		return nil, first, err
	}
	if err = privilege.Drop(ids); err != nil {
		return nil, first, err
	}
	hide(parent) // new ids have undone some of it
	if err = x.Check(); err != nil {
		return nil, first, err
	}
	if err = x.Confine(root, ids); err != nil {
		return nil, first, err
	}
	if hasDefault {
		if s.fallback, err = s.hold(name, der); err != nil {
			return nil, first, err
		}
		first = publicKey(s.fallback)
	}
	if shared {
		s.all, err = s.readAll()
	}
	return s, first, err
}

// A store is the keys of one connection: the default one, and the files of
// the others until one is chosen.
type store struct {
	keys     *material.Keys
	hold     func(name string, der []byte) (backend.Signer, error)
	fallback backend.Signer
	chosen   bool
	signer   backend.Signer // of the pair that was chosen
	err      error
	all      allKeys // those of a shared process
}

// noPair is no pair's number.
const noPair = 1<<32 - 1

// Use reads what it is asked for first. The policy sees to it that nothing
// else follows.
func (s *store) Use(pair uint32) (backend.Signer, error) {
	if !s.chosen {
		s.chosen = true
		s.keys.CloseBut(pair)
		s.signer, s.err = s.fallback, nil
		if s.fallback = nil; pair != 0 {
			s.signer, s.err = s.read(pair)
		}
	}
	if s.signer == nil && s.err == nil {
		return nil, ErrNoPair
	}
	return s.signer, s.err
}

func (s *store) read(pair uint32) (backend.Signer, error) {
	name, der, ok, err := s.keys.Read(pair)
	defer clear(der)
	if err != nil || !ok {
		return nil, err
	}
	return s.hold(name, der)
}
