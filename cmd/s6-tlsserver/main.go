// The runtime would reread the limits of the cgroup every second.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command s6-tlsserver listens and runs prog behind a TLS tunnel for each connection.
package main

import (
	"os"

	"ucspitls/engine/listen"
)

func main() { listen.Main(os.Args) }
