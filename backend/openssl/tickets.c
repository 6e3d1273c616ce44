//go:build openssl && cgo

#include "layer.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

// A ticket is libssl's (RFC 5077, 4), sealed with keys of ours:
//
//	name of the key (16 bytes), IV (16), AES-256-CBC of the session, HMAC-SHA256
//
// Name and keys are derived (HKDF-SHA256) from a ticket key and from a digest of
// what the ticket is for, so a ticket for something else has no key here. The session
// carries the time of the full handshake and, since libssl keeps only the
// leaf, what else the client presented in it:
//
//	1, seconds since 1970 (8 bytes), certificates (3 bytes of length and DER each)

enum {
	VERSION = 1,
	HEAD = 1 + 8,
	MAX_CHAIN = 16 * 1024,   // of certificates above the leaf
	MAX_SESSION = 60 * 1024, // of a ticket: libssl fails above 0xff00
};

enum { PSK_DHE_KE = 1 }; // RFC 8446, 4.2.9

static const char label[] = "ucspitls OpenSSL ticket 1";

// ucspi_add_ticket_key derives a connection's next key; the first one seals.
int ucspi_add_ticket_key(ucspi_conn *c, const unsigned char *secret, size_t length, const unsigned char *context, size_t context_length)
{
	unsigned char info[sizeof label - 1 + 32];
	ucspi_ticket_key *more = OPENSSL_clear_realloc(c->ticket_keys, c->ticket_key_count * sizeof *more, (c->ticket_key_count + 1) * sizeof *more);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, length),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info),
		OSSL_PARAM_END,
	};
	int good = 0;

	memcpy(info, label, sizeof label - 1);
	if (more != NULL) {
		c->ticket_keys = more;
		more += c->ticket_key_count;
		good = ctx != NULL && EVP_Q_digest(NULL, "SHA256", NULL, context, context_length, info + sizeof label - 1, NULL) == 1 &&
		       EVP_KDF_derive(ctx, (unsigned char *)more, sizeof *more, params) == 1;
		c->ticket_key_count += (size_t)good;
		c->leaf_limit = c->ticket_offered ? MAX_SESSION : 0;
	}
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	ERR_clear_error();
	return good;
}

void ucspi_wipe_ticket_keys(ucspi_conn *c)
{
	OPENSSL_clear_free(c->ticket_keys, c->ticket_key_count * sizeof *c->ticket_keys);
	c->ticket_keys = NULL;
	c->ticket_key_count = 0;
}

// ucspi_no_ticket is for a connection that has no keys.
void ucspi_no_ticket(ucspi_conn *c)
{
	SSL_set_options(c->ssl, SSL_OP_NO_TICKET);
	c->ticket_due = 0;
}

static int use_key(const ucspi_ticket_key *k, EVP_MAC_CTX *mac)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof k->mac),
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_END,
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// on_ticket_key gives libssl the keys of a ticket: 1 or more if there are
// some, 0 if not, negative is an error. Every ticket is renewed (2), so that
// none is seen twice on the network.
static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher_ctx, EVP_MAC_CTX *mac, int seal)
{
	ucspi_conn *c = SSL_get_app_data(ssl);
	const ucspi_ticket_key *k = c->ticket_keys;
	EVP_CIPHER *cipher;
	size_t i = 0;
	int good;

	if (!seal)
		while (i < c->ticket_key_count && memcmp(name, k[i].name, sizeof k->name) != 0)
			i++;
	if (i >= c->ticket_key_count)
		return 0;
	k += i;
	if ((cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL)) == NULL)
		return -1;
	if (seal) {
		memcpy(name, k->name, sizeof k->name);
		good = RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher)) == 1 && EVP_EncryptInit_ex(cipher_ctx, cipher, NULL, k->cipher, iv) == 1;
	} else {
		good = EVP_DecryptInit_ex(cipher_ctx, cipher, NULL, k->cipher, iv) == 1;
	}
	EVP_CIPHER_free(cipher); // the context has its own reference
	if (!good || !use_key(k, mac))
		return -1;
	return seal ? 1 : 2;
}

// encode writes what the session carries. A chain that makes it longer than
// most is left out: then nobody will resume.
static int encode(ucspi_buffer *b, time_t now, STACK_OF(X509) *chain, size_t most)
{
	int good = ucspi_append_number(b, 1, VERSION) && ucspi_append_number(b, 8, (uint64_t)now);

	for (int i = 0; good && i < sk_X509_num(chain); i++) {
		unsigned char *der = NULL;
		int length = i2d_X509(sk_X509_value(chain, i), &der);

		good = length > 0 && ucspi_append_number(b, 3, (uint64_t)length) && ucspi_append(b, der, (size_t)length);
		OPENSSL_free(der);
		if (good && b->length > most) {
			b->length = HEAD;
			break;
		}
	}
	return good;
}

// on_make fills in a new session; one that is resumed has what it needs.
static int on_make(SSL *ssl, void *unused)
{
	ucspi_conn *c = SSL_get_app_data(ssl);
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	int length = leaf != NULL ? i2d_X509(leaf, NULL) : 0;
	int most = MAX_SESSION - length < MAX_CHAIN ? MAX_SESSION - length : MAX_CHAIN;
	ucspi_buffer data = { NULL, 0, 0 };
	int good;

	(void)unused;
	if (SSL_session_reused(ssl))
		return 1;
	good = encode(&data, c->now, SSL_get_peer_cert_chain(ssl), most > 0 ? (size_t)most : 0) && // without the leaf, on a server
	       SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data.bytes, data.length) == 1;
	OPENSSL_free(data.bytes);
	return good;
}

// presented is what the client sent in the full handshake, above its leaf;
// NULL if the data is none of ours.
static STACK_OF(X509) *presented(const unsigned char *p, size_t length)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	ucspi_bytes data = { p, length }, der;

	if (!ucspi_take(&data, HEAD, &der)) {
		sk_X509_free(chain);
		return NULL;
	}
	while (chain != NULL && data.length > 0) {
		X509 *x = ucspi_take_vector(&data, 3, &der) ? ucspi_certificate(der.at, der.length) : NULL;

		if (x == NULL || sk_X509_push(chain, x) <= 0) {
			X509_free(x);
			sk_X509_pop_free(chain, X509_free);
			return NULL;
		}
	}
	return chain;
}

// verified verifies a client's certificate as a full handshake would.
static int verified(SSL *ssl, X509 *leaf, STACK_OF(X509) *chain)
{
	ucspi_conn *c = SSL_get_app_data(ssl);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int good = ctx != NULL && X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(c->endpoint->ctx), leaf, chain) == 1 &&
	           X509_STORE_CTX_set_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) == 1 &&
	           X509_STORE_CTX_set_default(ctx, "ssl_client") == 1 &&
	           X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(ctx), SSL_get0_param(ssl)) == 1;

	if (good) {
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), SSL_get_security_level(ssl));
		good = ucspi_verify(ctx, (void *)c->endpoint) == 1;
	}
	// This was about a session that may yet be dropped: it says nothing about the connection.
	c->verified = 0;
	c->verdict = UCSPI_GOOD;
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

// acceptable reports whether a full handshake would come to the same today.
static int acceptable(SSL *ssl, SSL_SESSION *s)
{
	ucspi_conn *c = SSL_get_app_data(ssl);
	X509 *leaf = SSL_SESSION_get0_peer(s);
	STACK_OF(X509) *chain;
	void *bytes;
	size_t length;
	ucspi_bytes data;
	uint64_t version, then;

	if (SSL_SESSION_get0_ticket_appdata(s, &bytes, &length) != 1)
		return 0;
	data = (ucspi_bytes){ bytes, length };
	if (!ucspi_take_number(&data, 1, &version) || version != VERSION || !ucspi_take_number(&data, 8, &then) ||
	    (int64_t)then < c->now - UCSPI_TICKET_LIFETIME || (int64_t)then > c->now + UCSPI_TICKET_LIFETIME)
		return 0;
	if (leaf == NULL) // nobody presented anything
		return data.length == 0 && (SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) == 0;
	if (!c->endpoint->verifies || (chain = presented(bytes, length)) == NULL)
		return 0;
	c->vouched = verified(ssl, leaf, chain);
	sk_X509_pop_free(chain, X509_free);
	return c->vouched;
}

// on_open says whether the session of a ticket is to be resumed. If not there
// is a full handshake, and in any case a new ticket.
static SSL_TICKET_RETURN on_open(SSL *ssl, SSL_SESSION *s, const unsigned char *name, size_t length, SSL_TICKET_STATUS status, void *unused)
{
	ucspi_conn *c = SSL_get_app_data(ssl);
	int good;

	(void)name, (void)length, (void)unused;
	c->vouched = 0;
	good = (status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW) && acceptable(ssl, s);
	ERR_clear_error(); // else libssl takes what is wrong with a ticket for what is wrong with the handshake
	return good ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_IGNORE_RENEW;
}

// ucspi_use_tickets fails where the site's configuration forbids tickets.
int ucspi_use_tickets(ucspi_endpoint *e)
{
	static const unsigned char service[] = "ucspitls";

	if (e->site_forbids_tickets)
		return 0;
	e->tickets = 1;
	SSL_CTX_clear_options(e->ctx, SSL_OP_NO_TICKET | SSL_OP_ALLOW_NO_DHE_KEX);
	SSL_CTX_set_timeout(e->ctx, UCSPI_TICKET_LIFETIME);
	SSL_CTX_set_max_early_data(e->ctx, 0);
	return SSL_CTX_set_session_id_context(e->ctx, service, sizeof service - 1) == 1 &&
	       SSL_CTX_set_session_ticket_cb(e->ctx, on_make, on_open, NULL) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(e->ctx, on_ticket_key) == 1;
}

// ucspi_ticket_hello looks at what the client can do with tickets. In TLS 1.3
// one that can't resume with a key exchange gets none (RFC 8446, 4.2.9).
void ucspi_ticket_hello(ucspi_conn *c)
{
	const unsigned char *p;
	size_t length;

	c->ems = SSL_client_hello_get0_ext(c->ssl, TLSEXT_TYPE_extended_master_secret, &p, &length) == 1;
	c->ticket_offered = SSL_client_hello_get0_ext(c->ssl, TLSEXT_TYPE_session_ticket, &p, &length) == 1;
	c->ticket_due = SSL_client_hello_get0_ext(c->ssl, TLSEXT_TYPE_psk_kex_modes, &p, &length) == 1 && length > 1 &&
	                memchr(p + 1, PSK_DHE_KE, length - 1) != NULL;
}

// ucspi_send_ticket puts the one ticket of TLS 1.3 in front of what is written
// first: a peer that sends and does not read would else close with an unread
// record, which resets the connection and destroys what it has sent.
void ucspi_send_ticket(ucspi_conn *c)
{
	int length;

	if (!c->ticket_due)
		return;
	length = i2d_SSL_SESSION(SSL_get_session(c->ssl), NULL);
	if (SSL_version(c->ssl) != TLS1_3_VERSION || length <= 0 || length > MAX_SESSION - MAX_CHAIN || SSL_new_session_ticket(c->ssl) == 1)
		c->ticket_due = 0;
}
