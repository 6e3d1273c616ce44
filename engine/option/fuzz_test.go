package option

import (
	"math/big"
	"strings"
	"testing"
)

// FuzzNumber: decimal digits up to 4294967295, and nothing else.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"", "0", "007", "4294967295", "4294967296", "+1", "-1", "1 ", "0x1", "1_0", "٣", "99999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Number(s)
		n, digits := new(big.Int).SetString(s, 10)
		want := s != "" && strings.Trim(s, "0123456789") == "" && digits && n.IsUint64() && n.Uint64() < 1<<32
		if ok != want || ok && uint64(got) != n.Uint64() {
			t.Errorf("%q: %d, %v", s, got, ok)
		}
		var d Drop
		if err := d.SetGroups(s); err == nil && s != "" && len(d.Groups) != strings.Count(s, ",")+1 {
			t.Errorf("%q: %v", s, d.Groups)
		}
	})
}
