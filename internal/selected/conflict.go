//go:build (openssl && utls) || (openssl && gotls) || (utls && gotls)

package selected

const _ int = "a build has one backend: give one of the tags gotls, openssl, utls"
