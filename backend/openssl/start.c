//go:build openssl && cgo && linux

// What internal/entry does in the programs that have an entry of ours: the C
// library starts before Go does.

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

// Nobody with our ids may trace us, unless it is allowed.
__attribute__((constructor)) static void hide(void)
{
	const char *sandbox = getenv("TLS_SANDBOX");

	if (!sandbox || strcmp(sandbox, "off") != 0)
		prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
}

enum { MOST_TRIES = 20 };

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

// Go's runtime aborts with a trace where it gets no thread. The linker has it
// call this in place of pthread_create, which tries as long and ends in a line.
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	for (long tries = 1;; tries++) {
		struct timespec pause = {0, tries * 1000000};
		int err = __real_pthread_create(thread, attr, run, arg);

		if (err != EAGAIN)
			return err;
		if (tries == MOST_TRIES) {
			dprintf(2, "%s: fatal: unable to start a thread: resource temporarily unavailable\n", program_invocation_short_name);
			_exit(111);
		}
		nanosleep(&pause, NULL);
	}
}
