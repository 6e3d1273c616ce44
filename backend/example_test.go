package backend_test

import (
	"errors"
	"fmt"
	"io"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/backend/gotls"
)

// Two connections, and the network between them in the hands of the caller. A
// Conn never waits: whoever owns it brings what the peer has sent, and calls
// again.
func ExampleConn() {
	certs := pki.Shared()
	se, err := gotls.Backend.NewServer(&backend.ServerConfig{Default: certs.Server(pki.P256).Pair()})
	if err != nil {
		fmt.Println(err)
		return
	}
	ce, err := gotls.Backend.NewClient(&backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{Anchors: certs.Anchors()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var serverWire, clientWire backendtest.Wire
	server, client := se.NewConn(&serverWire), ce.NewConn(&clientWire)
	defer server.Close()
	defer client.Close()
	move := func() {
		serverWire.In, clientWire.Out = append(serverWire.In, clientWire.Out...), nil
		clientWire.In, serverWire.Out = append(clientWire.In, serverWire.Out...), nil
	}

	for {
		serverErr, clientErr := server.Handshake(), client.Handshake()
		move()
		if serverErr == nil && clientErr == nil {
			break
		}
		if serverErr != backend.ErrAgain && serverErr != nil || clientErr != backend.ErrAgain && clientErr != nil {
			fmt.Println(serverErr, clientErr)
			return
		}
	}
	fmt.Println("the client asked for", server.State().ServerName)

	client.Write([]byte("hello"))
	client.CloseWrite()
	move()
	buf := make([]byte, 100)
	n, _ := server.Read(buf)
	_, err = server.Read(buf)
	fmt.Printf("%s, then close_notify: %t\n", buf[:n], err == io.EOF)

	server.Write([]byte("goodbye")) // the other direction goes on
	move()
	n, _ = client.Read(buf)
	_, again := client.Read(buf)
	clientWire.End = io.EOF
	_, err = client.Read(buf)
	fmt.Printf("%s, then nothing: %t, then a FIN without it: %t\n", buf[:n], again == backend.ErrAgain, err == backend.ErrBareEOF)
	// Output:
	// the client asked for localhost
	// hello, then close_notify: true
	// goodbye, then nothing: true, then a FIN without it: true
}

func ExampleServerConfig_Check() {
	c := &backend.ServerConfig{Common: backend.Common{MinVersion: backend.TLS13}}
	fmt.Println(c.Check(), c.MaxVersion == backend.TLS13)

	c.ALPN = []string{"smtp", ""}
	err := c.Check()
	e, ok := errors.AsType[*backend.Error](err)
	fmt.Println(ok && e.Kind == backend.Config, err)
	// Output:
	// <nil> true
	// true not a list of application protocols (1 to 255 bytes each)
}

func ExampleError() {
	fmt.Println(&backend.Error{Kind: backend.Config, Where: "KEYFILE: key.pem", Reason: backend.KeyMismatch})
	fmt.Println(&backend.Error{Kind: backend.Handshake, Alert: backend.AlertUnknownCA, Peer: true, Reason: backend.AlertUnknownCA.Refusal()})
	// Output:
	// KEYFILE: key.pem: private key does not match the certificate
	// the peer refused the handshake (peer sent alert unknown_ca)
}
