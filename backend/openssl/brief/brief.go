//go:build openssl && cgo && linux

package brief

// #include <sys/prctl.h>
//
// __attribute__((constructor)) static void brief(void)
// {
// 	prctl(PR_SET_TIMERSLACK, 1000000UL, 0UL, 0UL, 0UL);
// }
import "C"
