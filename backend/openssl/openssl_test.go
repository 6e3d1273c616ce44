//go:build openssl && cgo

package openssl

import (
	"testing"

	"ucspitls/backend/backendtest"
)

func TestBackend(t *testing.T)      { backendtest.Run(t, Backend) }
func BenchmarkBackend(b *testing.B) { backendtest.Bench(b, Backend) }
