// What the C files and Go share. Nothing here knows a descriptor or waits.

#ifndef UCSPI_LAYER_H
#define UCSPI_LAYER_H

#if !__has_include(<openssl/opensslv.h>)
#error "the openssl backend needs the headers of OpenSSL 3.0 or later (libssl-dev, openssl-dev or openssl-devel)"
#endif
#include <openssl/opensslv.h>
#if !defined(OPENSSL_VERSION_MAJOR) || OPENSSL_VERSION_MAJOR < 3
#error "the openssl backend needs OpenSSL 3.0 or later"
#endif

#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <openssl/ssl.h>
#include "bytes.h"

// What a call came to.
enum ucspi_outcome {
	UCSPI_DONE,
	UCSPI_AGAIN,  // there must be more input first
	UCSPI_HELLO,  // the ClientHello is parsed: say which certificate
	UCSPI_CLOSED, // the peer's close_notify
	UCSPI_FAILED, // see the failure
};

// What is wrong with a peer's certificate. The first one that applies is
// reported, so the order is part of the behaviour.
enum ucspi_verdict {
	UCSPI_GOOD,
	UCSPI_UNCHECKED, // the library failed
	UCSPI_MALFORMED,
	UCSPI_LEAF_NOT_YET,
	UCSPI_LEAF_EXPIRED,
	UCSPI_WEAK_SIGNATURE,
	UCSPI_UNTRUSTED,
	UCSPI_NOT_YET,
	UCSPI_EXPIRED,
	UCSPI_BAD_CHAIN,
	UCSPI_PURPOSE,
	UCSPI_NAME,
	UCSPI_WEAK_KEY,
	UCSPI_REVOKED,
	UCSPI_NO_CRL,
};

// Whether a key can be used.
enum ucspi_key_fault { UCSPI_KEY_GOOD, UCSPI_KEY_UNSUPPORTED, UCSPI_KEY_SHORT };

// The library's own words for what went wrong, taken from the error queue.
typedef struct {
	int reason; // SSL_R_..., 0 if libssl had none
	char words[360];
} ucspi_failure;

typedef struct {
	unsigned char *der; // owned
	size_t length, subject, subject_length; // where the subject lies in der
} ucspi_anchor;

// A checked configuration. Connections only read it.
typedef struct {
	SSL_CTX *ctx;
	int server, verifies, keylog, tickets;
	int site_forbids_tickets;
	unsigned char *alpn; // as on the wire
	size_t alpn_length;
	ucspi_anchor *anchors;
	size_t anchor_count;
	X509_CRL **crls;
	size_t crl_count;
	int (*security)(const SSL *, const SSL_CTX *, int, int, int, void *, void *); // OpenSSL's own
} ucspi_endpoint;

// A session ticket key of a connection, as it is derived: no padding.
typedef struct {
	unsigned char name[16], cipher[32], mac[32];
} ucspi_ticket_key;

// A connection. Go reads and writes the fields between two calls.
typedef struct {
	SSL *ssl;
	const ucspi_endpoint *endpoint;
	time_t now;              // for dates of certificates and CRLs
	unsigned char *in;       // UCSPI_INPUT bytes
	size_t in_from, in_to;   // what is left of the input
	ucspi_buffer out, log;   // for the wire; for the key log, lines
	unsigned char *sni;      // the extension as it came, UCSPI_HELLO only
	size_t sni_length;
	int asked;               // the ClientHello was reported
	int refuse;              // the alert that answers the ClientHello
	int established;
	int version_known;       // a ServerHello was sent or received
	unsigned char secret[EVP_MAX_MD_SIZE]; // client of TLS 1.3: its handshake traffic secret
	size_t secret_length;
	int sent_alert;          // fatal, 0 for none
	int sent_no_renegotiation; // as a warning
	enum ucspi_verdict verdict;
	int refused;             // client of TLS 1.3: the certificate is bad; the wire gets nothing until the alert can be encrypted
	int verified;            // the peer's certificate is good; its key is proven when the handshake is done
	ucspi_ticket_key *ticket_keys; // current first
	size_t ticket_key_count;
	int ems;                 // the client has extended_master_secret
	int ticket_offered;      // TLS 1.2: the client takes tickets
	int leaf_limit;          // TLS 1.2: the longest certificate that the promised ticket holds; 0: none is promised
	int ticket_due;          // TLS 1.3: a ticket is to be sent
	int vouched;             // the certificate in the session of the last ticket is good
	uintptr_t self;          // for ucspiGuardSign: the Go side of this
	size_t moved;            // bytes that the last read or write dealt with
	ucspi_failure failure;   // of the last call
} ucspi_conn;

#define UCSPI_INPUT (32 * 1024)
#define UCSPI_MIN_RSA 2048
#define UCSPI_TICKET_LIFETIME (7 * 24 * 60 * 60)

// library.c
int ucspi_start(ucspi_failure *);
int ucspi_require_fips(ucspi_failure *);
int ucspi_fips(char *name, size_t room);
void ucspi_blame(ucspi_failure *);
void ucspi_say(ucspi_failure *, const char *);

// der.c
X509 *ucspi_certificate(const unsigned char *der, size_t length);
X509_CRL *ucspi_crl(const unsigned char *der, size_t length);
EVP_PKEY *ucspi_public(const unsigned char *der, size_t length);
EVP_PKEY *ucspi_private(const unsigned char *der, size_t length);

// memory.c
void ucspi_wipe_freed_memory(void);

// endpoint.c
ucspi_endpoint *ucspi_endpoint_new(int server, int low, int high, int fips, ucspi_failure *);
void ucspi_endpoint_free(ucspi_endpoint *);
int ucspi_set_alpn(ucspi_endpoint *, const unsigned char *, size_t);
int ucspi_add_anchor(ucspi_endpoint *, const unsigned char *der, size_t length, size_t subject, size_t subject_length);
int ucspi_name_anchors(ucspi_endpoint *);
enum ucspi_crl_fault { UCSPI_CRL_GOOD, UCSPI_CRL_BAD, UCSPI_CRL_UNSUPPORTED };
enum ucspi_crl_fault ucspi_add_crl(ucspi_endpoint *, const unsigned char *der, size_t length);
void ucspi_set_verify(ucspi_endpoint *, int mode);
int ucspi_set_host(ucspi_endpoint *, const char *name, const unsigned char *ip, size_t length);

// keys.c
X509 *ucspi_parse_certificate(const unsigned char *der, size_t length, ucspi_failure *);
EVP_PKEY *ucspi_parse_key(const unsigned char *der, size_t length, ucspi_failure *);
enum ucspi_key_fault ucspi_key_fault(const EVP_PKEY *, int fips);
int ucspi_match(X509 *, EVP_PKEY *);
int ucspi_use_pair(ucspi_endpoint *, ucspi_conn *, X509 *, STACK_OF(X509) *, EVP_PKEY *, ucspi_failure *);

int ucspi_pairwise(EVP_PKEY *);

// hold.c
unsigned char *ucspi_public_key(EVP_PKEY *, size_t *length);
unsigned char *ucspi_sign(EVP_PKEY *, int hash, int pss, const unsigned char *message, size_t length, size_t *signature_length, ucspi_failure *);

// guard.c
EVP_PKEY *ucspi_guarded_key(const unsigned char *der, size_t length, ucspi_failure *);
enum ucspi_outcome ucspi_handshake_guarded(ucspi_conn *);

// guard.go: signs, and gives the length of the signature, 0 if it can't.
extern size_t ucspiGuardSign(uintptr_t conn, int version, int scheme, void *message, size_t length, unsigned char *out, size_t room);

// verify.c
int ucspi_verify(X509_STORE_CTX *, void *endpoint);
int ucspi_alert_of(enum ucspi_verdict);

// conn.c
ucspi_conn *ucspi_conn_new(const ucspi_endpoint *, const char *servername);
void ucspi_conn_free(ucspi_conn *);
enum ucspi_outcome ucspi_handshake(ucspi_conn *);
enum ucspi_outcome ucspi_read(ucspi_conn *, unsigned char *, size_t);
enum ucspi_outcome ucspi_write(ucspi_conn *, const unsigned char *, size_t);
enum ucspi_outcome ucspi_close_notify(ucspi_conn *);
const char *ucspi_group(ucspi_conn *);
unsigned char *ucspi_peer(ucspi_conn *, size_t *length);

// callbacks.c
void ucspi_watch(ucspi_endpoint *, int keylog);

// tickets.c
int ucspi_use_tickets(ucspi_endpoint *);
int ucspi_add_ticket_key(ucspi_conn *, const unsigned char *secret, size_t length, const unsigned char *context, size_t context_length);
void ucspi_wipe_ticket_keys(ucspi_conn *);
void ucspi_no_ticket(ucspi_conn *);
void ucspi_ticket_hello(ucspi_conn *);
void ucspi_send_ticket(ucspi_conn *);

// seal.c
int ucspi_keep_secret(ucspi_conn *, const char *line);
void ucspi_refuse(ucspi_conn *);
const SSL_CIPHER *ucspi_suite(const ucspi_conn *);

#endif
