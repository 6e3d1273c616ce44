// Command s6-ucspitlsd starts TLS on a server's connection when prog asks for it.
package main

import (
	"os"

	"ucspitls/engine/option"
	"ucspitls/engine/wrap"
)

func main() {
	program := wrap.Program{Table: &option.UCSPITLSD, Side: wrap.Server, Run: wrap.Delayed}
	program.Main(os.Args)
}
