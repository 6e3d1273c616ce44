//go:build openssl && cgo

#include "layer.h"

#include <stdio.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

// ucspi_start reads the site's configuration, where OPENSSL_CONF or the
// library's default says. Go ends a process without running exit handlers.
// The old names of ciphers are looked up by nobody here and cost a tenth of
// the start; those of digests are needed to judge signatures.
// gmtime, which libcrypto compares dates with, would read the time zone's file
// when the first certificate comes, and no file can be read by then.
int ucspi_start(ucspi_failure *f)
{
	ucspi_wipe_freed_memory();
	tzset();
	ERR_clear_error();
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_ADD_ALL_CIPHERS, NULL) == 1) {
		ERR_clear_error();
		return 1;
	}
	ucspi_blame(f);
	return 0;
}

// ucspi_require_fips puts the default library context into FIPS mode. Where
// that fails no algorithm may be left: the property stays set.
int ucspi_require_fips(ucspi_failure *f)
{
	ERR_clear_error();
	if (EVP_default_properties_enable_fips(NULL, 1) == 1 &&
	    OSSL_PROVIDER_load(NULL, "fips") != NULL &&
	    OSSL_PROVIDER_load(NULL, "base") != NULL)
		return 1;
	ucspi_blame(f);
	return 0;
}

static int from_fips(const OSSL_PROVIDER *p)
{
	return p != NULL && strcmp(OSSL_PROVIDER_get0_name(p), "fips") == 0;
}

static int running(void *provider)
{
	int status = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, &status),
		OSSL_PARAM_END,
	};

	return OSSL_PROVIDER_get_params(provider, params) == 1 && status == 1;
}

// ucspi_fips reports whether the FIPS provider is in force: it is there and
// sound, the default property asks for it, and what is fetched comes from it.
// Its name and version are put into name.
int ucspi_fips(char *name, size_t room)
{
	const char *called = "FIPS provider", *version = "of unknown version";
	EVP_MD *md = NULL;
	EVP_CIPHER *cipher = NULL;
	int good = 0;

	if (EVP_default_properties_is_fips_enabled(NULL) == 1 && OSSL_PROVIDER_available(NULL, "fips") == 1) {
		md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
		cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	}
	if (md != NULL && cipher != NULL) {
		OSSL_PROVIDER *p = (OSSL_PROVIDER *)EVP_MD_get0_provider(md);
		OSSL_PARAM params[] = {
			OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, &called, 0),
			OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, &version, 0),
			OSSL_PARAM_END,
		};

		good = from_fips(p) && from_fips(EVP_CIPHER_get0_provider(cipher)) && running(p) &&
		       OSSL_PROVIDER_get_params(p, params) == 1;
	}
	if (good)
		snprintf(name, room, "%s %s", called, version);
	EVP_MD_free(md);
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	return good;
}

// ucspi_blame empties the error queue. libssl's words come last and tell
// most; the words of what lies below stand first in the queue.
void ucspi_blame(ucspi_failure *f)
{
	unsigned long e, ssl = 0, first = 0;
	const char *detail, *what;
	char because[240] = "";
	int flags;

	while ((e = ERR_get_error_all(NULL, NULL, NULL, &detail, &flags)) != 0) {
		if (first == 0) {
			first = e;
			if ((flags & ERR_TXT_STRING) != 0 && *detail != '\0')
				snprintf(because, sizeof because, ": %s", detail);
		}
		if (ERR_GET_LIB(e) == ERR_LIB_SSL)
			ssl = e;
	}
	f->reason = ssl != 0 ? ERR_GET_REASON(ssl) : 0;
	if (ssl != 0)
		first = ssl;
	what = ERR_reason_error_string(first);
	if (first == 0)
		snprintf(f->words, sizeof f->words, "no error in OpenSSL's queue");
	else if (what != NULL)
		snprintf(f->words, sizeof f->words, "%s%s", what, because);
	else
		snprintf(f->words, sizeof f->words, "error %08lx%s", first, because);
}

void ucspi_say(ucspi_failure *f, const char *words)
{
	f->reason = 0;
	snprintf(f->words, sizeof f->words, "%s", words);
}
