package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// backends are all that the project has or reserves.
var backends = []string{"gotls", "openssl", "utls"}

// Program is one of the things that a run compares.
type Program struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Ours    bool   `json:"ours,omitempty"`
	Version string `json:"version,omitempty"`
	Missing string `json:"missing,omitempty"` // why it takes no part
}

// build makes the programs of a backend and copies them into dir: somebody
// may build again while the cells run.
func build(root, backend, dir string) (version string, err error) {
	out, err := exec.Command("make", "-C", root, "BACKEND="+backend).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("can't be built here: %s", buildFault(string(out)))
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "build", backend))); err != nil {
		return "", err
	}
	says, err := exec.Command(filepath.Join(dir, "s6-tlsd-io"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("s6-tlsd-io --version: %w", err)
	}
	version = strings.TrimSpace(string(says))
	if !strings.Contains(version, "backend "+backend) {
		return "", fmt.Errorf("build/%s holds another backend: %s", backend, version)
	}
	if _, after, ok := strings.Cut(version, "backend "+backend+", "); ok {
		version = after
	}
	return version, nil
}

// buildFault picks the line of a failed build that says why.
func buildFault(out string) string {
	for line := range strings.Lines(out) {
		if _, after, ok := strings.Cut(line, `cannot use "`); ok {
			sentence, _, _ := strings.Cut(after, `"`)
			return sentence
		}
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "rror:") || strings.Contains(line, ".go:") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(abbreviate(out, 200))
}
