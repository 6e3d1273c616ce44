//go:build !linux

package wrap

import (
	"ucspitls/internal/diag"
	"ucspitls/internal/ucspi"
)

// handOver: there is no shared tunnel process here. To start an -io instead would
// be to ignore what the administrator wants.
func (m *memory) handOver(_, _, _ int) bool {
	if m.of().Side.Server && m.lookup(ucspi.IOD) != "" {
		m.endNetwork()
		m.fail(diag.Config, ucspi.IOD, ": no shared tunnel process on this system", "")
	}
	return false
}

func (m *memory) verdict() int         { return diag.System }
func (m *memory) relay(_ bool) (_ int) { return -1 }
