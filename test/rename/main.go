// Rename gives the module another path: in go.mod, in imports, in what the
// linker is told and in texts. It needs no git and may be run again.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: rename module-path")
		os.Exit(100)
	}
	if err := rename(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
}

// rename writes go.mod last: if it is interrupted, the next call finds the old path
// there and goes on, unless the new one begins like a room of the old.
func rename(root, path string) error {
	if err := check(path); err != nil {
		return err
	}
	old, err := modulePath(root)
	if err != nil || old == path {
		return err
	}
	names, err := texts(root)
	if err != nil {
		return err
	}
	mentions, err := mention(root, old)
	if err != nil {
		return err
	}
	for _, name := range append(names, "go.mod") {
		file := filepath.Join(root, name)
		before, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		after := mentions.ReplaceAll(before, []byte("${1}"+path+"${2}"))
		if name == "go.mod" {
			after = bytes.Replace(after, []byte("module "+old+"\n"), []byte("module "+path+"\n"), 1)
		}
		if bytes.Equal(before, after) {
			continue
		}
		if strings.HasSuffix(name, ".go") {
			if after, err = format.Source(after); err != nil { // imports have an order
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := os.WriteFile(file, after, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// mention is the module path where it is one, with what stands around it: old
// may also be a word of the text, or the end of somebody else's path.
func mention(root, old string) (*regexp.Regexp, error) {
	entries, err := os.ReadDir(root)
	var rooms []string
	for _, e := range entries {
		if e.IsDir() && !skipped(e.Name()) {
			rooms = append(rooms, regexp.QuoteMeta(e.Name()))
		}
	}
	return regexp.MustCompile(`(?m)(^|[^\w./~+-])` + regexp.QuoteMeta(old) +
		`(/(?:` + strings.Join(rooms, "|") + `)\b|/\.\.\.|/"|@v| v[0-9.]+$| => )`), err
}

func modulePath(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(text)
	if m == nil {
		return "", errors.New("go.mod has no module path")
	}
	return string(m[1]), nil
}

// texts are all files but go.mod that may name the module, by their path below root.
func texts(root string) (names []string, err error) {
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(name):
			return fs.SkipDir
		case !d.Type().IsRegular() || skipped(name) || name == "go.mod":
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if bytes.IndexByte(text, 0) < 0 {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// skipped is what holds nothing of the source; .git may be a file.
func skipped(name string) bool { return name == ".git" || name == "build" || name == "interop-report" }

// check refuses what the go command would, and what it would take for a package
// of the standard library.
func check(path string) error {
	refused := fmt.Errorf("MODULE=%s is not a module path, like example.org/ucspitls", path)
	if !regexp.MustCompile(`^[\w~+-][\w.~+/-]*$`).MatchString(path) {
		return refused
	}
	if regexp.MustCompile(`(/v[2-9][0-9]*|\.v[0-9]+)$`).MatchString(path) {
		return fmt.Errorf("MODULE=%s ends in a major version, which this module has none of", path)
	}
	if exec.Command("go", "mod", "edit", "-print", "-module="+path).Run() != nil {
		return refused
	}
	first, _, _ := strings.Cut(path, "/")
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(goroot)), "src", first)); err == nil {
		return fmt.Errorf("MODULE=%s: %s is part of Go's standard library", path, first)
	}
	return nil
}
