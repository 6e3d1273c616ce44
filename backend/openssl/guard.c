//go:build openssl && cgo

#include "layer.h"

#include <pthread.h>
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

// A private key that is in another process: a small provider in a library
// context of its own, so that nothing else is ever taken from it. Its keys
// have a public part, which the library's own providers deal with, and no
// private one. Its signatures are one call with the whole message. There is no
// way in for a digest, and no decryption.
//
//	libssl ── EVP_DigestSign(message) ──► digest_sign ──► ucspiGuardSign (Go) ──► the pair's Signer

static _Thread_local ucspi_conn *running; // whose handshake this thread is in

enum ucspi_outcome ucspi_handshake_guarded(ucspi_conn *c)
{
	enum ucspi_outcome o;

	running = c;
	o = ucspi_handshake(c);
	running = NULL;
	return o;
}

typedef struct {
	const char *type;
	EVP_PKEY *public;
} guarded_key;

static void *key_new(const char *type)
{
	guarded_key *k = OPENSSL_zalloc(sizeof *k);

	if (k != NULL)
		k->type = type;
	return k;
}

static void *rsa_new(void *p) { (void)p; return key_new("RSA"); }
static void *ec_new(void *p) { (void)p; return key_new("EC"); }
static void *ed25519_new(void *p) { (void)p; return key_new("ED25519"); }

static void key_free(void *key)
{
	guarded_key *k = key;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->public);
	OPENSSL_free(k);
}

static int key_has(const void *key, int selection)
{
	(void)selection;
	return ((const guarded_key *)key)->public != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
	(void)selection;
	return EVP_PKEY_eq(((const guarded_key *)a)->public, ((const guarded_key *)b)->public) == 1;
}

// public_key is the name of the one parameter with which a key is made: a
// SubjectPublicKeyInfo.
static const char public_key[] = "ucspi-public-key";

// key_import has that, or a certificate's key that is to be compared.
static int key_import(void *key, int selection, const OSSL_PARAM params[])
{
	guarded_key *k = key;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, public_key);
	EVP_PKEY_CTX *ctx;

	(void)selection;
	if (p != NULL) {
		const void *der;
		size_t length;

		if (OSSL_PARAM_get_octet_string_ptr(p, &der, &length) == 1)
			k->public = ucspi_public(der, length);
		return k->public != NULL;
	}
	ctx = EVP_PKEY_CTX_new_from_name(NULL, k->type, NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &k->public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) != 1)
		k->public = NULL;
	EVP_PKEY_CTX_free(ctx);
	return k->public != NULL;
}

// key_export gives nobody a key to sign with, nor one that looks like it.
static int key_export(void *key, int selection, OSSL_CALLBACK *give, void *arg)
{
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return 0;
	return EVP_PKEY_export(((guarded_key *)key)->public, selection, give, arg);
}

static const OSSL_PARAM *key_types(int selection)
{
	static const OSSL_PARAM none[] = { OSSL_PARAM_END };

	(void)selection;
	return none;
}

static int key_get_params(void *key, OSSL_PARAM params[])
{
	return EVP_PKEY_get_params(((guarded_key *)key)->public, params);
}

static const OSSL_PARAM *key_gettable(void *provider)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return list;
}

static const char *ec_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL; }
static const char *rsa_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL; }
static const char *ed25519_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL; }

#define DO(f) ((void (*)(void))(f))
#define KEYMGMT(new, operation) \
	{ OSSL_FUNC_KEYMGMT_NEW, DO(new) }, \
	{ OSSL_FUNC_KEYMGMT_FREE, DO(key_free) }, \
	{ OSSL_FUNC_KEYMGMT_HAS, DO(key_has) }, \
	{ OSSL_FUNC_KEYMGMT_MATCH, DO(key_match) }, \
	{ OSSL_FUNC_KEYMGMT_IMPORT, DO(key_import) }, \
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, DO(key_types) }, \
	{ OSSL_FUNC_KEYMGMT_EXPORT, DO(key_export) }, \
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, DO(key_types) }, \
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, DO(key_get_params) }, \
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, DO(key_gettable) }, \
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, DO(operation) }, \
	{ 0, NULL }

static const OSSL_DISPATCH rsa_keymgmt[] = { KEYMGMT(rsa_new, rsa_operation) };
static const OSSL_DISPATCH ec_keymgmt[] = { KEYMGMT(ec_new, ec_operation) };
static const OSSL_DISPATCH ed25519_keymgmt[] = { KEYMGMT(ed25519_new, ed25519_operation) };

typedef struct {
	guarded_key *key;
	char md[16];
	int pss;
} signature;

static void *signature_new(void *provider, const char *properties)
{
	(void)provider, (void)properties;
	return OPENSSL_zalloc(sizeof(signature));
}

static void signature_free(void *s) { OPENSSL_free(s); }

static int signature_set_params(void *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = params != NULL ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
	signature *s = ctx;
	char name[16], *out = name;
	int mode;

	if (p == NULL)
		return 1; // of PSS the salt's length, which TLS leaves no choice of
	if (p->data_type == OSSL_PARAM_UTF8_STRING) {
		if (OSSL_PARAM_get_utf8_string(p, &out, sizeof name) != 1)
			return 0;
		s->pss = strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
		return s->pss || strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0;
	}
	if (OSSL_PARAM_get_int(p, &mode) != 1)
		return 0;
	s->pss = mode == RSA_PKCS1_PSS_PADDING;
	return s->pss || mode == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *signature_settable(void *ctx, void *provider)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx, (void)provider;
	return list;
}

static int signature_init(void *ctx, const char *md, void *key, const OSSL_PARAM params[])
{
	signature *s = ctx;

	if (key != NULL)
		s->key = key;
	if (md != NULL)
		OPENSSL_strlcpy(s->md, md, sizeof s->md);
	return s->key != NULL && signature_set_params(ctx, params);
}

// scheme is the number of RFC 8446, 4.2.3; 0 if there is none.
static int scheme(const signature *s)
{
	int n;

	if (strcmp(s->key->type, "ED25519") == 0)
		return s->md[0] == '\0' ? 0x0807 : 0;
	if (EVP_MD_is_a(EVP_sha256(), s->md))
		n = 4;
	else if (EVP_MD_is_a(EVP_sha384(), s->md))
		n = 5;
	else if (EVP_MD_is_a(EVP_sha512(), s->md))
		n = 6;
	else
		return 0;
	if (strcmp(s->key->type, "EC") == 0)
		return n << 8 | 3;
	return s->pss ? 0x0800 | n : n << 8 | 1;
}

static int signature_sign(void *ctx, unsigned char *out, size_t *length, size_t room, const unsigned char *message, size_t message_length)
{
	signature *s = ctx;
	int most = EVP_PKEY_get_size(s->key->public);

	if (out == NULL) {
		*length = most > 0 ? (size_t)most : 0;
		return most > 0;
	}
	if (running == NULL)
		return 0;
	*length = ucspiGuardSign(running->self, SSL_version(running->ssl), scheme(s), (void *)message, message_length, out, room);
	return *length > 0;
}

static const OSSL_DISPATCH signing[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, DO(signature_new) },
	{ OSSL_FUNC_SIGNATURE_FREECTX, DO(signature_free) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, DO(signature_init) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, DO(signature_sign) },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, DO(signature_set_params) },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, DO(signature_settable) },
	{ 0, NULL },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const char property[] = "provider=ucspi-guard,fips=yes"; // the guard has seen to that
	static const OSSL_ALGORITHM keys[] = {
		{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", property, rsa_keymgmt, NULL },
		{ "EC:id-ecPublicKey:1.2.840.10045.2.1", property, ec_keymgmt, NULL },
		{ "ED25519:1.3.101.112", property, ed25519_keymgmt, NULL },
		{ NULL, NULL, NULL, NULL },
	};
	static const OSSL_ALGORITHM signatures[] = {
		{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", property, signing, NULL },
		{ "ECDSA", property, signing, NULL },
		{ "ED25519:1.3.101.112", property, signing, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	(void)provider;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keys;
	case OSSL_OP_SIGNATURE:
		return signatures;
	}
	return NULL;
}

static int provide(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH own[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, DO(query) },
		{ 0, NULL },
	};
	static int something;

	(void)core, (void)in;
	*out = own;
	*provider = &something;
	return 1;
}

static OSSL_LIB_CTX *guards; // the library context of all guarded keys

static void make_guards(void)
{
	guards = OSSL_LIB_CTX_new();
	if (guards != NULL && (OSSL_PROVIDER_add_builtin(guards, "ucspi-guard", provide) != 1 || OSSL_PROVIDER_load(guards, "ucspi-guard") == NULL)) {
		OSSL_LIB_CTX_free(guards);
		guards = NULL;
	}
}

// ucspi_guarded_key makes a key of its public part, a SubjectPublicKeyInfo.
EVP_PKEY *ucspi_guarded_key(const unsigned char *der, size_t length, ucspi_failure *f)
{
	static const struct { int id; const char *type; } types[] = {
		{ EVP_PKEY_RSA, "RSA" }, { EVP_PKEY_EC, "EC" }, { EVP_PKEY_ED25519, "ED25519" },
	};
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(public_key, (void *)der, length),
		OSSL_PARAM_END,
	};
	EVP_PKEY *public, *key = NULL;
	EVP_PKEY_CTX *ctx = NULL;

	static pthread_once_t once = PTHREAD_ONCE_INIT;

	ERR_clear_error();
	if (pthread_once(&once, make_guards) != 0 || guards == NULL) {
		ucspi_blame(f);
		return NULL;
	}
	public = ucspi_public(der, length);
	for (size_t i = 0; public != NULL && i < sizeof types / sizeof *types; i++)
		if (EVP_PKEY_get_base_id(public) == types[i].id)
			ctx = EVP_PKEY_CTX_new_from_name(guards, types[i].type, NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
		ucspi_blame(f);
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(public);
	ERR_clear_error();
	return key;
}
