package utls

import (
	"crypto/tls"
	"slices"

	utls "github.com/refraction-networking/utls"
)

// offeredGroups are those that crypto/tls has too.
func offeredGroups(s *utls.ClientHelloSpec) (groups []tls.CurveID) {
	for _, x := range s.Extensions {
		if x, ok := x.(*utls.SupportedCurvesExtension); ok {
			for _, g := range x.Curves {
				if g := tls.CurveID(g); slices.Contains([]tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}, g) {
					groups = append(groups, g)
				}
			}
		}
	}
	return groups
}
