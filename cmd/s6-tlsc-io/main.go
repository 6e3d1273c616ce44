// Command s6-tlsc-io is the TLS tunnel, client side.
package main

import (
	"os"

	"ucspitls/engine"
	"ucspitls/internal/selected"
)

func main() { engine.ClientMain(selected.Backend, os.Args) }
