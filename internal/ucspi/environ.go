package ucspi

import "strings"

// IOEnviron is the environment of an -io and of the waiting process: without
// the variables that steer Go's runtime, which could loosen TLS, and without
// descriptors that are somebody else's.
func IOEnviron(environ []string) []string {
	out := make([]string, 0, len(environ)+1)
	for _, item := range environ {
		name, _, _ := strings.Cut(item, "=")
		if IsForIO(name) {
			out = append(out, item)
		}
	}
	return append(out, OneThread, NoTraces)
}

// AfterCommand is what the environment of an -io has besides when a command came
// first: the control socket is its descriptor 5.
const AfterCommand = CtlFD + "=5"

// IsRuntime reports whether name steers Go's runtime.
func IsRuntime(name string) bool {
	switch name {
	case "GODEBUG", "GOTRACEBACK", "GOMEMLIMIT", "GOGC", "GOMAXPROCS":
		return true
	}
	return false
}

// IsForIO reports whether an -io is given the variable name.
func IsForIO(name string) bool { return !IsRuntime(name) && !IsChannel(name) }

// What an -io is given instead. One tunnel: a second scheduler only costs. A fault
// of the runtime itself is one line.
const (
	OneThread = "GOMAXPROCS=1"
	NoTraces  = "GOTRACEBACK=none"
)
