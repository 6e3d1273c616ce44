//go:build !linux

package listen

import (
	"net/netip"

	"ucspitls/internal/diag"
)

func newTunnels(int) (*tunnels, error) {
	return nil, diag.Fail(diag.Config, "--count-tunnels: this system does not tell about connections")
}

func (t *tunnels) identify(int, netip.AddrPort) (connection, error) { return connection{}, nil }

func (t *tunnels) owned(connection) bool { return false }
