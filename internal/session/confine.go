package session

import (
	"errors"
	"os"

	"ucspitls/internal/diag"
	"ucspitls/internal/privilege"
	"ucspitls/internal/privilege/sandbox"
	"ucspitls/internal/ucspi"
)

// Untraced refuses to go on with code 97 if somebody traces the process, before
// it has a secret. Whoever traces a process that was started as root is root,
// and is let be unless the sandbox is required.
func Untraced(root bool) error {
	mode := os.Getenv(ucspi.Sandbox)
	if !checksTracer(mode, root) {
		return nil
	}
	switch err := sandbox.Traced(); {
	case err == sandbox.ErrTraced:
		return tracedError()
	case err != nil && mode == "require":
		return diag.Fail(diag.Setup, ucspi.Sandbox, "=require: no look for a tracer (", err.Error(), ")")
	}
	return nil
}

func checksTracer(mode string, root bool) bool {
	return mode == "require" || mode != "off" && !root
}

func tracedError() error {
	return diag.Fail(diag.Setup, sandbox.ErrTraced.Error(), ": it would have the session and the key; ", ucspi.Sandbox, "=off allows it")
}

// confine puts the process, which was started as root or not and then became
// ids, into a sandbox as TLS_SANDBOX says: unless it is "off" as much of
// it as the system has, all of it if it is "require".
func confine(p *diag.Printer, profile sandbox.Profile, root bool, ids privilege.IDs) error {
	mode := os.Getenv(ucspi.Sandbox)
	if mode == "off" {
		return nil
	}
	check := sandbox.Check{Untraced: checksTracer(mode, root), Proof: mode == "require", IDs: sandbox.IDs{UID: -1, GID: -1}}
	if ids.HasUID {
		check.IDs.UID = int(ids.UID)
	}
	if ids.HasGID {
		check.IDs.GID = int(ids.GID)
	}
	err := sandbox.Enter(profile, check)
	switch {
	case err == nil:
		p.Debug("in the sandbox")
	case errors.Is(err, sandbox.ErrTraced):
		return tracedError()
	case mode == "require":
		return diag.Fail(diag.Setup, ucspi.Sandbox, "=require: ", err.Error())
	case profile == sandbox.Guard:
		// Who started it is on the same system, and has said so.
	default:
		p.Warning("sandbox: ", err.Error(), "; ", ucspi.Sandbox, "=off runs without any of it, and without this line")
	}
	return nil
}
