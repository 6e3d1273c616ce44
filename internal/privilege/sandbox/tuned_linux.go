//go:build linux && cgo && strictsandbox

package sandbox

// tuned are the profiles with a C library. glibc's malloc looks at
// /proc/sys/vm/overcommit_memory and /sys/devices/system/cpu/online when it has
// much to do, to tune itself, and takes a refusal for an answer.
const tuned = everybody
