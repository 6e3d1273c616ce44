//go:build openssl && cgo

#include "layer.h"

#include <string.h>

// What libssl calls. A callback writes into the connection's struct, where
// Go finds it after the call.

// on_hello pauses the handshake of a server: Go chooses the certificate. It
// is called again after that, again for the ClientHello that follows a
// HelloRetryRequest, and for a renegotiation.
static int on_hello(SSL *ssl, int *alert, void *unused)
{
	ucspi_conn *c = SSL_get_app_data(ssl);
	const unsigned char *sni;

	(void)unused;
	if (c->established) {
		*alert = SSL_AD_NO_RENEGOTIATION;
		return SSL_CLIENT_HELLO_ERROR;
	}
	if (!c->asked) {
		c->asked = 1;
		if (c->endpoint->tickets)
			ucspi_ticket_hello(c);
		*alert = SSL_AD_INTERNAL_ERROR;
		if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &sni, &c->sni_length) == 1) {
			c->sni = OPENSSL_malloc(c->sni_length + 1); // it may be empty
			if (c->sni == NULL)
				return SSL_CLIENT_HELLO_ERROR;
			memcpy(c->sni, sni, c->sni_length);
		}
		return SSL_CLIENT_HELLO_RETRY;
	}
	*alert = c->refuse;
	return c->refuse != 0 ? SSL_CLIENT_HELLO_ERROR : SSL_CLIENT_HELLO_SUCCESS;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *theirs, unsigned int theirs_length, void *endpoint)
{
	const ucspi_endpoint *e = endpoint;

	(void)ssl;
	if (SSL_select_next_proto((unsigned char **)out, length, e->alpn, (unsigned int)e->alpn_length, theirs, theirs_length) == OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL; // no_application_protocol
}

static void on_alert(const SSL *ssl, int where, int alert)
{
	ucspi_conn *c = SSL_get_app_data(ssl);

	if (where != SSL_CB_WRITE_ALERT)
		return;
	if (alert >> 8 == SSL3_AL_FATAL)
		c->sent_alert = alert & 0xff;
	else if ((alert & 0xff) == SSL_AD_NO_RENEGOTIATION)
		c->sent_no_renegotiation = 1;
}

static void on_message(int sent, int version, int type, const void *message, size_t length, SSL *ssl, void *unused)
{
	ucspi_conn *c = SSL_get_app_data(ssl);

	(void)sent, (void)version, (void)unused;
	if (type == SSL3_RT_HANDSHAKE && length > 0 && *(const unsigned char *)message == SSL3_MT_SERVER_HELLO)
		c->version_known = 1;
}

static void on_key(const SSL *ssl, const char *line)
{
	ucspi_conn *c = SSL_get_app_data(ssl);

	if (!c->endpoint->server)
		ucspi_keep_secret(c, line);
	if (c->endpoint->keylog && ucspi_append(&c->log, line, strlen(line)))
		ucspi_append(&c->log, "\n", 1);
}

// ucspi_watch registers them, when all else of the endpoint is set.
void ucspi_watch(ucspi_endpoint *e, int keylog)
{
	SSL_CTX_set_info_callback(e->ctx, on_alert);
	SSL_CTX_set_msg_callback(e->ctx, on_message);
	SSL_CTX_set_cert_verify_callback(e->ctx, ucspi_verify, e);
	e->keylog = keylog;
	if (keylog || !e->server)
		SSL_CTX_set_keylog_callback(e->ctx, on_key);
	if (e->server)
		SSL_CTX_set_client_hello_cb(e->ctx, on_hello, NULL);
	if (e->alpn_length > 0)
		SSL_CTX_set_alpn_select_cb(e->ctx, on_alpn, e);
}
