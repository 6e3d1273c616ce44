// Command s6-tlsd-iod is one TLS tunnel process for many connections, server side.
package main

import (
	"os"

	"ucspitls/engine"
	"ucspitls/internal/selected"
)

func main() { engine.DaemonMain(selected.Backend, os.Args) }
