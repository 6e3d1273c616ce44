package session

import (
	"ucspitls/engine/diag"
	"ucspitls/engine/privilege/sandbox"
	"ucspitls/engine/ucspi"
)

// confine puts the process into the sandbox of p as TLS_SANDBOX says: unless it
// is "off" as much of it as the system has, all of it if it is "require".
func (x *session) confine(mode string, p sandbox.Profile) error {
	if mode == "off" {
		return nil
	}
	err := sandbox.Enter(p)
	switch {
	case err == nil:
		x.Debug("in the sandbox")
	case mode == "require":
		return diag.Fail(diag.Setup, ucspi.Sandbox, "=require: ", err.Error())
	default:
		x.Info("sandbox: ", err.Error())
	}
	return nil
}
