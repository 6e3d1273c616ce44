package cryptotls

import (
	"runtime"
	"strings"
)

// GoVersion is the version of the library, without what the build says of
// experiments of the runtime: "go1.26.8".
func GoVersion() string {
	version, _, _ := strings.Cut(runtime.Version(), "-X:")
	return version
}
