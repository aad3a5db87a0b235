/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/time.h"
#include "io/clock.h"
#include "io/stream_priv.h"

struct fp_tls {
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	bool is_unverified;
};

/* The first of OpenSSL's complaints; it keeps no other for us. */
static const char *reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *s = ERR_reason_error_string(code);

	ERR_clear_error();
	return s ? s : "unknown error";
}

/* ---- OpenSSL's own socket BIO uses write(2), which raises SIGPIPE. */

static int bio_write(BIO *b, const char *p, int n)
{
	const struct fp_stream *s = BIO_get_data(b);
	ssize_t r = send(s->fd, p, (size_t)n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)r;
}

static int bio_read(BIO *b, char *to, int n)
{
	const struct fp_stream *s = BIO_get_data(b);
	ssize_t r = recv(s->fd, to, (size_t)n, 0);

	BIO_clear_retry_flags(b);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	return (int)r;
}

static long bio_ctrl(BIO *b, int what, long arg, void *p)
{
	(void)b;
	(void)arg;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");

	if (!m)
		return NULL;
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* ---- certificates, in words */

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static const char *date_of(const ASN1_TIME *t, char out[FP_TIME_LEN + 1])
{
	int64_t at_s = time_of(t);

	fp_time_print(at_s < 0 || at_s > FP_TIME_MAX_S ? 0 : at_s, out);
	out[FP_TIME_LEN] = 0;
	return out;
}

/* Text of somebody else's, as it can stand in a message. */
static void add_text(struct fp_buf *b, const unsigned char *p, int n)
{
	for (int i = 0; i < n && i < 80; i++) {
		char c = p[i] > ' ' && p[i] < 0x7f ? (char)p[i] : '?';

		fp_buf_add(b, &c, 1);
	}
}

static void add_name(struct fp_buf *b, const GENERAL_NAME *g)
{
	const ASN1_OCTET_STRING *ip = g->d.iPAddress;
	char text[FP_PREFIX_STRLEN];
	struct fp_prefix p;

	if (g->type == GEN_DNS) {
		add_text(b, ASN1_STRING_get0_data(g->d.dNSName),
			 ASN1_STRING_length(g->d.dNSName));
	} else if (ASN1_STRING_length(ip) == 4 ||
		   ASN1_STRING_length(ip) == 16) {
		p = ASN1_STRING_length(ip) == 4
			    ? fp_prefix_v4(ASN1_STRING_get0_data(ip), 32)
			    : fp_prefix_v6(ASN1_STRING_get0_data(ip), 128);
		fp_prefix_print(&p, text);
		fp_buf_str_add(b, text);
	}
}

static void add_common_name(struct fp_buf *b, const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *cn;

	if (at < 0)
		return;
	cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	add_text(b, ASN1_STRING_get0_data(cn), ASN1_STRING_length(cn));
}

/* Whom a certificate is for: some of its names. */
static void add_names(struct fp_buf *b, X509 *cert)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && n < 3; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type != GEN_DNS && g->type != GEN_IPADD)
			continue;
		if (n++)
			fp_buf_str_add(b, ", ");
		add_name(b, g);
	}
	if (!n)
		add_common_name(b, X509_get_subject_name(cert));
	GENERAL_NAMES_free(names);
}

static int say_other_name(struct fp_stream *s, X509 *cert, const char *name)
{
	struct fp_buf b = { 0 };
	const char *text;

	add_names(&b, cert);
	text = fp_buf_str(&b);
	fp_err(&s->err, -EKEYREJECTED, "its certificate is for %s, not for %s",
	       text && *text ? text : "nobody", name);
	fp_buf_fini(&b);
	return 0;
}

static int say_unknown_issuer(struct fp_stream *s, X509 *cert)
{
	struct fp_buf b = { 0 };
	const char *text;

	add_common_name(&b, X509_get_issuer_name(cert));
	text = fp_buf_str(&b);
	fp_err(&s->err, -EKEYREJECTED,
	       "the issuer of its certificate is not known: %s",
	       text && *text ? text : "it has no name");
	fp_buf_fini(&b);
	return 0;
}

/* Called for each error; 0 ends the handshake. */
static int on_verify(int is_ok, X509_STORE_CTX *c)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		c, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct fp_stream *s = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(c);
	int why = X509_STORE_CTX_get_error(c);
	const char *whose = X509_STORE_CTX_get_error_depth(c)
				    ? "a certificate of its issuers"
				    : "its certificate";
	char date[FP_TIME_LEN + 1];

	if (is_ok)
		return 1;
	switch (why) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		fp_err(&s->err, -EKEYREJECTED, "%s expired at %s", whose,
		       date_of(X509_get0_notAfter(cert), date));
		return 0;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		fp_err(&s->err, -EKEYREJECTED, "%s is not valid before %s",
		       whose, date_of(X509_get0_notBefore(cert), date));
		return 0;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return say_other_name(s, cert, s->name);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return say_unknown_issuer(s, cert);
	}
	fp_err(&s->err, -EKEYREJECTED, "%s: %s", whose,
	       X509_verify_cert_error_string(why));
	return 0;
}

/* ---- settings */

static int check_file(const char *file, struct fp_err *e)
{
	int r = access(file, R_OK) ? -errno : 0;

	return r ? fp_err_sys(e, r, "%s", file) : 0;
}

static int check_secret(const char *file, struct fp_err *e)
{
	struct stat st;

	if (stat(file, &st))
		return fp_err_sys(e, -errno, "%s", file);
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return fp_err(e, -EACCES,
			      "%s holds a secret, but its mode is %04o: chmod "
			      "o= %s",
			      file, (unsigned int)st.st_mode & 07777, file);
	return 0;
}

/* An encrypted key is not asked for on the terminal. */
static int no_password(char *to, int size, int is_writing, void *ctx)
{
	(void)to;
	(void)size;
	(void)is_writing;
	(void)ctx;
	return -1;
}

static int load_own(SSL_CTX *ctx, const struct fp_tls_opts *o, struct fp_err *e)
{
	const char *key = o->key_file ? o->key_file : o->cert_file;
	int r = check_file(o->cert_file, e);

	if (!r)
		r = check_file(key, e);
	if (r)
		return r;
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return fp_err(e, -EINVAL, "%s: no certificate in PEM form: %s",
			      o->cert_file, reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return fp_err(e, -EINVAL,
			      "%s: not the key of %s, in PEM form and without "
			      "a passphrase: %s",
			      key, o->cert_file, reason());
	return check_secret(key, e);
}

static int load_trust(SSL_CTX *ctx, const struct fp_tls_opts *o,
		      struct fp_err *e)
{
	int r;

	if (!o->ca_file) {
		SSL_CTX_set_default_verify_paths(ctx);
		return 0;
	}
	r = check_file(o->ca_file, e);
	if (r)
		return r;
	if (SSL_CTX_load_verify_file(ctx, o->ca_file) != 1)
		return fp_err(e, -EINVAL, "%s: no certificate in PEM form: %s",
			      o->ca_file, reason());
	return 0;
}

static int set_up(struct fp_tls *t, const struct fp_tls_opts *o,
		  struct fp_err *e)
{
	int r = -ENOMEM;

	t->is_unverified = o->is_unverified;
	t->bio = bio_method();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->bio || !t->ctx)
		return fp_err_sys(e, r, "TLS");
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION |
					    SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	/* What ca_file holds is trusted, be it no root. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(t->ctx),
				    X509_V_FLAG_PARTIAL_CHAIN);
	r = load_trust(t->ctx, o, e);
	if (!r && o->cert_file)
		r = load_own(t->ctx, o, e);
	return r;
}

int fp_tls_open(struct fp_tls **out, const struct fp_tls_opts *o,
		struct fp_err *e)
{
	struct fp_tls *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return fp_err_sys(e, -ENOMEM, "TLS");
	r = set_up(t, o, e);
	if (r) {
		fp_tls_close(t);
		return r;
	}
	*out = t;
	return 0;
}

void fp_tls_close(struct fp_tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	free(t);
}

/* ---- a connection */

/* Whom the certificate must be for. */
static int expect(struct fp_stream *s, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(s->ssl);
	struct fp_prefix p;

	X509_VERIFY_PARAM_set_time(param, fp_clock_unix_s());
	if (!fp_prefix_parse(&p, name, strlen(name), NULL))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name);
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(s->ssl, name) == 1 &&
	       SSL_set1_host(s->ssl, name) == 1;
}

int fp_stream_tls_init(struct fp_stream *s, const struct fp_tls *t,
		       const char *name)
{
	BIO *b;

	ERR_clear_error();
	s->ssl = SSL_new(t->ctx);
	b = s->ssl ? BIO_new(t->bio) : NULL;
	if (!b)
		return fp_err_sys(&s->err, -ENOMEM, "TLS");
	BIO_set_data(b, s);
	BIO_set_init(b, 1);
	SSL_set_bio(s->ssl, b, b);
	SSL_set_app_data(s->ssl, s);
	snprintf(s->name, sizeof(s->name), "%s", name);
	if (expect(s, s->name) != 1)
		return fp_err(&s->err, -EINVAL, "no name for a certificate: %s",
			      s->name);
	if (!t->is_unverified)
		SSL_set_verify(s->ssl, SSL_VERIFY_PEER, on_verify);
	SSL_set_connect_state(s->ssl);
	return 0;
}

void fp_stream_tls_fini(struct fp_stream *s)
{
	if (!s->ssl)
		return;
	if (s->state == OPEN)
		SSL_shutdown(s->ssl); /* says good-bye, waits for nothing */
	SSL_free(s->ssl);
	s->ssl = NULL;
	ERR_clear_error();
}

/* What an operation that returned n <= 0 means: 0: its end; -EAGAIN; -errno. */
static int judge(struct fp_stream *s, int n, const char *what)
{
	int saved = errno, why = SSL_get_error(s->ssl, n);

	s->is_read_blocked = why == SSL_ERROR_WANT_WRITE;
	switch (why) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return saved ? fp_err_sys(&s->err, -saved, "%s", what) : 0;
	}
	return fp_err(&s->err, -EPROTO, "%s: %s", what, reason());
}

int fp_stream_tls_shake(struct fp_stream *s)
{
	int n, r;

	ERR_clear_error();
	errno = 0;
	s->is_read_blocked = false;
	s->err.text[0] = 0;
	n = SSL_do_handshake(s->ssl);
	if (n == 1)
		return 1;
	if (s->err.text[0]) { /* by on_verify */
		ERR_clear_error();
		return -EKEYREJECTED;
	}
	r = judge(s, n, "TLS handshake");
	if (r == -EAGAIN)
		return 0;
	return r ? r
		 : fp_err(&s->err, -EPROTO,
			  "TLS handshake: the other side closed the "
			  "connection");
}

ssize_t fp_stream_tls_read(struct fp_stream *s, char *to, size_t n)
{
	size_t got;

	ERR_clear_error();
	errno = 0;
	s->is_read_blocked = false;
	if (SSL_read_ex(s->ssl, to, n, &got) == 1)
		return (ssize_t)got;
	return judge(s, 0, "connection lost");
}

ssize_t fp_stream_tls_write(struct fp_stream *s, const char *p, size_t n)
{
	size_t done;
	int r;

	ERR_clear_error();
	errno = 0;
	if (SSL_write_ex(s->ssl, p, n, &done) == 1)
		return (ssize_t)done;
	r = judge(s, 0, "connection lost");
	return r ? r : fp_err_sys(&s->err, -EPIPE, "connection lost");
}

bool fp_stream_tls_has_more(const struct fp_stream *s)
{
	return SSL_pending(s->ssl) > 0;
}

int fp_stream_cert_days(const struct fp_stream *s, int64_t now_s)
{
	const X509 *cert;
	int64_t left_s;

	if (!s->ssl || s->state == CONNECTING || s->state == HANDSHAKE)
		return -1;
	cert = SSL_get0_peer_certificate(s->ssl);
	if (!cert)
		return -1;
	left_s = time_of(X509_get0_notAfter(cert)) - now_s;
	return left_s < 0 ? 0 : (int)(left_s / 86400);
}
