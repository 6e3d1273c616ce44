package utls

import (
	"crypto/sha256"

	utls "github.com/refraction-networking/utls"

	"ucspitls/backend"
)

// A helloFunc makes a ClientHello; every connection has its own, as newer
// browsers shuffle theirs.
type helloFunc func() (utls.ClientHelloSpec, error)

func helloOf(id utls.ClientHelloID) helloFunc {
	return func() (utls.ClientHelloSpec, error) { return utls.UTLSIdToSpec(id) }
}

// A preset is the ClientHello of one version of a program.
type preset struct {
	name  string
	hello helloFunc
	ja4   string // with the ALPN of the program and a short server name
}

// presets leaves out what uTLS has but can't be had here: ClientHellos that
// resume a session, and those with the draft of Kyber, which was withdrawn.
var presets = []preset{
	{"chrome_58", helloOf(utls.HelloChrome_58), ""},
	{"chrome_62", helloOf(utls.HelloChrome_62), ""},
	{"chrome_70", helloOf(utls.HelloChrome_70), ""},
	{"chrome_72", helloOf(utls.HelloChrome_72), ""},
	{"chrome_83", helloOf(utls.HelloChrome_83), ""},
	{"chrome_87", helloOf(utls.HelloChrome_87), ""},
	{"chrome_96", helloOf(utls.HelloChrome_96), ""},
	{"chrome_100", helloOf(utls.HelloChrome_100), ""},
	{"chrome_102", helloOf(utls.HelloChrome_102), ""},
	{"chrome_106", helloOf(utls.HelloChrome_106_Shuffle), ""},
	{"chrome_120", helloOf(utls.HelloChrome_120), ""},
	{"chrome_131", helloOf(utls.HelloChrome_131), ""},
	{"chrome_133", helloOf(utls.HelloChrome_133), ""},
	{"firefox_55", helloOf(utls.HelloFirefox_55), ""},
	{"firefox_56", helloOf(utls.HelloFirefox_56), ""},
	{"firefox_63", helloOf(utls.HelloFirefox_63), ""},
	{"firefox_65", helloOf(utls.HelloFirefox_65), ""},
	{"firefox_99", helloOf(utls.HelloFirefox_99), ""},
	{"firefox_102", helloOf(utls.HelloFirefox_102), ""},
	{"firefox_105", helloOf(utls.HelloFirefox_105), ""},
	{"firefox_120", helloOf(utls.HelloFirefox_120), ""},
	{"safari_16.0", helloOf(utls.HelloSafari_16_0), ""},
	{"ios_11.1", helloOf(utls.HelloIOS_11_1), ""},
	{"ios_12.1", helloOf(utls.HelloIOS_12_1), ""},
	{"ios_13", helloOf(utls.HelloIOS_13), ""},
	{"ios_14", helloOf(utls.HelloIOS_14), ""},
	{"edge_85", helloOf(utls.HelloEdge_85), ""},
	{"edge_106", helloOf(utls.HelloEdge_106), ""},
	{"android_11", helloOf(utls.HelloAndroid_11_OkHttp), ""},
}

// families are programs, each with the newest preset that there is of it.
var families = []struct{ name, newest string }{
	{"chrome", "chrome_133"},
	{"firefox", "firefox_120"},
	{"safari", "safari_16.0"},
	{"ios", "ios_14"},
	{"edge", "edge_106"},
	{"android", "android_11"},
}

func find(name string) *preset {
	for i := range presets {
		if presets[i].name == name {
			return &presets[i]
		}
	}
	return nil
}

// randomized are ClientHellos of nobody, each with what it says about ALPN.
var randomized = []random{
	{name: "randomized"},
	{name: "randomized-alpn", needs: true},
	{name: "randomized-noalpn", refuses: true},
}

type random struct {
	name           string
	needs, refuses bool
}

// choose gives the same ClientHello for the same seed, and another one for
// every connection if the seed is empty.
func (r random) choose(seed string, alpn bool) (helloFunc, backend.Reason) {
	switch {
	case alpn && r.refuses:
		return nil, backend.FingerprintALPN
	case !alpn && r.needs:
		return nil, backend.FingerprintNoALPN
	}
	id, weights := utls.HelloRandomized, utls.DefaultWeights
	// With what uTLS has by default one handshake in seven fails.
	weights.TLSVersMax_Set_VersionTLS13 = 1
	weights.CurveIDs_Append_X25519 = 1
	weights.KeyShare_Append_RandomGroups = 1
	weights.Extensions_Append_ALPS = 0 // names h2, whatever the ALPN
	weights.Extensions_Append_ALPN = 0
	if alpn {
		weights.Extensions_Append_ALPN = 1
	}
	id.Weights = &weights
	if seed != "" {
		sum := utls.PRNGSeed(sha256.Sum256([]byte(seed)))
		id.Seed = &sum
	}
	return helloOf(id), ""
}
