//go:build openssl && !utls && !gotls

package selected

const _ int = "there is no openssl backend in this source tree: build with -tags gotls"
