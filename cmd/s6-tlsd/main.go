// Command s6-tlsd runs prog behind a TLS tunnel, server side.
package main

import (
	"os"

	"ucspitls/engine/option"
	"ucspitls/engine/wrap"
)

func main() {
	program := wrap.Program{Table: &option.TLSD, Side: wrap.Server, Run: wrap.Immediate}
	program.Main(os.Args)
}
