// Command s6-tlsc-io is the TLS tunnel, client side.
package main

import (
	"os"

	"ucspitls/backend/selected"
	"ucspitls/internal/session"
)

func main() { session.Client.Main(selected.Backend, os.Args) }
