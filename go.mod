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
	github.com/andybalholm/brotli v1.0.6 // indirect
	github.com/exaring/ja4plus v0.0.2
	github.com/klauspost/compress v1.17.4 // indirect
	github.com/refraction-networking/utls v1.8.2
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/net v0.60.0
	golang.org/x/tools v0.26.0 // indirect
)
