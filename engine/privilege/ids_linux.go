package privilege

import "syscall"

func setgid(id int) error { return syscall.Setresgid(id, id, id) }
func setuid(id int) error { return syscall.Setresuid(id, id, id) }
