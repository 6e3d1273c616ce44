//go:build utls && !openssl && !gotls

package selected

import "ucspitls/backend/utls"

// Backend is the backend of this build.
var Backend = utls.Backend
