// Package engine is what a TLS backend is linked with to make the programs that
// have one: s6-tlsd-io, s6-tlsc-io and s6-tlsd-iod. The other programs run these
// and link no backend, so those of any build will do.
//
// The main package of such a program is one line:
//
//	func main() { engine.ServerMain(mytls.Backend, os.Args) }
//
// What the three functions have in common:
//
//   - args is os.Args, with the name of the program in front. The programs start
//     themselves again, as the key guard or as a worker, and know it by that name.
//   - They do not return. They end the process, with the exit codes and the lines
//     of the program's manual page, whatever happens: nothing behind the call
//     runs, nor does a deferred function of main.
//   - They own the process: they close descriptors, change ids, go into a sandbox
//     and set signal handlers. So nothing else may run in
//     it. A backend opens what it needs in NewServer and NewClient, which run
//     before the sandbox, with the ids of TLS_UID and TLS_GID.
//   - --version says what [backend.Info] says, and the version that is
//     linked in with -ldflags '-X ucspitls/internal/diag.Version=1.0'.
//
// # Building
//
// go build is enough on every system. On linux/amd64 and linux/arm64 a program
// that the Go linker links, which means one without cgo, can start in front of
// the Go runtime, as those of make do:
//
//	CGO_ENABLED=0 go build -ldflags '-E ucspitls_brief'   # ServerMain, ClientMain
//	CGO_ENABLED=0 go build -ldflags '-E ucspitls_hidden'  # DaemonMain
//
// It then starts faster, runs under softlimit -m, sees which of 0, 1 and 2 were
// closed, and can be traced by nobody from its first instruction on. For another
// system, and for a build with cgo, leave the flag out: the linker either knows
// no such symbol or takes no notice of it. The tags gotls, openssl and utls are
// for the programs of this module and mean nothing to this package; with
// -tags strictsandbox the process dies of a system call that is not in the
// sandbox's table, which is what to test a new backend with.
//
// No program is larger or slower to start for its two neighbours here: the
// linker leaves out what it does not call, and no package below has work to do
// before main for the sake of one of them.
package engine

import (
	"ucspitls/backend"
	"ucspitls/internal/daemon"
	"ucspitls/internal/session"
)

// ServerMain is s6-tlsd-io on b, the tunnel of one connection, server side. It
// does not return.
func ServerMain(b backend.Backend, args []string) { session.Server.Main(b, args) }

// ClientMain is s6-tlsc-io on b, the tunnel of one connection, client side. It
// does not return.
func ClientMain(b backend.Backend, args []string) { session.Client.Main(b, args) }

// DaemonMain is s6-tlsd-iod on b, one process with the tunnels of many
// connections, server side. It does not return. Elsewhere than on Linux it ends
// with a line that says so.
func DaemonMain(b backend.Backend, args []string) { daemon.Main(b, args) }
