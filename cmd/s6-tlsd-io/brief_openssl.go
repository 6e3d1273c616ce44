//go:build openssl && cgo && linux

package main

import _ "ucspitls/backend/openssl/brief" // before Go's runtime
