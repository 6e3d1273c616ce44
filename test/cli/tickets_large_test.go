//go:build linux

package cli

import (
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// A client may present more than a ticket holds, and first of all what fits: then
// nobody resumes, and nothing else happens.
func TestTicketsOfLargeClients(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		for _, sizes := range [][]int{{0, 10000, 10000}, {0, 100, 20000, 100}, {0, 3000, 3000, 3000, 3000, 3000, 3000}} {
			cert := pki.New(t).Large(sizes...)
			for _, option := range []string{"-y", "-Y"} {
				r := newRegular(t, program, []string{option}, version, withCert(cert))
				for range 2 {
					if blob, summary := r.visit(); !strings.Contains(blob, serverHash(cert)) {
						t.Errorf("%s %v: no %s in %q\n%s", option, sizes, serverHash(cert), blob, summary)
					}
				}
			}
		}
	})
}
