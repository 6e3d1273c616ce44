// Command s6-tlsd-io is the TLS tunnel, server side.
package main

import (
	"os"

	"ucspitls/backend/selected"
	"ucspitls/internal/session"
)

func main() { session.Server.Main(selected.Backend, os.Args) }
