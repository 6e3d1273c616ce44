//go:build openssl && cgo

#include "layer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

// ucspi_public_key is a DER SubjectPublicKeyInfo, for the caller to free.
unsigned char *ucspi_public_key(EVP_PKEY *key, size_t *length)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	ERR_clear_error();
	*length = n > 0 ? (size_t)n : 0;
	return n > 0 ? der : NULL;
}

// ucspi_sign hashes with 256, 384 or 512 bits, or not at all (0: Ed25519), pads
// and signs. The signature is the caller's to free.
unsigned char *ucspi_sign(EVP_PKEY *key, int hash, int pss, const unsigned char *message, size_t length, size_t *signature_length, ucspi_failure *f)
{
	const char *md = hash == 256 ? "SHA2-256" : hash == 384 ? "SHA2-384" : hash == 512 ? "SHA2-512" : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	unsigned char *out = NULL;
	int most = EVP_PKEY_get_size(key);
	size_t room = most > 0 ? (size_t)most : 0;
	int good;

	ERR_clear_error();
	good = ctx != NULL && EVP_DigestSignInit_ex(ctx, &how, md, NULL, NULL, key, NULL) == 1;
	if (good && pss)
		good = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && room > 0 && (out = OPENSSL_malloc(room)) != NULL && EVP_DigestSign(ctx, out, &room, message, length) == 1;
	if (!good) {
		ucspi_blame(f);
		OPENSSL_free(out);
		out = NULL;
	}
	*signature_length = room;
	EVP_MD_CTX_free(ctx);
	return out;
}
