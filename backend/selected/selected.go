// Package selected is the one backend of a build, chosen by a build tag:
// gotls (also the default), openssl or utls.
package selected

import "ucspitls/backend"

// Every build has exactly one.
var _ backend.Backend = Backend
