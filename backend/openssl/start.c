//go:build openssl && cgo && linux

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

// A tunnel by itself, which its wrapper gave one processor: the monitor thread
// of Go's runtime sleeps a millisecond at a time, not 20 microseconds. The C
// library starts before Go does. See engine/entry, ucspitls_brief.
__attribute__((constructor)) static void slack(void)
{
	const char *processors = getenv("GOMAXPROCS");

	if (processors && strcmp(processors, "1") == 0)
		prctl(PR_SET_TIMERSLACK, 1000000UL, 0UL, 0UL, 0UL);
}
