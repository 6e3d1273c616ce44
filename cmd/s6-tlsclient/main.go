// Command s6-tlsclient connects and runs prog behind a TLS tunnel.
package main

import (
	"os"

	"ucspitls/internal/dial"
)

func main() { dial.Main(os.Args) }
