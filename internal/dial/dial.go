// Package dial is s6-tlsclient: it looks a host up, connects, and becomes
// s6-tlsc with the connection on 6 and 7.
package dial

import (
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/fd"
	"ucspitls/internal/option"
	"ucspitls/internal/resolve"
	"ucspitls/internal/resolve/socket"
	"ucspitls/internal/wrap"
)

// longest is the time for the look-ups about a connection that is made, if no
// -t is given: the server is waiting meanwhile.
const longest = 30 * time.Second

// Descriptors of the network in a UCSPI client.
const (
	readFD  = 6
	writeFD = 7
)

// Main is the whole of s6-tlsclient; words is os.Args. It does not return.
func Main(words []string) {
	table := &option.TLSClient
	table.Main(words, wrap.Version(table.Program, "s6-tlsc"), func(p *diag.Printer, o *option.Values, operands []string) error {
		return run(p, o, operands[0], operands[1], operands[2:])
	})
}

func run(p *diag.Printer, o *option.Values, host, portName string, prog []string) error {
	port, ok := option.Number(portName)
	if !ok || port > 65535 {
		return diag.Fail(diag.Usage, "invalid port number: ", portName)
	}
	local, err := localEnd(o)
	if err != nil {
		return err
	}
	if err := reserve(); err != nil {
		return err
	}
	var deadline time.Time
	if o.Number(option.NetTimeout) != 0 {
		deadline = time.Now().Add(time.Duration(o.Number(option.NetTimeout)) * time.Second)
	}
	t, err := find(o, host, deadline)
	if err != nil {
		return err
	}
	file, err := connect(p, o, t, local, uint16(port), deadline)
	if err != nil {
		return err
	}
	n := socket.Number(file)
	if o.Is(option.NoDelay) {
		if err := socket.NoDelay(n); err != nil {
			p.Warning("unable to switch Nagle's algorithm off: ", err.Error())
		}
	}
	here, there := socket.Local(n), socket.Remote(n)
	if !here.IsValid() || !there.IsValid() {
		return diag.Fail(diag.System, "unable to get the addresses of the connection: the peer is gone")
	}
	p.Info("connected to ", there.Addr().String(), " port ", diag.Int(int(there.Port())))
	environ := describe(p, o, here, there, deadline)
	return become(o, t.name, file, prog, environ)
}

// reserve takes the numbers that the connection ends up on, or the runtime
// could have its own descriptors there, which must not be replaced.
func reserve() error {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return diag.FailSys("open /dev/null", err)
	}
	for _, n := range []int{readFD, writeFD} {
		if fd.Open(n) {
			continue
		}
		if err := fd.Move(null, n); err != nil {
			return diag.FailSys("reserve descriptors 6 and 7", err)
		}
		syscall.CloseOnExec(n)
	}
	if null != readFD && null != writeFD {
		syscall.Close(null)
	}
	return nil
}

// localEnd is what -i and -p say.
func localEnd(o *option.Values) (netip.AddrPort, error) {
	ip := netip.Addr{}
	if o.Text(option.LocalIP) != "" {
		var err error
		if ip, err = netip.ParseAddr(o.Text(option.LocalIP)); err != nil {
			return netip.AddrPort{}, diag.Fail(diag.Usage, "local-ip must be a valid IP address")
		}
	}
	return netip.AddrPortFrom(ip, uint16(o.Number(option.LocalPort))), nil
}

// describe gives prog's environment: who is connected with whom.
func describe(p *diag.Printer, o *option.Values, here, there netip.AddrPort, deadline time.Time) []string {
	if deadline.IsZero() {
		deadline = time.Now().Add(longest)
	}
	facts := resolve.Lookup(&resolve.Question{
		Local: here, Remote: there, DNS: !o.Is(option.NoDNS), Hosts: o.Is(option.Hosts), Ident: o.Is(option.Ident),
		LocalName: o.Text(option.LocalName), HasLocalName: o.Has(option.LocalName), Deadline: deadline,
	})
	for _, e := range []struct {
		what string
		err  error
	}{{"name of the remote end", facts.RemoteErr}, {"name of the local end", facts.LocalErr}, {"remote user", facts.InfoErr}} {
		if e.err != nil && e.err != resolve.ErrNotFound {
			p.Info("unable to look up the ", e.what, ": ", e.err.Error())
		}
	}
	environ := append(resolve.Without(os.Environ(), resolve.Variables...), resolve.Ends(here, there)...)
	return facts.Environ(environ)
}

// become puts the connection on 6 and 7 and executes s6-tlsc.
func become(o *option.Values, name string, file *os.File, prog, environ []string) error {
	n := socket.Number(file)
	err := syscall.SetNonblock(n, false)
	if err == nil {
		err = fd.Move(n, readFD)
	}
	if err == nil {
		err = fd.Move(readFD, writeFD)
	}
	if err != nil {
		return diag.FailSys("move the connection to descriptors 6 and 7", err)
	}
	entry.CloseAgain()
	argv := append([]string{wrap.Sibling("s6-tlsc")}, o.ClientWrapper(name)...)
	argv = append(append(argv, "--"), prog...)
	err = entry.Exec(argv[0], argv, environ)
	file.Close() // not before: its finalizer would
	return wrap.CannotRun(argv[0], err)
}

// serverName is the name to ask for and to verify when there is no -k.
func serverName(host string) string { return strings.TrimSuffix(host, ".") }
