// Command s6-tlsd-io is the TLS tunnel, server side, on plaintls.
package main

import (
	"os"

	"ucspitls/engine"

	"example.net/plaintls"
)

func main() { engine.ServerMain(plaintls.Backend, os.Args) }
