// Command s6-tlsc runs prog behind a TLS tunnel, client side.
package main

import (
	"os"

	"ucspitls/engine/option"
	"ucspitls/engine/wrap"
)

func main() {
	program := wrap.Program{Table: &option.TLSC, Side: wrap.Client, Run: wrap.Immediate}
	program.Main(os.Args)
}
