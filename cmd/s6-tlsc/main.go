// Command s6-tlsc runs prog behind a TLS tunnel, client side.
package main

import (
	"os"

	"ucspitls/internal/option"
	"ucspitls/internal/wrap"
)

var program = wrap.Program{Table: &option.TLSC, Side: &wrap.Client}

func main() { program.Main(os.Args) }
