package cryptotls_test

import (
	"crypto/tls"
	"fmt"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/backend/cryptotls"
)

// A client that verifies the server with package verify and leaves the rest to
// crypto/tls.
func ExampleClient() {
	checked, err := cryptotls.NewClient(&backend.ClientConfig{ServerName: "mail.example.org", Common: backend.Common{Anchors: pki.Shared().Anchors()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	wire := &backendtest.Wire{}
	c := checked.NewConn(wire)
	defer c.Close()
	c.Start(tls.Client(c.Net(), &tls.Config{
		ServerName:         checked.SNI(),
		InsecureSkipVerify: true, // Verify does it
		VerifyConnection:   func(cs tls.ConnectionState) error { return checked.Verify(c, cs.PeerCertificates) },
		CipherSuites:       cryptotls.Suites12,
		CurvePreferences:   cryptotls.Groups,
	}))
	fmt.Println(c.Handshake(), len(wire.Out) > 0)

	wire.In = []byte("220 mail.example.org ESMTP\r\n")
	fmt.Println(c.Handshake())
	// Output:
	// again true
	// the peer does not speak TLS
}

func ExampleNewServer() {
	certs := pki.Shared()
	pair := certs.Server(pki.P256).Pair()
	pair.Key = certs.Client(pki.P256).KeyPKCS8()
	_, err := cryptotls.NewServer(&backend.ServerConfig{Default: pair})
	fmt.Println(err)
	// Output: KEYFILE: key.pem: private key does not match the certificate
}

func ExampleProtocols() {
	hello := &tls.ClientHelloInfo{SupportedProtos: []string{"http/1.1"}}
	fmt.Printf("%q %q\n", cryptotls.Protocols(hello, []string{"h2", "http/1.1"}), cryptotls.Protocols(hello, []string{"h2"}))
	// Output: ["h2" "http/1.1"] [""]
}
