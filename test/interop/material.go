package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/material/ticketfile"
)

// host is the name of all good servers, pairHost the one of the SNI pair.
const (
	host     = pki.Host
	pairHost = "pair.example"
)

// material is the certificates and keys, in a directory.
type material struct{ dir string }

// An identity is a chain and its key in PEM files; both has the two in one.
type identity struct{ cert, key, both string }

var keyTypes = map[string]pki.KeyType{
	"": pki.P256, "p384": pki.P384, "p521": pki.P521, "ed25519": pki.Ed25519, "rsa": pki.RSA2048,
}

var faultsOf = map[string]pki.Fault{
	"unknown-ca": pki.UnknownCA, "expired": pki.Expired, "wrong-name": pki.WrongName, "wrong-use": pki.WrongUse,
}

// newMaterial issues everything that a cell may ask for.
func newMaterial(dir string) (*material, error) {
	m := &material{dir}
	p := pki.Shared()
	certs := map[string]*pki.Cert{"client-good": p.Client(pki.P256)}
	for name, k := range keyTypes {
		certs["server-"+name] = p.Server(k)
	}
	for _, fault := range []string{"unknown-ca", "expired", "wrong-name", "wrong-use"} {
		certs["server-bad-"+fault] = p.BadServer(faultsOf[fault])
	}
	for _, fault := range []string{"unknown-ca", "expired", "wrong-use"} {
		certs["client-"+fault] = p.BadClient(faultsOf[fault])
	}
	certs["pair"] = p.Issue(pki.Spec{Name: "test pair", Issuer: p.Intermediate, DNS: []string{pairHost}})
	tickets := ticketfile.Format([]ticketfile.Key{{Made: time.Now(), Secret: bytes.Repeat([]byte{7}, ticketfile.MinKey)}})
	files := map[string][]byte{"tickets": tickets, "ca.pem": p.Root.CertPEM(), "request": payload(lineLength), "request-large": payload(256 << 10)}
	for name, c := range certs {
		files[name+".pem"], files[name+".key"] = c.ChainPEM(), c.KeyPEM()
		files[name+".both"] = append(c.ChainPEM(), c.KeyPEM()...)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, fmt.Errorf("material: %w", err)
		}
	}
	return m, nil
}

func (m *material) file(name string) string { return filepath.Join(m.dir, name) }
func (m *material) ca() string              { return m.file("ca.pem") }

func (m *material) identity(name string) identity {
	return identity{m.file(name + ".pem"), m.file(name + ".key"), m.file(name + ".both")}
}

// server is what the server of a cell presents.
func (m *material) server(c *Cell) identity {
	if c.Trust != "" {
		return m.identity("server-bad-" + c.Trust)
	}
	return m.identity("server-" + c.Key)
}

// client is what the client of a cell presents; ok is false for nothing.
func (m *material) client(c *Cell) (id identity, ok bool) {
	switch c.Cert {
	case "", "asked", "missing":
		return identity{}, false
	}
	return m.identity("client-" + c.Cert), true
}

// wantsCert reports whether the server asks for a client certificate, and
// whether it insists.
func (c *Cell) wantsCert() (asks, insists bool) {
	return c.Cert != "", c.Cert != "" && c.Cert != "asked"
}

// name is the server name that the client asks for and verifies; "" for none.
func (c *Cell) name() string {
	switch c.SNI {
	case "off":
		return ""
	case "pair":
		return pairHost
	case "unknown":
		return "nobody.example"
	}
	return host
}

// request is the file with what the client sends.
func (m *material) request(c *Cell) string {
	if c.Size == "large" {
		return m.file("request-large")
	}
	return m.file("request")
}

// offers and takes are the ALPN lists of client and server.
func (c *Cell) offers() string {
	switch c.ALPN {
	case "match", "mismatch":
		return "http/1.1"
	}
	return ""
}

func (c *Cell) takes() string {
	switch c.ALPN {
	case "match":
		return "http/1.1"
	case "mismatch":
		return "smtp"
	}
	return ""
}

// serverVersion is the version that the server is restricted to; "" for no restriction.
func (c *Cell) serverVersion() string {
	if c.Floor == "" {
		return ""
	}
	return map[string]string{"1.2": "1.3", "1.3": "1.2"}[c.Version]
}
