package session

import (
	"strings"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/ucspi"
)

// knownFingerprint refuses a value that no name in the list stands for.
func knownFingerprint(list []backend.Fingerprint, value string) error {
	text := []string{ucspi.Fingerprint, ": unknown value ", value, " (one of:"}
	for _, f := range list {
		text = append(text, " "+f.Name)
		name, seeded := strings.CutSuffix(f.Name, "[:SEED]")
		if value == name || seeded && len(value) > len(name)+1 && strings.HasPrefix(value, name+":") {
			return nil
		}
	}
	return diag.Fail(diag.Usage, append(text, ")")...)
}

// listFingerprints is --list-fingerprints: a name and a JA4 on each line.
func listFingerprints(b backend.Backend) error {
	f, ok := b.(backend.Fingerprinter)
	if !ok {
		return diag.Fail(diag.Config, "--list-fingerprints: the backend ", b.Info().Name, " can't choose its ClientHello")
	}
	var text strings.Builder
	for _, f := range f.Fingerprints() {
		text.WriteString(f.Name + strings.Repeat(" ", max(1, 28-len(f.Name))) + f.JA4 + "\n")
	}
	return diag.Out(text.String())
}
