/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: TCP, unix sockets, TLS with certificates good and bad. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "certs.h"
#include "io/clock.h"
#include "io/stream.h"

struct ctx {
	struct fp_loop *l;
	struct fp_stream *s;
	int n_opened, n_closed, code, cert_days;
	size_t n_got;
	char got[64];
	struct fp_err err;
	const char *hello; /* to write when open */
	size_t close_at;   /* bytes; then it is closed from within */
	bool is_closing;   /* when open */
	int64_t end_ms;
	struct fp_timer timer;
};

static void on_opened(void *arg)
{
	struct ctx *c = arg;

	c->n_opened++;
	c->cert_days = fp_stream_cert_days(c->s, fp_clock_unix_s());
	if (c->hello)
		EQ(fp_stream_write(c->s, c->hello, strlen(c->hello)), 0);
	if (c->is_closing) {
		fp_stream_close(c->s);
		c->s = NULL;
	}
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct ctx *c = arg;

	for (size_t i = 0; i < n && c->n_got + i < sizeof(c->got) - 1; i++)
		c->got[c->n_got + i] = p[i];
	c->n_got += n;
	if (c->close_at && c->n_got >= c->close_at) {
		fp_stream_close(c->s);
		c->s = NULL;
		fp_loop_stop(c->l);
	}
}

static void on_closed(void *arg, int code, const struct fp_err *e)
{
	struct ctx *c = arg;

	c->n_closed++;
	c->code = code;
	c->err = *e;
	fp_stream_close(c->s);
	c->s = NULL;
	fp_loop_stop(c->l);
}

static void on_timer(void *arg)
{
	struct ctx *c = arg;

	c->code = 1;
	fp_loop_stop(c->l);
}

static void begin(struct ctx *c)
{
	struct fp_err e;

	memset(c, 0, sizeof(*c));
	EQ(fp_loop_open(&c->l, &e), 0);
	c->timer = (struct fp_timer){ .fire = on_timer, .ctx = c };
}

static void dial(struct ctx *c, const void *to, socklen_t len,
		 const struct fp_tls *tls, const char *name)
{
	const struct fp_stream_events events = { on_opened, on_data, on_closed,
						 c };
	int n_closed = c->n_closed;
	struct fp_err e;

	if (!EQ(fp_stream_open(&c->s, c->l, to, len, tls, name, &events, &e),
		0))
		printf("# %s\n", e.text);
	EQ(c->n_closed, n_closed);
}

/* Until closed, or for_ms. */
static void run(struct ctx *c, int64_t for_ms)
{
	fp_loop_timer_arm(c->l, &c->timer, fp_clock_ms() + for_ms);
	EQ(fp_loop_run(c->l), 0);
	fp_loop_timer_disarm(c->l, &c->timer);
}

static void finish(struct ctx *c)
{
	fp_stream_close(c->s);
	fp_loop_close(c->l);
}

/* ---- servers: a thread each, for one connection */

enum talk { ECHO, FLOOD, SILENT, SINK, NO_TLS, RESET };

struct server {
	int fd;
	struct sockaddr_in at;
	enum talk talk;
	const char *cert; /* of TLS */
	const char *client_ca;
	int max_version;
	size_t n_bytes; /* to send or take */
	pthread_t thread;
};

static void talk_tcp(struct server *v, int fd)
{
	char b[4096];
	ssize_t n;

	memset(b, 'x', sizeof(b));
	if (v->talk == ECHO && (n = recv(fd, b, sizeof(b), 0)) > 0)
		send(fd, b, (size_t)n, MSG_NOSIGNAL);
	if (v->talk == NO_TLS)
		send(fd, "SIP/2.0 200 OK\r\n\r\n", 18, MSG_NOSIGNAL);
	for (; v->talk == FLOOD && v->n_bytes; v->n_bytes--)
		if (send(fd, b, 1, MSG_NOSIGNAL) < 0)
			break;
	if (v->talk == SINK)
		usleep(50000); /* so that it has to wait */
	while (v->talk == SINK && (n = recv(fd, b, sizeof(b), 0)) > 0)
		v->n_bytes += (size_t)n;
	if (v->talk == SILENT)
		while (recv(fd, b, sizeof(b), 0) > 0)
			;
	if (v->talk == RESET) {
		struct linger now = { 1, 0 };

		recv(fd, b, 1, 0);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
}

static SSL_CTX *server_ctx(const struct server *v)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char name[64];

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, v->max_version);
	snprintf(name, sizeof(name), "%s.pem", v->cert);
	SSL_CTX_use_certificate_chain_file(ctx, certs_file(name));
	snprintf(name, sizeof(name), "%s.key", v->cert);
	SSL_CTX_use_PrivateKey_file(ctx, certs_file(name), SSL_FILETYPE_PEM);
	if (v->client_ca) {
		SSL_CTX_load_verify_file(ctx, certs_file(v->client_ca));
		SSL_CTX_set_verify(ctx,
				   SSL_VERIFY_PEER |
					   SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	}
	return ctx;
}

static void talk_tls(struct server *v, int fd)
{
	SSL_CTX *ctx = server_ctx(v);
	SSL *ssl = SSL_new(ctx);
	char b[40000];
	int n;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		if (v->talk == ECHO && (n = SSL_read(ssl, b, sizeof(b))) > 0)
			SSL_write(ssl, b, n);
		if (v->talk == FLOOD)
			SSL_read(ssl, b, 5);
		memset(b, 'x', sizeof(b));
		for (; v->talk == FLOOD && v->n_bytes;
		     v->n_bytes -=
		     sizeof(b) < v->n_bytes ? sizeof(b) : v->n_bytes)
			SSL_write(ssl, b, sizeof(b));
		if (v->talk == SINK)
			usleep(50000);
		while (v->talk == SINK && (n = SSL_read(ssl, b, 4096)) > 0)
			v->n_bytes += (size_t)n;
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void *serve(void *arg)
{
	struct server *v = arg;
	int fd = accept(v->fd, NULL, NULL);

	if (fd < 0)
		return NULL;
	if (v->cert)
		talk_tls(v, fd);
	else
		talk_tcp(v, fd);
	close(fd);
	return NULL;
}

static void server_start(struct server *v)
{
	socklen_t len = sizeof(v->at);

	/* the server's SSL_write */
	signal(SIGPIPE, SIG_IGN);
	v->at = (struct sockaddr_in){ .sin_family = AF_INET };
	v->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v->fd = socket(AF_INET, SOCK_STREAM, 0);
	EQ(bind(v->fd, (struct sockaddr *)&v->at, len), 0);
	EQ(listen(v->fd, 8), 0);
	EQ(getsockname(v->fd, (struct sockaddr *)&v->at, &len), 0);
	EQ(pthread_create(&v->thread, NULL, serve, v), 0);
}

static void server_stop(struct server *v)
{
	shutdown(v->fd, SHUT_RDWR);
	pthread_join(v->thread, NULL);
	close(v->fd);
}

/* ---- TCP */

TEST(tcp_echo)
{
	struct server v = { .talk = ECHO };
	struct ctx c;

	server_start(&v);
	begin(&c);
	c.hello = "hello";
	dial(&c, &v.at, sizeof(v.at), NULL, NULL);
	EQ(fp_stream_cert_days(c.s, 0), -1);
	EQ(fp_stream_write(c.s, "first ", 6), 0);
	EQ(fp_stream_unsent(c.s), 6);
	run(&c, 10000);
	EQ(c.n_opened, 1);
	EQ(c.code, 0);
	STR(c.got, "first hello");
	STR(c.err.text, "the other side closed the connection");
	server_stop(&v);
	finish(&c);
}

TEST(tcp_refused_is_told_by_the_loop)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct ctx c;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.sin_port = htons(1);
	begin(&c);
	dial(&c, &at, sizeof(at), NULL, NULL);
	run(&c, 10000);
	EQ(c.n_opened, 0);
	EQ(c.code, -ECONNREFUSED);
	STR(c.err.text, "cannot connect: Connection refused");
	finish(&c);
}

TEST(tcp_reset)
{
	struct server v = { .talk = RESET };
	struct ctx c;

	server_start(&v);
	begin(&c);
	c.hello = "x";
	dial(&c, &v.at, sizeof(v.at), NULL, NULL);
	run(&c, 10000);
	EQ(c.n_opened, 1);
	EQ(c.code, -ECONNRESET);
	server_stop(&v);
	finish(&c);
}

/* It may be closed in any callback, and before anything happened. */
TEST(closed_from_within)
{
	struct server v = { .talk = FLOOD, .n_bytes = 100000 };
	struct server w = { .talk = SILENT };
	struct ctx c;

	server_start(&v);
	begin(&c);
	c.close_at = 1;
	dial(&c, &v.at, sizeof(v.at), NULL, NULL);
	run(&c, 10000);
	EQ(c.n_closed, 0);
	OK(c.n_got > 0);
	server_stop(&v);
	server_start(&w);
	c.is_closing = true;
	dial(&c, &w.at, sizeof(w.at), NULL, NULL);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_opened, 2);
	server_stop(&w);
	server_start(&w);
	dial(&c, &w.at, sizeof(w.at), NULL, NULL);
	fp_stream_close(c.s);
	c.s = NULL;
	EQ(fp_loop_run(c.l), 0);
	server_stop(&w);
	fp_stream_close(NULL);
	finish(&c);
}

/* More than the sockets hold goes out in time. */
static void push_much(struct server *v, const struct fp_tls *tls)
{
	size_t n = 16 << 20, waited = 0;
	char *much = malloc(n);
	struct ctx c;

	memset(much, 'y', n);
	server_start(v);
	begin(&c);
	dial(&c, &v->at, sizeof(v->at), tls, "127.0.0.1");
	EQ(fp_stream_write(c.s, much, n), 0);
	EQ(fp_stream_unsent(c.s), n);
	while (c.s && fp_stream_unsent(c.s)) {
		run(&c, 5);
		waited++;
	}
	OK(waited > 1);
	EQ(c.n_closed, 0);
	finish(&c);
	server_stop(v);
	EQ(v->n_bytes, n);
	free(much);
}

TEST(tcp_much)
{
	struct server v = { .talk = SINK };

	push_much(&v, NULL);
}

/* ---- unix sockets */

TEST(unix_sockets)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct ctx c;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), one, fill[16], n = 0;

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/fastpath-s.%d",
		 (int)getpid());
	begin(&c);
	dial(&c, &at, sizeof(at), NULL, NULL);
	run(&c, 10000);
	EQ(c.code, -ENOENT);
	EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	dial(&c, &at, sizeof(at), NULL, NULL);
	run(&c, 10000);
	EQ(c.code, -ECONNREFUSED);
	/* the backlog is full: it waits for its turn */
	EQ(listen(fd, 0), 0);
	for (; n < 16; n++) {
		fill[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fill[n], (struct sockaddr *)&at, sizeof(at)))
			break;
	}
	EQ(errno, EAGAIN);
	c.n_closed = 0;
	c.hello = "hello";
	dial(&c, &at, sizeof(at), NULL, NULL);
	run(&c, 50);
	EQ(c.n_opened, 0);
	for (int i = 0; i < n; i++)
		close(accept(fd, NULL, NULL));
	for (int i = 0; i < 500 && !c.n_opened; i++)
		run(&c, 20);
	EQ(c.n_opened, 1);
	one = accept(fd, NULL, NULL);
	EQ(send(one, "bye", 3, 0), 3);
	close(one);
	c.n_closed = 0;
	run(&c, 10000);
	EQ(c.n_closed, 1);
	STR(c.got, "bye");
	finish(&c);
	unlink(at.sun_path);
	close(fd);
}

/* ---- TLS */

static struct fp_tls *tls_of(const struct fp_tls_opts *o)
{
	struct fp_tls *t = NULL;
	struct fp_err e;

	if (!EQ(fp_tls_open(&t, o, &e), 0))
		printf("# %s\n", e.text);
	return t;
}

/* One connection; c is filled. */
static void shake(struct ctx *c, struct server *v, const struct fp_tls_opts *o,
		  const char *name)
{
	struct fp_tls *t = tls_of(o);

	if (!v->max_version)
		v->max_version = TLS1_3_VERSION;
	server_start(v);
	begin(c);
	c->hello = "hello";
	dial(c, &v->at, sizeof(v->at), t, name);
	run(c, 20000);
	server_stop(v);
	finish(c);
	fp_tls_close(t);
}

TEST(tls_good)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "::1" };
	struct fp_tls_opts o;
	struct ctx c;

	certs_make();
	o = (struct fp_tls_opts){ .ca_file = certs_file("ca.pem") };
	for (int i = 0; i < 6; i++) {
		struct server v = { .talk = ECHO, .cert = "good" };

		v.max_version = i < 3 ? TLS1_2_VERSION : TLS1_3_VERSION;
		shake(&c, &v, &o, names[i % 3]);
		EQ(c.n_opened, 1);
		EQ(c.code, 0);
		STR(c.got, "hello");
		OK(c.cert_days == 29 || c.cert_days == 30);
		STR(c.err.text, "the other side closed the connection");
	}
}

static const struct {
	const char *cert, *ca, *name, *want;
} bad[] = {
	{ "expired", "ca.pem", "127.0.0.1", "its certificate expired at 20" },
	{ "name", "ca.pem", "127.0.0.1",
	  "its certificate is for sip9.example.net, not for 127.0.0.1" },
	{ "name", "ca.pem", "sip1.example.net",
	  "its certificate is for sip9.example.net, not for sip1.example.net" },
	{ "good", "ca.pem", "127.0.0.2",
	  "its certificate is for 127.0.0.1, ::1, localhost, not for "
	  "127.0.0.2" },
	{ "good", "other-ca.pem", "127.0.0.1",
	  "the issuer of its certificate is not known: test?ca" },
	{ "good", NULL, "127.0.0.1",
	  "the issuer of its certificate is not known: test?ca" },
	{ "other-ca", "ca.pem", "127.0.0.1",
	  "the issuer of its certificate is not known: test?other-ca" },
};

TEST(tls_bad_certificates)
{
	struct ctx c;

	certs_make();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fp_tls_opts o = {
			.ca_file = bad[i].ca ? certs_file(bad[i].ca) : NULL
		};
		struct server v = { .talk = ECHO, .cert = bad[i].cert };

		v.max_version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
		shake(&c, &v, &o, bad[i].name);
		EQ(c.n_opened, 0);
		EQ(c.code, -EKEYREJECTED);
		HAS(c.err.text, bad[i].want);
	}
}

TEST(tls_any_certificate_when_told)
{
	struct fp_tls_opts o = { .is_unverified = true };
	struct server v = { .talk = ECHO, .cert = "expired" };
	struct ctx c;

	certs_make();
	shake(&c, &v, &o, "sip1.example.net");
	EQ(c.n_opened, 1);
	EQ(c.cert_days, 0);
}

/* The clock that tests turn is the one that counts. */
TEST(tls_clock)
{
	struct fp_tls_opts o;
	struct server v = { .talk = ECHO, .cert = "soon" };
	struct server w = { .talk = ECHO, .cert = "soon" };
	struct ctx c;

	certs_make();
	o = (struct fp_tls_opts){ .ca_file = certs_file("ca.pem") };
	shake(&c, &v, &o, "127.0.0.1");
	OK(c.cert_days == 4 || c.cert_days == 5);
	fp_clock_turn((int64_t)6 * 86400 * 1000);
	shake(&c, &w, &o, "127.0.0.1");
	EQ(c.code, -EKEYREJECTED);
	HAS(c.err.text, "expired at");
}

TEST(tls_versions_and_no_tls)
{
	struct server v = { .cert = "good", .max_version = TLS1_1_VERSION };
	struct server w = { .talk = NO_TLS };
	struct server x = { .talk = RESET };
	struct fp_tls_opts o;
	struct ctx c;

	certs_make();
	o = (struct fp_tls_opts){ .ca_file = certs_file("ca.pem") };
	shake(&c, &v, &o, "127.0.0.1");
	EQ(c.code, -EPROTO);
	HAS(c.err.text, "TLS handshake: ");
	shake(&c, &w, &o, "127.0.0.1");
	EQ(c.code, -EPROTO);
	HAS(c.err.text, "TLS handshake: wrong version number");
	shake(&c, &x, &o, "127.0.0.1");
	EQ(c.code, -ECONNRESET);
	HAS(c.err.text, "TLS handshake: Connection reset");
}

TEST(tls_silent)
{
	struct server v = { .talk = SILENT };
	struct fp_tls_opts o;
	struct fp_tls *t;
	struct ctx c;

	certs_make();
	o = (struct fp_tls_opts){ .ca_file = certs_file("ca.pem") };
	t = tls_of(&o);
	server_start(&v);
	begin(&c);
	dial(&c, &v.at, sizeof(v.at), t, "127.0.0.1");
	run(&c, 100);
	EQ(c.n_opened + c.n_closed, 0);
	finish(&c);
	server_stop(&v);
	fp_tls_close(t);
}

TEST(tls_own_certificate)
{
	struct fp_tls_opts o;
	struct ctx c;

	certs_make();
	for (int i = 0; i < 4; i++) {
		struct server v = { .talk = ECHO,
				    .cert = "good",
				    .client_ca = "ca.pem" };

		o = (struct fp_tls_opts){ .ca_file = certs_file("ca.pem") };
		if (i < 2) {
			o.cert_file = certs_file("name.pem");
			o.key_file = certs_file("name.key");
		}
		v.max_version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
		shake(&c, &v, &o, "127.0.0.1");
		if (i < 2) {
			STR(c.got, "hello");
		} else {
			OK(c.code == -EPROTO || c.code == -ECONNRESET);
			STR(c.got, "");
		}
	}
}

TEST(tls_much)
{
	struct server v = { .talk = SINK,
			    .cert = "good",
			    .max_version = TLS1_3_VERSION };
	struct server w = { .talk = FLOOD,
			    .cert = "good",
			    .max_version = TLS1_3_VERSION,
			    .n_bytes = 4000000 };
	struct fp_tls_opts o;
	struct fp_tls *t;
	struct ctx c;

	certs_make();
	o = (struct fp_tls_opts){ .ca_file = certs_file("ca.pem") };
	t = tls_of(&o);
	push_much(&v, t);
	fp_tls_close(t);
	shake(&c, &w, &o, "127.0.0.1");
	EQ(c.n_got, 4000000);
	EQ(c.code, 0);
}

TEST(tls_files)
{
	struct fp_tls_opts o = { .ca_file = "/nonexistent/ca.pem" };
	struct fp_tls *t = NULL;
	struct fp_err e;

	certs_make();
	EQ(fp_tls_open(&t, &o, &e), -ENOENT);
	HAS(e.text, "/nonexistent/ca.pem: No such file");
	o.ca_file = certs_file("ca.key");
	EQ(fp_tls_open(&t, &o, &e), -EINVAL);
	HAS(e.text, "ca.key: no certificate in PEM form");
	o.ca_file = NULL;
	o.cert_file = certs_file("good.pem");
	o.key_file = certs_file("name.key");
	EQ(fp_tls_open(&t, &o, &e), -EINVAL);
	HAS(e.text, "name.key: not the key of");
	o.key_file = certs_file("good.key");
	EQ(chmod(o.key_file, 0604), 0);
	EQ(fp_tls_open(&t, &o, &e), -EACCES);
	HAS(e.text, "its mode is 0604");
	o.key_file = NULL;
	EQ(fp_tls_open(&t, &o, &e), -EINVAL);
	HAS(e.text, "good.pem: not the key of");
	OK(!t);
	fp_tls_close(NULL);
}
