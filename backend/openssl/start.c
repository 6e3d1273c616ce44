//go:build openssl && cgo && linux

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void *nothing(void *p) { return p; }

// try_thread says in a line what Go's runtime would die of with a trace.
static void try_thread(void)
{
	struct rlimit processes;
	pthread_t thread;

	if (getrlimit(RLIMIT_NPROC, &processes) != 0 || processes.rlim_cur >= 4096)
		return;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0) {
		dprintf(2, "%s: fatal: unable to start a thread: resource temporarily unavailable\n", program_invocation_short_name);
		_exit(111);
	}
	pthread_join(thread, NULL);
}

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
	try_thread();

	if (processors && strcmp(processors, "1") == 0)
		prctl(PR_SET_TIMERSLACK, 1000000UL, 0UL, 0UL, 0UL);
}
