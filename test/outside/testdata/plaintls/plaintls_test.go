package plaintls

import (
	"testing"

	"ucspitls/backend/backendtest"
)

func TestBackend(t *testing.T) { backendtest.RunWithoutTickets(t, Backend) }
