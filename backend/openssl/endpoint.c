//go:build openssl && cgo

#include "layer.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

// The algorithms, in order of preference. A suite that the site's
// configuration takes away stays away.
static const char *const suites12[] = {
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", NULL,
};
static const char *const suites13[] = {
	"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", NULL,
};

// Lists of groups, best first; the first one that the library accepts is used.
// The asterisk (OpenSSL 3.5) asks for a key share in the ClientHello.
static const char *const groups[] = {
	"*X25519MLKEM768:*X25519:P-256:P-384:P-521", "X25519:P-256:P-384:P-521", NULL,
};
static const char *const groups_fips[] = { "P-256:P-384:P-521", NULL };

// The signature algorithms are those of crypto/tls. None has SHA-1.
static const char sigalgs[] =
	"rsa_pss_rsae_sha256:ECDSA+SHA256:ed25519:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
	"RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA384:ECDSA+SHA512";
static const char sigalgs_fips[] =
	"rsa_pss_rsae_sha256:ECDSA+SHA256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
	"RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA384:ECDSA+SHA512";

// left joins those of ours that the site has too.
static void left(char *list, size_t room, const char *const *ours, STACK_OF(SSL_CIPHER) *site, int fips)
{
	list[0] = '\0';
	for (; *ours != NULL; ours++) {
		if (fips && strstr(*ours, "CHACHA20") != NULL)
			continue;
		for (int i = 0; i < sk_SSL_CIPHER_num(site); i++) {
			if (strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(site, i)), *ours) != 0)
				continue;
			if (list[0] != '\0')
				OPENSSL_strlcat(list, ":", room);
			OPENSSL_strlcat(list, *ours, room);
			break;
		}
	}
}

static int set_groups(SSL_CTX *ctx, int fips)
{
	for (const char *const *g = fips ? groups_fips : groups; *g != NULL; g++)
		if (SSL_CTX_set1_groups_list(ctx, *g) == 1)
			return 1;
	return 0;
}

// Level 2 is 112 bits: no SHA-1, RSA and DH of 2048 bits or more. How our own
// certificate is signed is for the peer to judge.
static int security(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *endpoint)
{
	const ucspi_endpoint *e = endpoint;

	if (op == SSL_SECOP_EE_KEY || op == SSL_SECOP_CA_KEY || op == SSL_SECOP_CA_MD)
		return 1;
	return e->security(ssl, ctx, op, bits, nid, other, NULL);
}

// configure narrows what the site's configuration (its system_default, which
// a new context starts with) leaves. Groups and signature algorithms that it
// names itself are taken as they are, but not in FIPS mode.
static int configure(ucspi_endpoint *e, int low, int high, int fips)
{
	SSL_CTX *ctx = e->ctx;
	char list12[256], list13[128];
	int site_low = (int)SSL_CTX_get_min_proto_version(ctx), site_high = (int)SSL_CTX_get_max_proto_version(ctx);

	left(list12, sizeof list12, suites12, SSL_CTX_get_ciphers(ctx), fips);
	left(list13, sizeof list13, suites13, SSL_CTX_get_ciphers(ctx), fips);
	if (low < site_low)
		low = site_low;
	if (site_high != 0 && high > site_high)
		high = site_high;
	if (list12[0] == '\0' && low < TLS1_3_VERSION)
		low = TLS1_3_VERSION;
	if (list13[0] == '\0' && high > TLS1_2_VERSION)
		high = TLS1_2_VERSION;
	if (low > high) {
		ERR_raise_data(ERR_LIB_SSL, SSL_R_NO_PROTOCOLS_AVAILABLE, "left by OpenSSL's configuration");
		return 0;
	}
	if (!set_groups(ctx, fips) || SSL_CTX_set1_sigalgs_list(ctx, fips ? sigalgs_fips : sigalgs) != 1)
		return 0;
	if (!fips)
		SSL_CTX_config(ctx, "system_default");
	ERR_clear_error();
	if (SSL_CTX_get_security_level(ctx) < 2)
		SSL_CTX_set_security_level(ctx, 2);

	e->security = SSL_CTX_get_security_callback(ctx);
	SSL_CTX_set0_security_ex_data(ctx, e);
	SSL_CTX_set_security_callback(ctx, security);

	// A server has to let a renegotiation begin, so that the ClientHello
	// callback can answer it with a fatal alert; OpenSSL itself would send a
	// warning and go on.
	e->site_forbids_tickets = (SSL_CTX_get_options(ctx) & SSL_OP_NO_TICKET) != 0;
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_CLEANSE_PLAINTEXT |
	                             (e->server ? SSL_OP_ALLOW_CLIENT_RENEGOTIATION : SSL_OP_NO_RENEGOTIATION));
	SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, 256 * 1024);
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       (list12[0] == '\0' || SSL_CTX_set_cipher_list(ctx, list12) == 1) &&
	       SSL_CTX_set_ciphersuites(ctx, list13) == 1 &&
	       SSL_CTX_set_min_proto_version(ctx, low) == 1 && SSL_CTX_set_max_proto_version(ctx, high) == 1;
}

ucspi_endpoint *ucspi_endpoint_new(int server, int low, int high, int fips, ucspi_failure *f)
{
	ucspi_endpoint *e = OPENSSL_zalloc(sizeof *e);

	ERR_clear_error();
	if (e != NULL) {
		e->server = server;
		e->ctx = SSL_CTX_new_ex(NULL, NULL, server ? TLS_server_method() : TLS_client_method());
		if (e->ctx != NULL && configure(e, low, high, fips))
			return e;
	}
	ucspi_blame(f);
	ucspi_endpoint_free(e);
	return NULL;
}

void ucspi_endpoint_free(ucspi_endpoint *e)
{
	if (e == NULL)
		return;
	SSL_CTX_free(e->ctx);
	for (size_t i = 0; i < e->anchor_count; i++)
		OPENSSL_free(e->anchors[i].der);
	for (size_t i = 0; i < e->crl_count; i++)
		X509_CRL_free(e->crls[i]);
	OPENSSL_free(e->anchors);
	OPENSSL_free(e->crls);
	OPENSSL_free(e->alpn);
	OPENSSL_free(e);
}

// ucspi_set_alpn takes a list of protocols as it stands on the wire.
int ucspi_set_alpn(ucspi_endpoint *e, const unsigned char *list, size_t length)
{
	if (length > UINT16_MAX)
		return 0;
	if (!e->server)
		return SSL_CTX_set_alpn_protos(e->ctx, list, (unsigned int)length) == 0;
	e->alpn = OPENSSL_memdup(list, length);
	e->alpn_length = length;
	return e->alpn != NULL;
}

int ucspi_add_anchor(ucspi_endpoint *e, const unsigned char *der, size_t length, size_t subject, size_t subject_length)
{
	ucspi_anchor *more;

	if (subject > length || subject_length > length - subject ||
	    (more = OPENSSL_realloc(e->anchors, (e->anchor_count + 1) * sizeof *more)) == NULL)
		return 0;
	e->anchors = more;
	more += e->anchor_count;
	more->der = OPENSSL_memdup(der, length);
	more->length = length;
	more->subject = subject;
	more->subject_length = subject_length;
	e->anchor_count += more->der != NULL;
	return more->der != NULL;
}

// ucspi_name_anchors lists the anchors in the CertificateRequest. It fails
// for one that is no certificate.
int ucspi_name_anchors(ucspi_endpoint *e)
{
	for (size_t i = 0; i < e->anchor_count; i++) {
		X509 *c = ucspi_certificate(e->anchors[i].der, e->anchors[i].length);
		int listed = c != NULL && SSL_CTX_add_client_CA(e->ctx, c) == 1;

		X509_free(c);
		if (!listed)
			return 0;
	}
	return 1;
}

// narrows finds an extension that makes a CRL less than its issuer's whole list:
// a delta, or an issuing distribution point, which ought to be critical and may
// not be; and any critical one.
static int narrows(const STACK_OF(X509_EXTENSION) *extensions)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
		X509_EXTENSION *x = sk_X509_EXTENSION_value(extensions, i);
		int type = OBJ_obj2nid(X509_EXTENSION_get_object(x));

		if (X509_EXTENSION_get_critical(x) || type == NID_delta_crl || type == NID_issuing_distribution_point)
			return 1;
	}
	return 0;
}

// ucspi_add_crl refuses lists that speak for some certificates only (RFC 5280, 5.2).
enum ucspi_crl_fault ucspi_add_crl(ucspi_endpoint *e, const unsigned char *der, size_t length)
{
	X509_CRL *crl = ucspi_crl(der, length), **more;
	enum ucspi_crl_fault fault = UCSPI_CRL_BAD;

	if (crl != NULL && X509_CRL_get0_lastUpdate(crl) != NULL) {
		STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);

		fault = narrows(X509_CRL_get0_extensions(crl)) ? UCSPI_CRL_UNSUPPORTED : UCSPI_CRL_GOOD;
		for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++)
			if (narrows(X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(revoked, i))))
				fault = UCSPI_CRL_UNSUPPORTED;
	}
	if (fault == UCSPI_CRL_GOOD && (more = OPENSSL_realloc(e->crls, (e->crl_count + 1) * sizeof *more)) != NULL) {
		e->crls = more;
		e->crls[e->crl_count++] = crl;
		return UCSPI_CRL_GOOD;
	}
	X509_CRL_free(crl);
	ERR_clear_error();
	return fault == UCSPI_CRL_GOOD ? UCSPI_CRL_BAD : fault;
}

// ucspi_set_verify: every anchor is one, self-signed or not. The use of a
// certificate is looked at in verify.c.
void ucspi_set_verify(ucspi_endpoint *e, int mode)
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(e->ctx);

	e->verifies = 1;
	SSL_CTX_set_verify(e->ctx, mode, NULL);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_ANY);
}

// ucspi_set_host sets what the peer's certificate must be for: a name, or an
// address where its length is not zero. The subject's CN never counts.
int ucspi_set_host(ucspi_endpoint *e, const char *name, const unsigned char *ip, size_t length)
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(e->ctx);

	if (length > 0)
		return X509_VERIFY_PARAM_set1_ip(p, ip, length) == 1;
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(p, name, 0) == 1;
}
