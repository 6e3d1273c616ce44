package material

import (
	"bytes"
	"os"
	"syscall"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/ucspi"
)

// trust reads what a peer's certificate is verified with.
func (env environment) trust(c *backend.Common, report *Report) (err error) {
	dir, file, crls := env.get(ucspi.CADir), env.get(ucspi.CAFile), env.get(ucspi.CRLFile)
	switch {
	case dir != "":
		c.Anchors, err = readAnchorDir(dir, report)
	case file != "":
		c.Anchors, err = readAll(ucspi.CAFile, file, parseAnchors)
	default:
		err = diag.Fail(diag.Usage, ucspi.CADir, " or ", ucspi.CAFile, " not set")
	}
	if err == nil && crls != "" {
		c.CRLs, err = readAll(ucspi.CRLFile, crls, parseCRLs)
	}
	return err
}

func readAll(variable, path string, parse func([]byte) ([][]byte, error)) ([][]byte, error) {
	f, err := openFile(variable, path)
	if err != nil {
		return nil, err
	}
	return parseFile(f, parse)
}

// parseAnchors gives the certificates of a PEM or DER file, each once. A bad
// one, or none, is an error.
func parseAnchors(data []byte) ([][]byte, error) {
	var set anchorSet
	found, flaws := set.addAll(data)
	if len(flaws) > 0 {
		return nil, flaws[0]
	}
	if !found {
		return nil, nothing(data, "certificate")
	}
	return set.list, nil
}

// An anchorSet is a list of certificates without duplicates.
type anchorSet struct {
	list [][]byte
	seen map[string]bool
}

// addAll adds the certificates of a file, reports whether there were any, and
// gives the flaws of the others.
// OpenSSL's TRUSTED CERTIFICATE is one: it says what its certificate must not
// be trusted for, and to trust it for everything could be the opposite.
func (set *anchorSet) addAll(data []byte) (found bool, flaws []error) {
	for b, err := range blocks(data) {
		switch {
		case err != nil:
			flaws = append(flaws, err)
		case b.label == "TRUSTED CERTIFICATE":
			flaws = append(flaws, flaw("the trust settings of a TRUSTED CERTIFICATE are not supported"+b.at()))
		case b.label != "" && !b.holdsCertificate():
			clear(b.der) // it might be a key
		case outlineOf(b.der) != certificate:
			flaws = append(flaws, flaw(string(backend.BadCertificate)+b.at()))
		default:
			set.add(b.der)
			found = true
		}
	}
	return found, flaws
}

func (set *anchorSet) add(der []byte) {
	if set.seen[string(der)] {
		return
	}
	if set.seen == nil {
		set.seen = make(map[string]bool)
	}
	set.seen[string(der)] = true
	set.list = append(set.list, bytes.Clone(der))
}

// readAnchorDir gives the certificates of all regular files in a directory,
// links followed, whatever their names. A file reached by several names is
// read once: /etc/ssl/certs has each under two or three. What is no
// certificate is passed over with a note.
func readAnchorDir(dir string, report *Report) ([][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fileError(ucspi.CADir, "open "+dir+": ", err)
	}
	type inode struct{ dev, ino uint64 }
	read := make(map[inode]bool)
	var set anchorSet
	for _, entry := range entries {
		path := dir + "/" + entry.Name()
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			report.passedOver(path, diag.Cause(err))
			continue
		}
		if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
			report.passedOver(path, "not a regular file")
			continue
		}
		if id := (inode{uint64(st.Dev), st.Ino}); !read[id] {
			read[id] = true
			set.addFile(path, report)
		}
	}
	if set.list == nil {
		return nil, unusable(ucspi.CADir, backend.Reason("no trust anchor found in "+dir))
	}
	return set.list, nil
}

// addFile is addAll for a file of a directory: what is wrong becomes a note.
// It may be a FIFO by now, where a link leads to somebody else's directory.
func (set *anchorSet) addFile(path string, report *Report) {
	f, err := openWith(ucspi.CADir, path, syscall.O_NONBLOCK)
	var data []byte
	if err == nil {
		data, err = f.read()
	}
	if err != nil {
		report.Notes = append(report.Notes, err.Error()+", passed over")
		return
	}
	defer clear(data) // it might be a key
	found, flaws := set.addAll(data)
	for _, err := range flaws {
		report.passedOver(path, err.Error())
	}
	if !found && flaws == nil {
		report.passedOver(path, nothing(data, "certificate").Error())
	}
}

// passedOver notes a file of CADIR that gave no anchor, or fewer than it might.
func (r *Report) passedOver(path, reason string) {
	r.Notes = append(r.Notes, ucspi.CADir+": "+path+": "+reason+", passed over")
}
