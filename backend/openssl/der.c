//go:build openssl && cgo

#include "layer.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>

// OpenSSL's decoders take the length as a long, and stop where the structure
// ends. Here a structure is all of the bytes, or there is none.
#define WHOLE(type, name, decode, release) \
	type *name(const unsigned char *der, size_t length) \
	{ \
		const unsigned char *p = der; \
		type *x = length > 0 && length <= LONG_MAX ? decode(NULL, &p, (long)length) : NULL; \
\
		if (x == NULL || p == der + length) \
			return x; \
		release(x); \
		ERR_raise_data(ERR_LIB_ASN1, ASN1_R_TOO_LONG, "there is something behind it"); \
		return NULL; \
	}

static EVP_PKEY *private_key(EVP_PKEY **out, const unsigned char **p, long length)
{
	return d2i_AutoPrivateKey_ex(out, p, length, NULL, NULL);
}

WHOLE(X509, ucspi_certificate, d2i_X509, X509_free)
WHOLE(X509_CRL, ucspi_crl, d2i_X509_CRL, X509_CRL_free)
WHOLE(EVP_PKEY, ucspi_public, d2i_PUBKEY, EVP_PKEY_free)
WHOLE(EVP_PKEY, ucspi_private, private_key, EVP_PKEY_free) // PKCS#8, PKCS#1 or SEC1
