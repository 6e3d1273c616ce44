//go:build openssl && cgo

#include "layer.h"

#include <pthread.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>

// The wire is a BIO on the two buffers of a connection. Its end is not told
// to libssl, which would make an error or a close_notify of it: Go knows it.

static int wire_read(BIO *b, char *p, int length)
{
	ucspi_conn *c = BIO_get_data(b);
	size_t n = c->in_to - c->in_from;

	BIO_clear_retry_flags(b);
	if (length <= 0 || n == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	if (n > (size_t)length)
		n = (size_t)length;
	memcpy(p, c->in + c->in_from, n);
	c->in_from += n;
	return (int)n;
}

static int wire_write(BIO *b, const char *p, int length)
{
	ucspi_conn *c = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	return length >= 0 && ucspi_append(&c->out, p, (size_t)length) ? length : -1;
}

static long wire_ctrl(BIO *b, int what, long n, void *p)
{
	(void)b, (void)n, (void)p;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *wire;

static void make_wire(void)
{
	wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
	if (wire == NULL)
		return;
	BIO_meth_set_read(wire, wire_read);
	BIO_meth_set_write(wire, wire_write);
	BIO_meth_set_ctrl(wire, wire_ctrl);
}

static BIO *wire_new(ucspi_conn *c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *b;

	if (pthread_once(&once, make_wire) != 0 || wire == NULL || (b = BIO_new(wire)) == NULL)
		return NULL;
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	return b;
}

// ucspi_conn_new gives NULL only for want of memory. A client sends the name.
ucspi_conn *ucspi_conn_new(const ucspi_endpoint *e, const char *servername)
{
	ucspi_conn *c = OPENSSL_zalloc(sizeof *c);
	BIO *b = NULL;

	ERR_clear_error();
	if (c == NULL)
		return NULL;
	c->endpoint = e;
	if ((c->in = OPENSSL_malloc(UCSPI_INPUT)) == NULL || (c->ssl = SSL_new(e->ctx)) == NULL || (b = wire_new(c)) == NULL ||
	    SSL_set_app_data(c->ssl, c) != 1 ||
	    (!e->server && *servername != '\0' && SSL_set_tlsext_host_name(c->ssl, servername) != 1)) {
		BIO_free(b);
		ucspi_conn_free(c);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(c->ssl, b, b);
	if (e->server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	return c;
}

// ucspi_conn_free writes nothing.
void ucspi_conn_free(ucspi_conn *c)
{
	if (c == NULL)
		return;
	SSL_free(c->ssl);
	OPENSSL_clear_free(c->in, UCSPI_INPUT);
	OPENSSL_clear_free(c->log.bytes, c->log.room);
	OPENSSL_free(c->out.bytes);
	OPENSSL_free(c->sni);
	ucspi_wipe_ticket_keys(c);
	OPENSSL_clear_free(c, sizeof *c);
}

static enum ucspi_outcome settle(ucspi_conn *c, int result)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_NONE:
		return UCSPI_DONE;
	case SSL_ERROR_WANT_READ:
		return UCSPI_AGAIN;
	case SSL_ERROR_WANT_CLIENT_HELLO_CB:
		return UCSPI_HELLO;
	case SSL_ERROR_ZERO_RETURN:
		return UCSPI_CLOSED;
	}
	ucspi_blame(&c->failure);
	return UCSPI_FAILED;
}

enum ucspi_outcome ucspi_handshake(ucspi_conn *c)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(c->ssl);
	if (result == 1 && c->refused) {
		ucspi_refuse(c);
		return UCSPI_FAILED;
	}
	c->established = result == 1;
	if (c->established) {
		OPENSSL_cleanse(c->secret, sizeof c->secret);
		if (SSL_session_reused(c->ssl))
			c->verified = c->vouched && SSL_get0_peer_certificate(c->ssl) != NULL;
		if (!c->ticket_due || SSL_version(c->ssl) != TLS1_3_VERSION)
			ucspi_wipe_ticket_keys(c);
	}
	return settle(c, result);
}

enum ucspi_outcome ucspi_read(ucspi_conn *c, unsigned char *p, size_t length)
{
	ERR_clear_error();
	return settle(c, SSL_read_ex(c->ssl, p, length, &c->moved));
}

// ucspi_write takes all or nothing: UCSPI_AGAIN means that a message of the
// peer has come in part and must be finished first.
enum ucspi_outcome ucspi_write(ucspi_conn *c, const unsigned char *p, size_t length)
{
	enum ucspi_outcome outcome;

	ERR_clear_error();
	ucspi_send_ticket(c);
	outcome = settle(c, SSL_write_ex(c->ssl, p, length, &c->moved));
	if (outcome == UCSPI_DONE && !c->ticket_due)
		ucspi_wipe_ticket_keys(c);
	return outcome;
}

enum ucspi_outcome ucspi_close_notify(ucspi_conn *c)
{
	int result;

	if (SSL_in_init(c->ssl))
		return UCSPI_AGAIN;
	ERR_clear_error();
	result = SSL_shutdown(c->ssl);
	return result >= 0 ? UCSPI_DONE : settle(c, result);
}

// ucspi_group is the library's name of the key exchange group, "" if there is
// none yet.
const char *ucspi_group(ucspi_conn *c)
{
	const char *name = NULL;

	if (SSL_get_session(c->ssl) != NULL)
		name = SSL_group_to_name(c->ssl, (int)SSL_get_negotiated_group(c->ssl));
	ERR_clear_error();
	return name != NULL ? name : "";
}

// ucspi_peer gives the peer's certificate as DER, for the caller to free.
unsigned char *ucspi_peer(ucspi_conn *c, size_t *length)
{
	X509 *x = SSL_get0_peer_certificate(c->ssl);
	unsigned char *der = NULL;
	int n = x != NULL ? i2d_X509(x, &der) : 0;

	ERR_clear_error();
	*length = n > 0 ? (size_t)n : 0;
	return der;
}
