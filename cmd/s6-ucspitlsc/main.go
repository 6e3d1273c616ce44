// Command s6-ucspitlsc starts TLS on a client's connection when prog asks for it.
package main

import (
	"os"

	"ucspitls/internal/option"
	"ucspitls/internal/wrap"
)

var program = wrap.Program{Table: &option.UCSPITLSC, Side: &wrap.Client, Delayed: true}

func main() { program.Main(os.Args) }
