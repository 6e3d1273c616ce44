//go:build openssl && !utls && !gotls

package selected

import "ucspitls/backend/openssl"

// Backend is the backend of this build.
var Backend = openssl.Backend
