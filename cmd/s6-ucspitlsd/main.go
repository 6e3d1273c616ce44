// Command s6-ucspitlsd starts TLS on a server's connection when prog asks for it.
package main

import (
	"os"

	"ucspitls/internal/option"
	"ucspitls/internal/wrap"
)

var program = wrap.Program{Table: &option.UCSPITLSD, Side: &wrap.Server, Delayed: true}

func main() { program.Main(os.Args) }
