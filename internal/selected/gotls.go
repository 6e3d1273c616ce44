//go:build !openssl && !utls

package selected

import "ucspitls/backend/gotls"

// Backend is the backend of this build.
var Backend = gotls.Backend
