//go:build cgo

package sandbox

import _ "runtime/cgo"
