package main

import (
	"fmt"
	"slices"
	"strings"
)

// A selector picks cells: all of its words must hold. "ours" stands for any
// backend, "peer" for anything else, a trailing * for any rest, and a comma
// list for one of several values; "usual" is the empty value.
type selector []condition

type condition struct {
	name   string
	values []string
}

// parseSelector reads "server=openssl client=gnutls version=1.2".
func parseSelector(text string) (selector, error) {
	var s selector
	for _, word := range strings.Fields(text) {
		name, value, ok := strings.Cut(word, "=")
		if _, known := fieldNamed(name); !known || !ok || value == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE with one of the names %s", word, fieldNames())
		}
		s = append(s, condition{name, strings.Split(value, ",")})
	}
	return s, nil
}

func fieldNames() string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return strings.Join(names, " ")
}

func (s selector) match(c *Cell) bool {
	for _, want := range s {
		f, _ := fieldNamed(want.name)
		have := *f.at(c)
		if !slices.ContainsFunc(want.values, func(v string) bool { return matchValue(v, have) }) {
			return false
		}
	}
	return true
}

func matchValue(want, have string) bool {
	switch want {
	case "ours":
		return isBackend(have)
	case "peer":
		return !isBackend(have)
	case "usual":
		return have == ""
	}
	if prefix, ok := strings.CutSuffix(want, "*"); ok {
		return strings.HasPrefix(have, prefix)
	}
	return want == have || want == bare(have) || have == oursPrefix+"*" && strings.HasPrefix(want, oursPrefix)
}

// In a Cell backends are written with a leading "our-": one of them has the
// name of a peer.
const oursPrefix = "our-"

func isBackend(name string) bool { return strings.HasPrefix(name, oursPrefix) }

// bare is a backend's or peer's own name. "server=openssl" means both.
func bare(name string) string { return strings.TrimPrefix(name, oursPrefix) }
