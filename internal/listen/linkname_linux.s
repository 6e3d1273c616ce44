//go:build amd64 || arm64

// Empty: it lets Go declare the functions of spawn_linux.go without a body.
