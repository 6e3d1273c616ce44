//go:build openssl && cgo

#include "layer.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

// OpenSSL's decoders free buffers that held a private key as they are. So
// whatever it frees is wiped: the size of a block is asked of the C library,
// where that can tell it.

#ifdef __linux__
#include <malloc.h>

static void give_back(void *p, const char *file, int line)
{
	(void)file, (void)line;
	if (p != NULL)
		OPENSSL_cleanse(p, malloc_usable_size(p));
	free(p);
}

static void *take(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return n > 0 ? malloc(n) : NULL;
}

// change never leaves the old block behind as realloc(3) does.
static void *change(void *p, size_t n, const char *file, int line)
{
	size_t have = p != NULL ? malloc_usable_size(p) : 0;
	void *q;

	if (n > 0 && n <= have && n >= have / 2)
		return p;
	q = take(n, file, line);
	if (q == NULL && n > 0)
		return NULL;
	if (p != NULL && q != NULL)
		memcpy(q, p, n < have ? n : have);
	give_back(p, file, line);
	return q;
}

// ucspi_wipe_freed_memory has an effect before OpenSSL's first use alone.
void ucspi_wipe_freed_memory(void) { CRYPTO_set_mem_functions(take, change, give_back); }
#else
void ucspi_wipe_freed_memory(void) {}
#endif
