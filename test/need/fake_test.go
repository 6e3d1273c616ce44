package need

import (
	"fmt"
	"runtime"
	"testing"
)

// A fake is a test that takes note of how it was ended.
type fake struct {
	testing.TB
	skipped, failed bool
	text            string
}

func (f *fake) Helper() {}

func (f *fake) Fatalf(format string, args ...any) {
	f.failed, f.text = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *fake) Skipf(format string, args ...any) {
	f.skipped, f.text = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}
