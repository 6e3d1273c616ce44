// Command s6-tlsd-io is the TLS tunnel, server side.
package main

import (
	"os"

	"ucspitls/engine"
	"ucspitls/internal/selected"
)

func main() { engine.ServerMain(selected.Backend, os.Args) }
