//go:build utls && !openssl && !gotls

package selected

const _ int = "there is no utls backend in this source tree: build with -tags gotls"
