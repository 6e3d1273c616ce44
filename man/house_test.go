package man

import (
	"os"
	"strings"
	"testing"
)

// TestHouse: doc/house.md names every room, and no other.
func TestHouse(t *testing.T) {
	text := read(t, "../doc/house.md")
	for _, floor := range []struct{ dir, heading string }{{"../internal", "## Rooms of the engine"}, {"../backend", "## Rooms of the backend"}} {
		_, table, _ := strings.Cut(text, floor.heading)
		table, _, _ = strings.Cut(table, "\n## ")
		named := map[string]bool{}
		for line := range strings.Lines(table) {
			cells := strings.Split(line, "|")
			if len(cells) < 3 {
				continue
			}
			for i, word := range strings.Split(cells[1], "`") {
				if i%2 == 1 {
					named[word] = true
				}
			}
		}
		rooms, err := os.ReadDir(floor.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rooms {
			if r.IsDir() && !named[r.Name()] {
				t.Errorf("%s/%s is not in doc/house.md", floor.dir, r.Name())
			}
		}
		for name := range named {
			if _, err := os.Stat(floor.dir + "/" + name); err != nil && name != "backend" {
				t.Errorf("doc/house.md: there is no %s/%s", floor.dir, name)
			}
		}
	}
}
