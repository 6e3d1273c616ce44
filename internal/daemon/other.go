//go:build !linux

package daemon

import (
	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/option"
)

func runWorker(backend.Backend, *diag.Printer, *option.Values) error { return refuse() }

func supervise(*diag.Printer, *option.Values, []string, string) error { return refuse() }

func refuse() error {
	return diag.Fail(diag.Config, "no shared tunnel process on this system: unset TLS_IOD")
}
