package session

import (
	"os"

	"ucspitls/backend"
	"ucspitls/internal/material"
	"ucspitls/internal/ucspi"
)

// files is what was opened for either role.
type files struct {
	warnings, notes []string
	endpoint        func(backend.Backend) (backend.Endpoint, error)
	close           func() // wipes and closes; may be called twice
}

// open opens them. The guard is nil where the keys are read here.
func (x *session) open(guard material.Guard) (files, error) {
	s := x.settings
	if x.many {
		m, err := material.OpenService(os.Environ(), uint(s.SNI()), backend.CertMode(s.ClientCert), guard)
		if err != nil {
			return files{}, err
		}
		// The key log stays open, for as long as there are sessions.
		return files{m.Warnings, m.Notes, func(b backend.Backend) (backend.Endpoint, error) { return b.NewServer(&m.Config) }, m.Wipe}, nil
	}
	if x.Server {
		m, err := material.OpenServer(os.Environ(), uint(s.SNI()), backend.CertMode(s.ClientCert), guard)
		if err != nil {
			return files{}, err
		}
		endpoint := func(b backend.Backend) (backend.Endpoint, error) {
			defer m.Wipe()
			return b.NewServer(&m.Config)
		}
		return files{m.Warnings, m.Notes, endpoint, m.Close}, nil
	}
	m, err := material.OpenClient(os.Environ(), s.ServerName, s.SendCert, s.NoVerifyCert, guard)
	if err != nil {
		return files{}, err
	}
	m.Config.Fingerprint = os.Getenv(ucspi.Fingerprint)
	endpoint := func(b backend.Backend) (backend.Endpoint, error) {
		defer m.Wipe()
		return b.NewClient(&m.Config)
	}
	return files{m.Warnings, m.Notes, endpoint, m.Close}, nil
}
