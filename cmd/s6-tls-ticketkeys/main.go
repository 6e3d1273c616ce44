// Command s6-tls-ticketkeys makes and rotates the session ticket keys of TLS_TICKETKEYS.
package main

import (
	"os"

	"ucspitls/engine/rotate"
)

func main() { rotate.Main(os.Args) }
