package utls

import (
	"crypto/sha256"
	"slices"

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
	ja4   string // with the ALPN of the program
}

// presets leaves out what uTLS has but can't be had here: ClientHellos that
// resume a session, and those with the draft of Kyber, which was withdrawn.
var presets = []preset{
	{"chrome_58", helloOf(utls.HelloChrome_58), "t12d1311h2_8b80da21ef18_eb7c9aabf852"},
	{"chrome_62", helloOf(utls.HelloChrome_62), "t12d1311h2_8b80da21ef18_eb7c9aabf852"},
	{"chrome_70", helloOf(utls.HelloChrome_70), "t13d1616h2_46e7e9700bed_4551aecd7b38"},
	{"chrome_72", helloOf(utls.HelloChrome_72), "t13d1615h2_46e7e9700bed_45f260be83e2"},
	{"chrome_83", helloOf(utls.HelloChrome_83), "t13d1515h2_8daaf6152771_de4a06bb82e3"},
	{"chrome_87", helloOf(utls.HelloChrome_87), "t13d1515h2_8daaf6152771_de4a06bb82e3"},
	{"chrome_96", helloOf(utls.HelloChrome_96), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"chrome_100", helloOf(utls.HelloChrome_100), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"chrome_102", helloOf(utls.HelloChrome_102), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"chrome_106", helloOf(utls.HelloChrome_106_Shuffle), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"chrome_120", helloOf(utls.HelloChrome_120), "t13d1516h2_8daaf6152771_02713d6af862"},
	{"chrome_131", helloOf(utls.HelloChrome_131), "t13d1516h2_8daaf6152771_02713d6af862"},
	{"chrome_133", helloOf(utls.HelloChrome_133), "t13d1516h2_8daaf6152771_d8a2da3f94cd"},
	{"firefox_55", helloOf(utls.HelloFirefox_55), "t12d1509h2_073e58a039a6_e70312a1ce2c"},
	{"firefox_56", helloOf(utls.HelloFirefox_56), "t12d1509h2_073e58a039a6_e70312a1ce2c"},
	{"firefox_63", helloOf(utls.HelloFirefox_63), "t13d1814h2_29a2cd9e9f10_d267a5f792d4"},
	{"firefox_65", helloOf(utls.HelloFirefox_65), "t13d1814h2_29a2cd9e9f10_d267a5f792d4"},
	{"firefox_99", helloOf(utls.HelloFirefox_99), "t13d1815h2_e8a523a41297_3d5424432f57"},
	{"firefox_102", helloOf(utls.HelloFirefox_102), "t13d1715h2_5b57614c22b0_3d5424432f57"},
	{"firefox_105", helloOf(utls.HelloFirefox_105), "t13d1715h2_5b57614c22b0_3d5424432f57"},
	{"firefox_120", helloOf(utls.HelloFirefox_120), "t13d1715h2_5b57614c22b0_5c2c66f702b0"},
	{"safari_16.0", helloOf(utls.HelloSafari_16_0), "t13d2014h2_a09f3c656075_14788d8d241b"},
	{"ios_11.1", helloOf(utls.HelloIOS_11_1), "t12d2010h2_2a284e3b0c56_f05fdf8c38a9"},
	{"ios_12.1", helloOf(utls.HelloIOS_12_1), "t12d2310h2_f91c41aead95_12b7a1cb7c36"},
	{"ios_13", helloOf(utls.HelloIOS_13), "t13d2613h2_2802a3db6c62_845d286b0d67"},
	{"ios_14", helloOf(utls.HelloIOS_14), "t13d2613h2_2802a3db6c62_845d286b0d67"},
	{"edge_85", helloOf(utls.HelloEdge_85), "t13d1515h2_8daaf6152771_de4a06bb82e3"},
	{"edge_106", helloOf(utls.HelloEdge_106), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"android_11", helloOf(utls.HelloAndroid_11_OkHttp), "t12d120700_d34a8e72043a_036209cd1ead"},
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
	weights.CipherSuites_Remove_RandomCiphers = 0 // might leave none for a server's kind of key
	weights.Extensions_Append_ALPS = 0            // names h2, whatever the ALPN
	weights.Extensions_Append_ALPN = 0
	if alpn {
		weights.Extensions_Append_ALPN = 1
	}
	id.Weights = &weights
	if seed != "" {
		sum := utls.PRNGSeed(sha256.Sum256([]byte(seed)))
		id.Seed = &sum
	}
	return func() (utls.ClientHelloSpec, error) {
		s, err := utls.UTLSIdToSpec(id)
		onlyGood(&s)
		return s, err
	}, ""
}

// onlyGood leaves out what would be refused if a server chose it. There is no
// program here whose ClientHello would be another one then.
func onlyGood(s *utls.ClientHelloSpec) {
	s.CipherSuites = slices.DeleteFunc(s.CipherSuites, func(id uint16) bool { return !goodSuite(id) })
	for _, x := range s.Extensions {
		if x, ok := x.(*utls.SignatureAlgorithmsExtension); ok {
			x.SupportedSignatureAlgorithms = goodSignatures(x.SupportedSignatureAlgorithms)
		}
	}
}
