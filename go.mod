module ucspitls

go 1.26.0

// The runtime would reread the cgroup's CPU limit every second, for processes
// that use one CPU.
godebug (
	containermaxprocs=0
	updatemaxprocs=0
)

require (
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/tools v0.26.0 // indirect
)
