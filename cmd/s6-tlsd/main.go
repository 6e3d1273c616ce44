// Command s6-tlsd runs prog behind a TLS tunnel, server side.
package main

import (
	"os"

	"ucspitls/internal/option"
	"ucspitls/internal/wrap"
)

var program = wrap.Program{Table: &option.TLSD, Side: &wrap.Server}

func main() { program.Main(os.Args) }
