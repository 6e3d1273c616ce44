// Command demo shows a STARTTLS conversation from end to end, and checks it:
// a mail program that knows no TLS runs under s6-ucspitlsd, and a client
// talks to it, first in the clear, then through the tunnel.
//
//	demo (client, listener)                      s6-ucspitlsd, then mail program
//	     │  127.0.0.1, cleartext, then TLS             │ 0, 1
//	     └───────────────────────────────────────────► │
//	     ◄── what the mail program saw, on 3 ───────────┘
//
// Its argument is the directory of the programs. It needs no root, no network
// beyond the loopback, and nothing but the programs.
package main

import (
	"fmt"
	"os"
	"time"
)

// patience bounds everything that is waited for.
const patience = 20 * time.Second

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo directory-of-the-programs")
		os.Exit(100)
	}
	if os.Args[1] == mailMode {
		os.Exit(serveMail())
	}
	p := newPage(os.Stdout)
	if err := demonstrate(p, os.Args[1]); err != nil {
		p.failed(err)
		os.Exit(1)
	}
	p.worked(os.Args[1])
}

// demonstrate is the whole demonstration; an error is something that is not as
// it should be.
func demonstrate(p *page, tools string) (err error) {
	version, err := toolVersion(tools)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ucspitls-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ca, err := makeCertificates(dir)
	if err != nil {
		return err
	}
	p.header("A mail program that knows no TLS gets STARTTLS", version)

	s, err := startServer(tools, dir)
	if err != nil {
		return err
	}
	defer func() {
		s.stop()
		if err != nil {
			p.log(s.log.String())
		}
	}()
	c := &conversation{page: p, server: s}
	for _, step := range []func() error{
		c.start, c.cleartext, c.command, func() error { return c.handshake(ca) }, c.letter, c.goodbye, c.verdict,
	} {
		if err = step(); err != nil {
			return err
		}
	}
	return nil
}
