//go:build !linux || !(amd64 || arm64)

package listen

// spawn starts a program with the connection on 0 and 1.
func spawn(path string, argv, environ []string, conn int) (int, error) {
	return forkExec(path, argv, environ, conn)
}
