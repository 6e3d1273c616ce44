// Package listen is s6-tlsserver: it listens, accepts, and starts one child
// per connection.
//
//	              accept        fork, exec
//	s6-tlsserver ────────┬──────────────────► s6-tlsd, which becomes prog
//	                     │  -H, no -r
//	                     ├──► s6-tlsserver ──► s6-tlsd ...
//	                     │    looks up
//	                     └──► s6-tcpserver-access ──► s6-tlsd ...
//	                          -i, -x
//
// Look-ups are made in the child, so that a slow or hostile name server costs
// its own connection and nothing else: no other one waits, the long-lived
// process, often root's, parses nothing that comes from the network, and its
// end or restart does not touch a connection that is still being looked up.
// Where nothing is to be looked up there is no such step.
package listen

import (
	"net/netip"
	"os"
	"syscall"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/option"
	"ucspitls/internal/privilege"
	"ucspitls/internal/resolve"
	"ucspitls/internal/resolve/socket"
	"ucspitls/internal/wrap"
)

// lookingUp is argv[0] of a child that looks names up, which is also what ps shows.
const lookingUp = "s6-tlsserver: looking up"

const accessChecker = "s6-tcpserver-access"

// Main is the whole of s6-tlsserver; words is os.Args. It does not return.
func Main(words []string) {
	table := &option.TLSServer
	table.Main(words, wrap.Version(table.Program, "s6-tlsd"), func(p *diag.Printer, o *option.Values, operands []string) error {
		if words[0] == lookingUp {
			return lookUp(p, o, operands[2:])
		}
		return listen(p, o, words[1:], operands)
	})
}

// tlsd is the command line of the program that a child becomes.
func tlsd(o *option.Values, prog []string) []string {
	name := "s6-tlsd"
	if o.Is(option.Delayed) {
		name = "s6-ucspitlsd"
	}
	argv := append([]string{wrap.Sibling(name)}, o.ServerWrapper()...)
	return append(append(argv, "--"), prog...)
}

func listen(p *diag.Printer, o *option.Values, words, operands []string) error {
	switch {
	case o.Is(option.Proxy):
		return diag.NotYet("-L")
	case o.Has(option.RulesDir) && o.Has(option.RulesFile):
		return diag.Fail(diag.Usage, "-i and -x can't be used together")
	}
	at, err := address(operands[0], operands[1])
	if err != nil {
		return err
	}
	command, err := firstCommand(o, words, operands[2:])
	if err != nil {
		return err
	}
	listener, err := socket.Listen(at, o.Backlog())
	if err != nil {
		return diag.FailSys("listen on ip "+operands[0]+" port "+operands[1], err)
	}
	var outliving *tunnels
	if o.Is(option.CountTunnels) {
		if outliving, err = newTunnels(listener); err != nil {
			return err
		}
	}
	at = socket.Local(listener)
	if o.Is(option.Announce) {
		diag.Out(diag.Int(int(at.Port())), "\n")
	}
	if err := detach(); err != nil {
		return err
	}
	srv := &server{
		p: p, options: o, command: command,
		environ:  resolve.Without(os.Environ(), resolve.Variables...),
		allowing: o.Has(option.LocalName) || o.Text(option.Banner) != "" || o.Is(option.NoDelay) || o.Is(option.Strict) || o.Is(option.Paranoid) || o.Number(option.NetTimeout) != 0,
		direct:   !o.Rules() && !looksUp(o),
		children: newChildren(),
		tunnels:  outliving,
	}
	p.Info("starting - bound to ip ", at.Addr().String(), " port ", diag.Int(int(at.Port())))
	return srv.serve(listener)
}

// firstCommand is what a child executes first. That it is there, and that it
// will like prog's ids, is checked now: a server that fails for each connection helps nobody.
func firstCommand(o *option.Values, words, prog []string) ([]string, error) {
	last := tlsd(o, prog)
	if !o.Rules() { // which may set UID, GID and GIDLIST for each connection
		if _, err := privilege.FromOptions(o, os.LookupEnv, privilege.Passwd); err != nil {
			return nil, err
		}
	}
	if err := syscall.Access(last[0], 1); err != nil {
		return nil, wrap.CannotRun(last[0], err)
	}
	switch {
	case o.Rules():
		path, err := inPath(accessChecker)
		if err != 0 {
			return nil, diag.Fail(diag.ExecCode(err), "unable to exec ", accessChecker, ", which -i and -x need: ", err.Error())
		}
		return append(append([]string{path}, o.AccessChecker()...), last...), nil
	case looksUp(o):
		return append([]string{lookingUp}, words...), nil
	}
	return last, nil
}

func looksUp(o *option.Values) bool { return !o.Is(option.NoDNS) || o.Is(option.Ident) }

// address reads the operands: a literal address and a number.
func address(ip, port string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4In6() {
		return netip.AddrPort{}, diag.Fail(diag.Usage, "invalid IP address: ", ip)
	}
	n, ok := option.Number(port)
	if !ok || n > 65535 {
		return netip.AddrPort{}, diag.Fail(diag.Usage, "invalid port number: ", port)
	}
	return netip.AddrPortFrom(addr, uint16(n)), nil
}

// detach closes stdin and stdout. Their numbers stay taken, so that no
// connection gets one. A closed stderr stays closed for prog.
func detach() error {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return diag.FailSys("open /dev/null", err)
	}
	for _, n := range []int{0, 1} {
		if null != n {
			if err := move(null, n); err != nil {
				return diag.FailSys("close a standard descriptor", err)
			}
		}
	}
	if null > 2 {
		syscall.Close(null)
	}
	entry.CloseAgain()
	return nil
}
