// Command s6-tlsserver listens and runs prog behind a TLS tunnel for each connection.
package main

import (
	"os"

	"ucspitls/internal/listen"
)

func main() { listen.Main(os.Args) }
