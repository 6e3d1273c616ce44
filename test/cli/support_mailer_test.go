//go:build linux

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A mailer is a mail program that knows no cryptography: this executable in
// one more mode. It speaks SMTP on 6 and 7, and asks its parent's kind of
// tool for TLS.

// mailerVariable holds the command for the control socket: "Y" or "y".
const mailerVariable = "UCSPITLS_TEST_MAILER"

func init() {
	command := os.Getenv(mailerVariable)
	if command == "" {
		return
	}
	if err := mail(command); err != nil {
		fmt.Println("mailer:", err)
		os.Exit(3)
	}
	os.Exit(0)
}

type mailer struct {
	in  *bufio.Reader
	out io.Writer
}

func mail(command string) error {
	m := &mailer{bufio.NewReader(fdFile(6)), fdFile(7)}
	if _, err := m.ask("", "220"); err != nil {
		return err
	}
	offer, err := m.ask("EHLO mailer", "250")
	if err != nil {
		return err
	}
	if !strings.Contains(offer, "STARTTLS\r\n") {
		return errors.New("no STARTTLS")
	}
	if _, err := m.ask("STARTTLS", "220"); err != nil {
		return err
	}
	if m.in.Buffered() > 0 {
		return errors.New("more than an answer to STARTTLS")
	}
	blob, err := startTLS(command)
	if err != nil {
		return err
	}
	os.Stdout.Write(blob)
	m.in = bufio.NewReader(fdFile(6))
	offer, err = m.ask("EHLO mailer", "250")
	if err != nil {
		return err
	}
	if strings.Contains(offer, "STARTTLS") {
		return errors.New("STARTTLS is offered under TLS")
	}
	for _, step := range [][2]string{
		{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<b@example.org>", "250"}, {"DATA", "354"},
		{"Subject: a test\r\n\r\n" + strings.Repeat("a line of text\r\n", 5000) + ".", "250"}, {"QUIT", "221"},
	} {
		answer, err := m.ask(step[0], step[1])
		if err != nil {
			return err
		}
		if step[0][len(step[0])-1] == '.' {
			fmt.Print(answer)
		}
	}
	if n, err := m.in.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return fmt.Errorf("after QUIT: %d bytes, %v", n, err)
	}
	return nil
}

// startTLS is all that a program has to know (UCSPI-TLS).
func startTLS(command string) (blob []byte, err error) {
	var fds [3]int
	for i, name := range []string{"SSLCTLFD", "SSLREADFD", "SSLWRITEFD"} {
		if fds[i], err = strconv.Atoi(os.Getenv(name)); err != nil {
			return nil, err
		}
	}
	if _, err = fdFile(fds[0]).Write([]byte(command)); err != nil {
		return nil, err
	}
	if blob, err = io.ReadAll(fdFile(fds[0])); err != nil {
		return nil, err
	}
	if command == "Y" && len(blob) == 0 {
		return nil, errors.New("TLS failed")
	}
	for i, n := range []int{6, 7} {
		if err = syscall.Dup3(fds[1+i], n, 0); err != nil {
			return nil, err
		}
	}
	for _, n := range fds {
		syscall.Close(n)
	}
	return blob, nil
}

// ask sends a line, unless it is empty, and wants an answer with a code.
func (m *mailer) ask(line, code string) (answer string, err error) {
	if line != "" {
		if _, err = io.WriteString(m.out, line+"\r\n"); err != nil {
			return "", err
		}
	}
	for {
		part, err := m.in.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("after %.20q: %w", line, err)
		}
		if answer += part; len(part) < 4 || part[3] != '-' {
			break
		}
	}
	if !strings.HasPrefix(answer, code) {
		return "", fmt.Errorf("%.20q was answered with %q", line, answer)
	}
	return answer, nil
}
