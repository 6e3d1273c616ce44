// Command s6-tlsd-iod is one TLS tunnel process for many connections, server side.
package main

import (
	"os"

	"ucspitls/backend/selected"
	"ucspitls/internal/daemon"
)

func main() { daemon.Main(selected.Backend, os.Args) }
