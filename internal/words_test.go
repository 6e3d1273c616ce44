package internal

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ucspitls/internal/ucspi"
)

// allowed are the words of the engine that stand below it all the same.
var allowed = map[string]string{
	"openssl/start.c: getenv(":          "the C library runs it before Go, where nobody can hand it anything",
	"openssl/start.c: TLS_SANDBOX":      "the same: whether the process may be traced is decided in its first instructions",
	"backendtest/inputs.go: os.Getenv(": "a switch of the tests",
	"backendtest/fips.go: os.Getenv(":   "a switch of the tests",
	"backendtest/fips.go: os.Environ(":  "the test starts itself again",
}

// TestContractKnowsNoEngine: below backend nobody names a variable of ours or
// a program, or looks at the environment. What it is to do stands in its
// configuration, and what went wrong gets its variable above.
func TestContractKnowsNoEngine(t *testing.T) {
	names := []string{ucspi.CtlFD, ucspi.ReadFD, ucspi.WriteFD}
	for _, v := range ucspi.Variables {
		if strings.HasPrefix(v.Name, "TLS_") || v.Name == ucspi.KeyLogFile {
			names = append(names, v.Name)
		}
	}
	words := regexp.MustCompile(`\b(?:` + strings.Join(names, "|") + `)\b|\bs6-\w+|\b(?:os|syscall|unix)\.(?:Getenv|LookupEnv|Environ|ExpandEnv)\(|\b(?:secure_)?getenv\(`)
	found := map[string]bool{}
	err := filepath.WalkDir("../backend", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.Contains(" .go .c .h ", " "+filepath.Ext(path)+" ") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, word := range words.FindAllString(string(text), -1) {
			where := strings.TrimPrefix(path, "../backend/") + ": " + word
			if found[where] = true; allowed[where] == "" {
				t.Errorf("backend/%s", where)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where := range allowed {
		if !found[where] {
			t.Errorf("backend/%s is not there any more", where)
		}
	}
}
