// Bytes with a length in front: what is read never goes behind the end, and
// what is written makes its own room.

#ifndef UCSPI_BYTES_H
#define UCSPI_BYTES_H

#include <stdint.h>
#include <string.h>
#include <openssl/crypto.h>

typedef struct {
	unsigned char *bytes;
	size_t length, room;
} ucspi_buffer;

// What is left to be read of bytes that somebody else has.
typedef struct {
	const unsigned char *at;
	size_t length;
} ucspi_bytes;

// ucspi_take takes the next length bytes into out. Where there are not as many
// it takes nothing and fails.
static inline int ucspi_take(ucspi_bytes *in, size_t length, ucspi_bytes *out)
{
	if (length > in->length)
		return 0;
	*out = (ucspi_bytes){ in->at, length };
	in->at += length;
	in->length -= length;
	return 1;
}

// ucspi_take_number takes a number of at most 8 bytes.
static inline int ucspi_take_number(ucspi_bytes *in, size_t width, uint64_t *number)
{
	ucspi_bytes bytes;

	if (!ucspi_take(in, width, &bytes))
		return 0;
	*number = 0;
	for (size_t i = 0; i < width; i++)
		*number = *number << 8 | bytes.at[i];
	return 1;
}

// ucspi_take_vector takes bytes whose length stands before them in width bytes.
static inline int ucspi_take_vector(ucspi_bytes *in, size_t width, ucspi_bytes *out)
{
	uint64_t length;

	return ucspi_take_number(in, width, &length) && length <= SIZE_MAX && ucspi_take(in, (size_t)length, out);
}

static inline int ucspi_append(ucspi_buffer *b, const void *bytes, size_t length)
{
	size_t room = b->room > 0 ? b->room : 4096;
	unsigned char *more;

	while (room - b->length < length) {
		if (room > SIZE_MAX / 2)
			return 0;
		room *= 2;
	}
	if (room != b->room) {
		more = OPENSSL_clear_realloc(b->bytes, b->room, room);
		if (more == NULL)
			return 0;
		b->bytes = more;
		b->room = room;
	}
	if (length > 0)
		memcpy(b->bytes + b->length, bytes, length);
	b->length += length;
	return 1;
}

// ucspi_append_number fails for a number that does not fit.
static inline int ucspi_append_number(ucspi_buffer *b, size_t width, uint64_t number)
{
	unsigned char bytes[sizeof number];

	if (width > sizeof bytes)
		return 0;
	for (size_t i = width; i-- > 0; number >>= 8)
		bytes[i] = (unsigned char)number;
	return number == 0 && ucspi_append(b, bytes, width);
}

#endif
