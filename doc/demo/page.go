package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// A page prints the demonstration. Without colour the marks at the left tell
// what is encrypted.
type page struct {
	w      io.Writer
	colour bool
	sealed bool
}

const (
	bold   = "1"
	yellow = "33" // in the clear
	green  = "32" // encrypted
	red    = "31"
)

func newPage(f *os.File) *page {
	st, err := f.Stat()
	terminal := err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return &page{w: f, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

func (p *page) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *page) header(title, version string) {
	fmt.Fprintf(p.w, "\n%s\n%s\n\n", p.paint(bold, title), version)
}

func (p *page) section(title string) {
	fmt.Fprintf(p.w, "\n%s\n", p.paint(bold, "--- "+title+" "+strings.Repeat("-", max(0, 60-len(title)))))
}

// seal is for everything that follows: it goes through the tunnel.
func (p *page) seal(what string) {
	p.sealed = true
	fmt.Fprintf(p.w, "  %s\n", p.paint(green, "[TLS] "+what))
}

func (p *page) unseal() { p.sealed = false }

// spoken is a line of the conversation.
func (p *page) spoken(who, line string) {
	mark, code := "      ", yellow
	if p.sealed {
		mark, code = "[TLS] ", green
	}
	if who == "!" {
		code = red
	}
	fmt.Fprintf(p.w, "  %s\n", p.paint(code, mark+who+": "+line))
}

// note is something that is not on the wire.
func (p *page) note(what, text string) { fmt.Fprintf(p.w, "  %8s  %s\n", what, text) }

func (p *page) log(lines string) {
	p.section("what the tools wrote to stderr at -v 2")
	for line := range strings.Lines(lines) {
		fmt.Fprint(p.w, "  ", line)
	}
}

func (p *page) failed(err error) {
	fmt.Fprintf(p.w, "\n%s\n", p.paint(red, "IT DOES NOT WORK: "+err.Error()))
}

func (p *page) worked(tools string) {
	fmt.Fprintf(p.w, "\nWhat to try next\n")
	for _, next := range [][2]string{
		{tools + "/s6-ucspitlsd --help", "its options; every program has this"},
		{"man ./man/ucspitls.7", "which tool when, and how a session ends"},
		{"make test", "all tests"},
		{"README.md", "how to run it under s6, tcpserver, systemd"},
	} {
		fmt.Fprintf(p.w, "  %-36s %s\n", next[0], next[1])
	}
	fmt.Fprintf(p.w, "\n%s\n", p.paint(bold, "It works: a program without a line of TLS code took a letter over TLS."))
}
