package pattern

import (
	"bytes"
	"testing"
)

func TestCheckerSeesEveryFault(t *testing.T) {
	const n = 300000
	good := Of(n)
	for _, c := range []struct {
		name string
		data []byte
		ok   bool
	}{
		{"good", good, true},
		{"a record is missing", append(bytes.Clone(good[:32768]), good[49152:]...), false},
		{"a record comes twice", append(bytes.Clone(good[:32768]), good[16384:]...), false},
		{"two are exchanged", append(append(bytes.Clone(good[:16384]), good[32768:49152]...), good[16384:]...), false},
		{"a period is missing", good[period:], true}, // this is what the length is for
	} {
		var k Checker
		k.Write(c.data)
		if (k.Err == nil) != c.ok || k.N != int64(len(c.data)) {
			t.Errorf("%s: %v, %d bytes", c.name, k.Err, k.N)
		}
	}
}
