//go:build openssl && cgo && linux

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

// What engine/entry does in the programs that have an entry of ours: the C
// library starts before Go does. Nobody with our ids may trace us, unless it is
// allowed. And in a tunnel by itself, which its wrapper gave one processor, the
// monitor thread of Go's runtime sleeps a millisecond at a time, not 20
// microseconds.
__attribute__((constructor)) static void start(void)
{
	const char *processors = getenv("GOMAXPROCS"), *sandbox = getenv("TLS_SANDBOX");

	if (!sandbox || strcmp(sandbox, "off") != 0)
		prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);

	if (processors && strcmp(processors, "1") == 0)
		prctl(PR_SET_TIMERSLACK, 1000000UL, 0UL, 0UL, 0UL);
}
