//go:build openssl && cgo

package openssl

import (
	"testing"

	"ucspitls/backend/backendtest"
)

func TestInputs(t *testing.T) { backendtest.Inputs(t, Backend) }
