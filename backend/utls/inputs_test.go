package utls

import (
	"testing"

	"ucspitls/backend/backendtest"
)

func TestInputs(t *testing.T) { backendtest.InputsFork(t, Backend) }
