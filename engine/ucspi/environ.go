package ucspi

import "strings"

// ProgEnviron is the environment that prog starts with: environ without stale
// identity, without what remove names, and, unless keep is set, without
// configuration; then the items of set, NAME=value each, which win.
func ProgEnviron(environ []string, keep bool, remove func(name string) bool, set []string) []string {
	out := make([]string, 0, len(environ)+len(set))
	for _, item := range environ {
		name, _, _ := strings.Cut(item, "=")
		if IsIdentity(name) || !keep && IsConfiguration(name) || remove(name) || has(set, name) {
			continue
		}
		out = append(out, item)
	}
	return append(out, set...)
}

// IOEnviron is the environment of an -io and of the waiting process: without
// the variables that steer Go's runtime, which could loosen TLS, and without
// descriptors that are somebody else's.
func IOEnviron(environ []string) []string {
	out := make([]string, 0, len(environ)+1)
	for _, item := range environ {
		name, _, _ := strings.Cut(item, "=")
		if !IsRuntime(name) && !IsChannel(name) {
			out = append(out, item)
		}
	}
	return append(out, RuntimeSettings[:]...)
}

// AfterCommand is what the environment of an -io has besides when a command came
// first: the control socket is its descriptor 5.
const AfterCommand = CtlFD + "=5"

// IsRuntime tells whether name steers Go's runtime.
func IsRuntime(name string) bool {
	switch name {
	case "GODEBUG", "GOTRACEBACK", "GOMEMLIMIT", "GOGC", "GOMAXPROCS":
		return true
	}
	return false
}

// RuntimeSettings is what an -io is given instead. One tunnel: a second
// scheduler only costs. A fault of the runtime itself is one line.
var RuntimeSettings = [...]string{"GOMAXPROCS=1", "GOTRACEBACK=none"}

// Lookup is the value of name in environ, or "".
func Lookup(environ []string, name string) string {
	value, _ := Value(environ, name)
	return value
}

// Value is Lookup that tells an empty value from none.
func Value(environ []string, name string) (value string, set bool) {
	for _, item := range environ {
		if rest, ok := strings.CutPrefix(item, name); ok && rest != "" && rest[0] == '=' {
			return rest[1:], true
		}
	}
	return "", false
}

func has(items []string, name string) bool {
	for _, item := range items {
		if len(item) > len(name) && item[len(name)] == '=' && item[:len(name)] == name {
			return true
		}
	}
	return false
}
