// Command s6-tls-ticketkeys makes and rotates the session ticket keys of TLS_TICKETKEYS.
package main

import (
	"os"

	"ucspitls/internal/ticketkeys"
)

func main() { ticketkeys.Main(os.Args) }
