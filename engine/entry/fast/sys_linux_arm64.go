package fast

import "syscall"

const sysFstatat = syscall.SYS_FSTATAT
