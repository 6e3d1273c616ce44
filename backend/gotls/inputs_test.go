package gotls

import (
	"testing"

	"ucspitls/backend/backendtest"
)

func TestInputs(t *testing.T) { backendtest.Inputs(t, Backend) }
