//go:build openssl && cgo

#include "layer.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

X509 *ucspi_parse_certificate(const unsigned char *der, size_t length, ucspi_failure *f)
{
	X509 *c;

	ERR_clear_error();
	c = ucspi_certificate(der, length);
	if (c == NULL)
		ucspi_blame(f);
	return c;
}

EVP_PKEY *ucspi_parse_key(const unsigned char *der, size_t length, ucspi_failure *f)
{
	EVP_PKEY *key;

	ERR_clear_error();
	key = ucspi_private(der, length);
	if (key == NULL)
		ucspi_blame(f);
	ERR_clear_error();
	return key;
}

enum ucspi_key_fault ucspi_key_fault(const EVP_PKEY *key, int fips)
{
	char curve[32] = "";

	if (key == NULL)
		return UCSPI_KEY_UNSUPPORTED;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return EVP_PKEY_get_bits(key) < UCSPI_MIN_RSA ? UCSPI_KEY_SHORT : UCSPI_KEY_GOOD;
	case EVP_PKEY_ED25519:
		return fips ? UCSPI_KEY_UNSUPPORTED : UCSPI_KEY_GOOD;
	case EVP_PKEY_EC:
		EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
		ERR_clear_error();
		if (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0 || strcmp(curve, "secp521r1") == 0)
			return UCSPI_KEY_GOOD;
	}
	return UCSPI_KEY_UNSUPPORTED;
}

// ucspi_match reports whether the key's public part is the certificate's. A file
// may hold a private EC key with the public part of another.
int ucspi_match(X509 *leaf, EVP_PKEY *key)
{
	int same = EVP_PKEY_eq(X509_get0_pubkey(leaf), key) == 1;

	ERR_clear_error();
	return same;
}

// ucspi_pairwise reports whether both parts of a key belong together.
int ucspi_pairwise(EVP_PKEY *key)
{
	int good = 1;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

		good = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
		EVP_PKEY_CTX_free(ctx);
	}
	ERR_clear_error();
	return good;
}

// ucspi_use_pair sets what an endpoint, or one connection, presents.
int ucspi_use_pair(ucspi_endpoint *e, ucspi_conn *c, X509 *leaf, STACK_OF(X509) *others, EVP_PKEY *key, ucspi_failure *f)
{
	int used;

	ERR_clear_error();
	if (c != NULL) {
		SSL_certs_clear(c->ssl); // a default pair of another type would stay
		used = SSL_use_cert_and_key(c->ssl, leaf, key, others, 1);
	} else {
		used = SSL_CTX_use_cert_and_key(e->ctx, leaf, key, others, 1);
	}
	if (used != 1)
		ucspi_blame(f);
	return used == 1;
}
