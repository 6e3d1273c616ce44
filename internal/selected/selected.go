// Package selected is the one backend of a build, chosen by a build tag:
// gotls (also the default), openssl or utls.
package selected
