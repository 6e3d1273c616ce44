//go:build openssl && cgo

#include "layer.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

// A client of OpenSSL's takes its handshake keys of TLS 1.3 into use, and
// reports them, only with its own second flight. An alert before that, such as
// for a bad certificate, goes out in the clear, and a server that waits for
// encrypted records takes it for a bad one. So where a certificate is refused
// the handshake goes on to that flight, which is not sent: in its place the
// alert is, encrypted here.

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// ucspi_keep_secret looks at a line of the key log: label, random, secret.
int ucspi_keep_secret(ucspi_conn *c, const char *line)
{
	static const char label[] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET ";
	size_t n = 0;

	if (strncmp(line, label, sizeof label - 1) != 0 || (line = strrchr(line, ' ')) == NULL)
		return 0;
	for (line++; n < sizeof c->secret && hex(line[0]) >= 0 && hex(line[1]) >= 0; line += 2)
		c->secret[n++] = (unsigned char)(hex(line[0]) << 4 | hex(line[1]));
	c->secret_length = n;
	return 1;
}

// ucspi_suite is the one in use or, in a handshake, to be.
const SSL_CIPHER *ucspi_suite(const ucspi_conn *c)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(c->ssl);

	return suite != NULL ? suite : SSL_get_pending_cipher(c->ssl);
}

// expand is HKDF-Expand-Label without a context (RFC 8446, 7.1).
static int expand(const ucspi_conn *c, const EVP_MD *md, const char *label, unsigned char *out, size_t length)
{
	unsigned char info[32] = { (unsigned char)(length >> 8), (unsigned char)length, (unsigned char)strlen(label) };
	size_t n = 3 + strlen(label);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, good;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(md), 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)c->secret, c->secret_length),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info, n + 1),
		OSSL_PARAM_END,
	};

	memcpy(info + 3, label, strlen(label));
	good = ctx != NULL && EVP_KDF_derive(ctx, out, length, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return good;
}

// seal is TLSInnerPlaintext and its AEAD, with sequence number 0 (RFC 8446,
// 5.2 and 5.3).
static int seal(const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *iv, const unsigned char header[5], const unsigned char inner[3], unsigned char out[19])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, good;

	good = ctx != NULL && EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, header, 5) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, inner, 3) == 1 && n == 3 &&
	       EVP_EncryptFinal_ex(ctx, out + 3, &n) == 1 && n == 0 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 3) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

// seal_alert writes an alert behind the change_cipher_spec that starts a
// client's second flight (RFC 8446, D.4).
static int seal_alert(ucspi_conn *c, int alert)
{
	static const unsigned char ccs[] = { SSL3_RT_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1 };
	static const unsigned char header[5] = { SSL3_RT_APPLICATION_DATA, 3, 3, 0, 19 };
	const unsigned char inner[3] = { SSL3_AL_FATAL, (unsigned char)alert, SSL3_RT_ALERT };
	unsigned char key[EVP_MAX_KEY_LENGTH], iv[12], sealed[19];
	const SSL_CIPHER *suite = ucspi_suite(c);
	const EVP_MD *md = SSL_CIPHER_get_handshake_digest(suite);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, OBJ_nid2sn(SSL_CIPHER_get_cipher_nid(suite)), NULL);
	int good;

	good = cipher != NULL && md != NULL && c->secret_length > 0 &&
	       expand(c, md, "tls13 key", key, (size_t)EVP_CIPHER_get_key_length(cipher)) &&
	       expand(c, md, "tls13 iv", iv, sizeof iv) &&
	       seal(cipher, key, iv, header, inner, sealed) &&
	       ucspi_append(&c->out, ccs, sizeof ccs) &&
	       ucspi_append(&c->out, header, sizeof header) &&
	       ucspi_append(&c->out, sealed, sizeof sealed);
	EVP_CIPHER_free(cipher);
	OPENSSL_cleanse(key, sizeof key);
	return good;
}

// ucspi_refuse ends a handshake that is over but for our flight.
void ucspi_refuse(ucspi_conn *c)
{
	c->out.length = 0;
	if (seal_alert(c, ucspi_alert_of(c->verdict)))
		c->sent_alert = ucspi_alert_of(c->verdict);
	else
		c->out.length = 0;
	OPENSSL_cleanse(c->secret, sizeof c->secret);
	ERR_clear_error();
	ucspi_say(&c->failure, "certificate verify failed");
	c->failure.reason = SSL_R_CERTIFICATE_VERIFY_FAILED;
}
