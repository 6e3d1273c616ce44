// Command s6-tlsc runs prog behind a TLS tunnel, client side.
package main

import (
	"os"

	_ "ucspitls/engine/entry/fast" // the program entry of a build with ENTRY=fast
	"ucspitls/engine/option"
	"ucspitls/engine/wrap"
)

var program = wrap.Program{Table: &option.TLSC, Side: &wrap.Client}

func main() { program.Main(os.Args) }
