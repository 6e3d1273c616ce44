//go:build openssl && !cgo

package openssl

const _ int = "the openssl backend is C code: build with CGO_ENABLED=1 and a C compiler"
