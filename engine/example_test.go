package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/engine"
)

// A toy is no backend yet, but one can ask what it is.
type toy struct{ backend.Backend }

func (toy) Info() backend.Info {
	return backend.Info{Name: "toy", Library: "toytls 1.0", FIPS: "off"}
}

// mains is what a program of each name does.
var mains = map[string]func(backend.Backend, []string){
	"s6-tlsd-io":  engine.ServerMain,
	"s6-tlsc-io":  engine.ClientMain,
	"s6-tlsd-iod": engine.DaemonMain,
}

// The tests' executable is each of the programs, by its name.
func TestMain(m *testing.M) {
	name, _, _ := strings.Cut(os.Args[0], ":")
	if run := mains[name]; run != nil {
		run(toy{}, os.Args)
		panic("it returned")
	}
	os.Exit(m.Run())
}

// start runs one of them and gives what it said, without its own version.
func start(args ...string) (said string, code int) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Cmd{Path: self, Args: args}
	out, _ := cmd.Output()
	_, said, _ = strings.Cut(string(out), ", ")
	return strings.TrimSpace(said), cmd.ProcessState.ExitCode()
}

func ExampleServerMain() {
	// The program's func main is one line:
	//	engine.ServerMain(toy{}, os.Args)
	fmt.Println(start("s6-tlsd-io", "--version"))
	// Output: backend toy, toytls 1.0, FIPS off 0
}

func ExampleClientMain() {
	fmt.Println(start("s6-tlsc-io", "6")) // one descriptor is too few
	// Output: 100
}

func ExampleDaemonMain() {
	fmt.Println(start("s6-tlsd-iod", "--version"))
	// Output: backend toy, toytls 1.0, FIPS off 0
}
