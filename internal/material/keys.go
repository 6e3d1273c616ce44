package material

import (
	"ucspitls/backend"
	"ucspitls/internal/ucspi"
)

// A Guard stands for the process that has the keys where this one has none.
// Pair 0 is CERTFILE and KEYFILE, pair n that of the n-th server name in the
// order of the environment.
type Guard interface {
	Signer(pair uint32) backend.Signer
	// Use commits the guard to a pair. Its errors are those of reading it.
	Use(pair uint32) error
}

// Keys is the guard's part of what Open reads: the files
// of private keys and nothing else.
type Keys struct {
	MinVersion, MaxVersion uint16 // as in backend.Common

	fallback *file // nil at SNI level 2
	names    []*file
}

// OpenKeys opens the files KEYFILE and, above level 0, KEYFILE:name; the SNI
// level is that of Options and 0 for a client. Nothing is read. The errors
// are *diag.Error and those of Open.
func OpenKeys(environ []string, sniLevel uint) (*Keys, error) {
	k := &Keys{}
	if err := k.open(environment(environ), sniLevel); err != nil {
		k.CloseBut(nobody)
		return nil, fatal(err)
	}
	return k, nil
}

func (k *Keys) open(env environment, sniLevel uint) error {
	var common backend.Common
	if err := env.settings(&common); err != nil {
		return err
	}
	k.MinVersion, k.MaxVersion = common.MinVersion, common.MaxVersion
	if sniLevel < 2 {
		path, err := env.need(ucspi.KeyFile)
		if err != nil {
			return err
		}
		if k.fallback, err = openFile(ucspi.KeyFile, path); err != nil {
			return err
		}
	}
	if sniLevel == 0 {
		return nil
	}
	entries, err := env.nameEntries(&Report{})
	if err != nil {
		return err
	}
	raiseFileLimit()
	for _, e := range entries {
		f, err := openFile(ucspi.KeyFile+e.suffix, e.key)
		if err != nil {
			return err
		}
		k.names = append(k.names, f)
	}
	return nil
}

// nobody is no pair's number.
const nobody = 1<<32 - 1

func (k *Keys) file(pair uint32) *file {
	switch {
	case pair == 0:
		return k.fallback
	case uint64(pair) <= uint64(len(k.names)):
		return k.names[pair-1]
	}
	return nil
}

// Read reads and closes the file of a pair, once. name is how an error line
// about it begins; der is the caller's to wipe. ok is false where there is no
// such pair. The errors are *backend.Error of kind Config, or *diag.Error.
func (k *Keys) Read(pair uint32) (name string, der []byte, ok bool, err error) {
	f := k.file(pair)
	if f == nil {
		return "", nil, false, nil
	}
	der, err = parseFile(f, func(data []byte) ([]byte, error) { return parseKey(data, f.path) })
	return f.where, der, true, err
}

// CloseBut closes the files of all pairs but one.
func (k *Keys) CloseBut(pair uint32) {
	keep := k.file(pair)
	for _, f := range append(k.names[:len(k.names):len(k.names)], k.fallback) {
		if f != nil && f != keep {
			f.close()
		}
	}
}
