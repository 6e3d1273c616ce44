package material

import (
	"strings"
	"syscall"

	"ucspitls/backend"
	"ucspitls/backend/hostname"
	"ucspitls/internal/ucspi"
)

// names finds the pair for a server name. The names are those of the
// variables, not those in the certificates.
type names struct {
	exact map[string]*filePair // by name, in lower case, without trailing dot
	wild  map[string]*filePair // by what stands behind "*."
	pairs []*filePair
}

// A nameEntry is what the environment says about one server name.
type nameEntry struct {
	suffix    string // as it is written: ":Foo.example."
	cert, key string // paths
}

// openNames opens the files of all pairs CERTFILE:name and KEYFILE:name.
// Nothing is read, for only one of them will be needed.
func openNames(env environment, guard Guard, report *Report) (*names, error) {
	entries, err := env.nameEntries(report)
	if err != nil {
		return nil, err
	}
	raiseFileLimit()
	n := &names{exact: make(map[string]*filePair), wild: make(map[string]*filePair)}
	for i, e := range entries {
		pair, err := openPair(e.suffix, e.cert, e.key, guard, uint32(i+1))
		if err != nil {
			n.closeBut(nil)
			return nil, err
		}
		n.pairs = append(n.pairs, pair)
		if !n.enter(foldName(e.suffix[1:]), pair) {
			report.Notes = append(report.Notes, ucspi.CertFile+e.suffix+": no server name can match this")
		}
	}
	return n, nil
}

// nameEntries collects the pairs in the order of the environment. An empty
// name, which no client can send, is passed over, and so is an empty value.
func (env environment) nameEntries(report *Report) ([]*nameEntry, error) {
	var entries []*nameEntry
	byName := make(map[string]*nameEntry)
	for _, item := range env {
		variable, path, _ := strings.Cut(item, "=")
		kind, raw, ok := strings.Cut(variable, ":")
		if !ok || kind != ucspi.CertFile && kind != ucspi.KeyFile || path == "" {
			continue
		}
		name := foldName(raw)
		if name == "" {
			report.Notes = append(report.Notes, variable+": no name after the colon, passed over")
			continue
		}
		e := byName[name]
		if e == nil {
			e = &nameEntry{suffix: ":" + raw}
			byName[name] = e
			entries = append(entries, e)
		}
		if e.suffix != ":"+raw {
			return nil, unusable(variable, backend.Reason("the same server name is also written "+e.suffix[1:]))
		}
		place := &e.cert
		if kind == ucspi.KeyFile {
			place = &e.key
		}
		if *place == "" { // the first counts
			*place = path
		}
	}
	for _, e := range entries {
		switch {
		case e.cert == "":
			return nil, unusable(ucspi.KeyFile+e.suffix, backend.Reason(ucspi.CertFile+e.suffix+" not set"))
		case e.key == "":
			return nil, unusable(ucspi.CertFile+e.suffix, backend.Reason(ucspi.KeyFile+e.suffix+" not set"))
		}
	}
	return entries, nil
}

// enter puts a pair into the table; false if its name can never match.
func (n *names) enter(name string, pair *filePair) bool {
	parent, wild := strings.CutPrefix(name, "*.")
	switch {
	case strings.Contains(parent, "*"), wild && !hostname.InUse(parent), wild && !strings.Contains(parent, "."):
		return false
	case wild:
		n.wild[parent] = pair
	default:
		n.exact[name] = pair
	}
	return true
}

// find gives the pair for a name as it came from the peer, nil if there is
// none. A wildcard stands for one first label, which is no wildcard itself.
func (n *names) find(name string) *filePair {
	name = hostname.Lower(name)
	if pair := n.exact[name]; pair != nil {
		return pair
	}
	if _, parent, ok := strings.Cut(name, "."); ok && hostname.InUse(name) {
		return n.wild[parent]
	}
	return nil
}

// closeBut closes the files of all pairs but one.
func (n *names) closeBut(keep *filePair) {
	for _, pair := range n.pairs {
		if pair != keep {
			pair.close()
		}
	}
}

// raiseFileLimit lifts the soft limit on open files to the hard one. If it
// can't be had, opening the files will say what is wrong.
func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}

func foldName(name string) string { return hostname.Lower(strings.TrimSuffix(name, ".")) }
