//go:build openssl && cgo

#include "layer.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// verdict_of says what an error of X509_verify_cert means.
static enum ucspi_verdict verdict_of(int error, int depth)
{
	switch (error) {
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
	case X509_V_ERR_INVALID_EXTENSION:
	case X509_V_ERR_INVALID_NON_CA:
	case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
		return UCSPI_MALFORMED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return depth == 0 ? UCSPI_LEAF_EXPIRED : UCSPI_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return depth == 0 ? UCSPI_LEAF_NOT_YET : UCSPI_NOT_YET;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return UCSPI_WEAK_SIGNATURE;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
	case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return UCSPI_UNTRUSTED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return UCSPI_NAME;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		return UCSPI_WEAK_KEY;
	case X509_V_ERR_UNSPECIFIED:
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_INVALID_CALL:
	case X509_V_ERR_STORE_LOOKUP:
		return UCSPI_UNCHECKED;
	}
	return UCSPI_BAD_CHAIN;
}

// answer is the alert to a verdict, and the error from which libssl makes it.
static struct answer { int error, alert; } answer(enum ucspi_verdict v)
{
	switch (v) {
	case UCSPI_GOOD:
		return (struct answer){ X509_V_OK, 0 };
	case UCSPI_LEAF_EXPIRED:
	case UCSPI_LEAF_NOT_YET:
	case UCSPI_EXPIRED:
	case UCSPI_NOT_YET: // "expired or not currently valid"
		return (struct answer){ X509_V_ERR_CERT_HAS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED };
	case UCSPI_UNTRUSTED:
	case UCSPI_BAD_CHAIN:
		return (struct answer){ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, SSL_AD_UNKNOWN_CA };
	case UCSPI_PURPOSE:
		return (struct answer){ X509_V_ERR_INVALID_PURPOSE, SSL_AD_UNSUPPORTED_CERTIFICATE };
	case UCSPI_REVOKED:
		return (struct answer){ X509_V_ERR_CERT_REVOKED, SSL_AD_CERTIFICATE_REVOKED };
	case UCSPI_NO_CRL: // libssl has no alert of its own for this error
		return (struct answer){ X509_V_ERR_DIFFERENT_CRL_SCOPE, SSL_AD_CERTIFICATE_UNKNOWN };
	case UCSPI_UNCHECKED:
		return (struct answer){ X509_V_ERR_UNSPECIFIED, SSL_AD_INTERNAL_ERROR };
	default:
		return (struct answer){ X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE };
	}
}

int ucspi_alert_of(enum ucspi_verdict v) { return answer(v).alert; }

static ucspi_conn *conn_of(X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());

	return SSL_get_app_data(ssl);
}

static void find(ucspi_conn *c, enum ucspi_verdict v)
{
	if (v != UCSPI_GOOD && (c->verdict == UCSPI_GOOD || v < c->verdict))
		c->verdict = v;
}

// collect lets the verification go on to the end, so that of several faults
// the same one is reported whatever the order in which they are found.
static int collect(int ok, X509_STORE_CTX *ctx)
{
	if (!ok) {
		find(conn_of(ctx), verdict_of(X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx)));
		X509_STORE_CTX_set_error(ctx, X509_V_OK); // else it would be reported again in place of the next
	}
	return 1;
}

static int named(const ucspi_anchor *a, const X509_NAME *name)
{
	const unsigned char *der;
	size_t length;

	return X509_NAME_get0_der(name, &der, &length) == 1 && length == a->subject_length &&
	       memcmp(der, a->der + a->subject, length) == 0;
}

// concerns: a chain from the presented certificates can end in an issuer of
// one of them or in one of them itself.
static int concerns(const ucspi_anchor *a, X509 *leaf, STACK_OF(X509) *presented)
{
	if (named(a, X509_get_issuer_name(leaf)) || named(a, X509_get_subject_name(leaf)))
		return 1;
	for (int i = 0; i < sk_X509_num(presented); i++) {
		X509 *c = sk_X509_value(presented, i);

		if (named(a, X509_get_issuer_name(c)) || named(a, X509_get_subject_name(c)))
			return 1;
	}
	return 0;
}

// candidates parses the anchors that matter and no others: a system's whole
// bundle would cost milliseconds. An anchor that can't be parsed can't be
// used. A leaf that is an anchor itself needs no other.
static STACK_OF(X509) *candidates(const ucspi_endpoint *e, X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *found = sk_X509_new_null();
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);

	for (size_t i = 0; found != NULL && i < e->anchor_count; i++) {
		const ucspi_anchor *a = &e->anchors[i];
		X509 *c;

		if (!concerns(a, leaf, X509_STORE_CTX_get0_untrusted(ctx)) || (c = ucspi_certificate(a->der, a->length)) == NULL)
			continue;
		if (X509_cmp(c, leaf) == 0)
			while (sk_X509_num(found) > 0)
				X509_free(sk_X509_pop(found));
		if (sk_X509_push(found, c) <= 0)
			X509_free(c);
		else if (X509_cmp(c, leaf) == 0)
			break;
	}
	return found;
}

// fits: an extended key usage narrows what a certificate, and all below it,
// can be used for.
static int fits(X509 *c, int use)
{
	return (X509_get_extended_key_usage(c) & (uint32_t)(use | XKU_ANYEKU)) != 0;
}

// revocation wants a current list of the issuer, signed with its key, on
// which c does not stand. c stands on none that is current.
static enum ucspi_verdict revocation(const ucspi_endpoint *e, X509 *c, X509 *issuer, time_t now)
{
	int current = 0;

	for (size_t i = 0; i < e->crl_count; i++) {
		X509_CRL *crl = e->crls[i];
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
		X509_REVOKED *entry;

		// X509_cmp_time: -1 is before or at, 1 is after, 0 is an error.
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(c)) != 0 ||
		    X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) != -1 || next == NULL || X509_cmp_time(next, &now) != 1)
			continue;
		if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0 || X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
			continue;
		current = 1;
		if (X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(c)) != 0)
			return UCSPI_REVOKED;
	}
	return current ? UCSPI_GOOD : UCSPI_NO_CRL;
}

// policy checks what X509_verify_cert has not.
static void policy(const ucspi_endpoint *e, ucspi_conn *c, STACK_OF(X509) *chain)
{
	int use = e->server ? XKU_SSL_CLIENT : XKU_SSL_SERVER;

	if (sk_X509_num(chain) == 0)
		find(c, UCSPI_UNCHECKED);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		EVP_PKEY *key = X509_get0_pubkey(x);

		if (!fits(x, use))
			find(c, UCSPI_PURPOSE);
		if (key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < UCSPI_MIN_RSA)
			find(c, UCSPI_WEAK_KEY);
	}
	if (e->crl_count == 0 || c->verdict != UCSPI_GOOD)
		return;
	for (int i = 0; i + 1 < sk_X509_num(chain) && c->verdict == UCSPI_GOOD; i++)
		c->verdict = revocation(e, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), c->now);
}

// keyless: a presented certificate has no key that can be read, on which
// X509_verify_cert gives up with X509_V_ERR_UNSPECIFIED.
static int keyless(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *presented = X509_STORE_CTX_get0_untrusted(ctx);

	if (X509_get0_pubkey(X509_STORE_CTX_get0_cert(ctx)) == NULL)
		return 1;
	for (int i = 0; i < sk_X509_num(presented); i++)
		if (X509_get0_pubkey(sk_X509_value(presented, i)) == NULL)
			return 1;
	return 0;
}

// ucspi_verify is libssl's app_verify_callback.
int ucspi_verify(X509_STORE_CTX *ctx, void *endpoint)
{
	const ucspi_endpoint *e = endpoint;
	ucspi_conn *c = conn_of(ctx);
	STACK_OF(X509) *anchors;

	if (!e->verifies) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	c->verified = 0;
	c->verdict = UCSPI_GOOD;
	anchors = candidates(e, ctx);
	X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
	X509_STORE_CTX_set_verify_cb(ctx, collect);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), c->now);
	if (anchors == NULL || X509_verify_cert(ctx) <= 0)
		find(c, UCSPI_UNCHECKED);
	// libssl would want to put the certificate into the ticket that it has promised,
	// could not, and would fail with internal_error.
	if (c->leaf_limit > 0 && SSL_version(c->ssl) == TLS1_2_VERSION && i2d_X509(X509_STORE_CTX_get0_cert(ctx), NULL) > c->leaf_limit)
		find(c, UCSPI_MALFORMED);
	policy(e, c, X509_STORE_CTX_get0_chain(ctx));
	if (c->verdict == UCSPI_UNCHECKED && keyless(ctx))
		c->verdict = UCSPI_MALFORMED;
	sk_X509_pop_free(anchors, X509_free);
	X509_STORE_CTX_set0_trusted_stack(ctx, NULL);
	ERR_clear_error();
	c->verified = c->verdict == UCSPI_GOOD;
	c->refused = !c->verified && !e->server && SSL_version(c->ssl) == TLS1_3_VERSION;
	X509_STORE_CTX_set_error(ctx, c->refused ? X509_V_OK : answer(c->verdict).error);
	return c->verified || c->refused;
}
