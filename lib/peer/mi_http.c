/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "io/clock.h"
#include "peer/mi_priv.h"

/* One request a connection, one after the other: mi_http is one process, and
 * after an asynchronous command a connection that stays is never answered again.
 * curl is there only while a request is under way: an idle node costs no
 * descriptor. */

#define HEADERS_MAX 65536
#define BLANKS_MAX 4096 /* before a reply */
#define SHOWN 256       /* of what is none, in messages */

/* A socket of curl's on the loop. */
struct sock {
	struct http *h;
	curl_socket_t fd;
	struct sock *next;
};

struct http {
	struct fp_mi *m;
	struct mi_queue waiting;
	struct fp_timer kick; /* the next of the queue */
	/* of the one under way */
	struct fp_mi_call *call; /* or NULL */
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct sock *socks;
	struct fp_timer timer; /* curl's */
	struct fp_buf body;
	size_t header_bytes;
	int status; /* 0: none came */
	bool is_too_long, is_garbage;
	int no_socket; /* errno: there was none for us */
	char said[CURL_ERROR_SIZE];
	char url[FP_ENDPOINT_STRLEN];
};

static void done(struct http *h);

/* ---- curl's descriptors and deadlines on our loop */

static void turn(struct http *h, curl_socket_t fd, int what)
{
	struct fp_mi *m = h->m;
	int running;

	mi_enter(m);
	curl_multi_socket_action(h->multi, fd, what, &running);
	done(h);
	mi_leave(m);
}

static void sock_ready(void *ctx, uint32_t events)
{
	struct sock *s = ctx;

	turn(s->h, s->fd,
	     (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		     (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		     (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
}

static void timer_fired(void *ctx)
{
	turn(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void sock_del(struct http *h, struct sock *s)
{
	struct sock **at = &h->socks;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	fp_loop_fd_del(h->m->loop, s->fd);
	free(s);
}

static struct sock *sock_add(struct http *h, curl_socket_t fd, uint32_t events)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->h = h;
	s->fd = fd;
	if (fp_loop_fd_add(h->m->loop, fd, events, sock_ready, s)) {
		free(s);
		return NULL;
	}
	s->next = h->socks;
	h->socks = s;
	curl_multi_assign(h->multi, fd, s);
	return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
		     void *sockp)
{
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
			  (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	struct http *h = ctx;
	struct sock *s = sockp;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			sock_del(h, s);
		return 0;
	}
	if (s)
		return fp_loop_fd_mod(h->m->loop, fd, events) ? -1 : 0;
	return sock_add(h, fd, events) ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http *h = ctx;

	(void)multi;
	if (timeout_ms < 0)
		fp_loop_timer_disarm(h->m->loop, &h->timer);
	else if (fp_loop_timer_arm(h->m->loop, &h->timer,
				   fp_clock_ms() + timeout_ms))
		return -1;
	return 0;
}

/* ---- what comes */

/* The body of any status but 200 never ends (mi_http sends it chunked, without a
 * last chunk): the end of the headers, or sooner, is where we leave.
 * Measured: OpenSIPS 3.6.8, statuses 202, 400, 405, 500. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	char line[32];
	int status;

	n *= size;
	h->header_bytes += n;
	if (h->header_bytes > HEADERS_MAX)
		return 0;
	snprintf(line, sizeof(line), "%.*s", (int)(n < 31 ? n : 31), p);
	if (sscanf(line, "HTTP/%*d.%*d %3d", &status) == 1)
		h->status = status;
	return h->status / 100 == 1 || h->status == 200 ? n : 0;
}

/* curl has "Couldn't connect" for that, as for a server that is not there. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose,
			     struct curl_sockaddr *at)
{
	struct http *h = ctx;
	int fd = socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);

	(void)purpose;
	if (fd < 0)
		h->no_socket = errno;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Whatever begins otherwise is no reply, however long it is. */
static bool begins_as_json(const struct fp_buf *b)
{
	size_t n = 0;

	while (n < b->len && strchr(" \t\r\n", b->data[n]) && b->data[n])
		n++;
	return n < b->len ? b->data[n] == '{' || b->data[n] == '['
			  : n < BLANKS_MAX;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;

	n *= size;
	if (n > fp_mi_reply_max(h->m) - h->body.len) {
		h->is_too_long = true;
		return 0;
	}
	fp_buf_add(&h->body, p, n);
	if (h->body.len >= SHOWN && !begins_as_json(&h->body)) {
		h->is_garbage = true;
		return 0;
	}
	return h->body.is_failed ? 0 : n;
}

/* ---- a request */

static void clear(struct http *h)
{
	struct fp_loop *l = h->m->loop;

	fp_loop_timer_disarm(l, &h->timer);
	while (h->socks)
		sock_del(h, h->socks);
	if (h->multi) {
		curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, NULL);
		curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, NULL);
	}
	if (h->multi && h->easy)
		curl_multi_remove_handle(h->multi, h->easy);
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->connect_to);
	h->easy = NULL;
	h->multi = NULL;
	h->headers = h->connect_to = NULL;
	h->call = NULL;
}

/* Where the name in the URL is, so that curl never asks the DNS. */
static bool connect_to(struct http *h)
{
	const struct sockaddr_storage *sa = &h->m->sa;
	struct fp_endpoint at = { .transport = FP_T_NONE };
	char text[FP_ENDPOINT_STRLEN + 2];

	if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)sa;

		at.addr = fp_prefix_v6(&v6->sin6_addr, 128);
		at.port = ntohs(v6->sin6_port);
	} else {
		const struct sockaddr_in *v4 = (const void *)sa;

		at.addr = fp_prefix_v4(&v4->sin_addr, 32);
		at.port = ntohs(v4->sin_port);
	}
	fp_prefix_print(&at.addr, at.host);
	snprintf(text, sizeof(text),
		 strchr(at.host, ':') ? "::[%s]:%u" : "::%s:%u", at.host,
		 at.port);
	h->connect_to = curl_slist_append(NULL, text);
	return h->connect_to;
}

static bool headers(struct http *h)
{
	static const char *const lines[] = { "Content-Type: application/json",
					     "Connection: close",
					     "Expect:", "Accept:" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct curl_slist *v = curl_slist_append(h->headers, lines[i]);

		if (!v)
			return false;
		h->headers = v;
	}
	return true;
}

static void options(struct http *h, const struct fp_mi_call *c)
{
	CURL *x = h->easy;

	curl_easy_setopt(x, CURLOPT_URL, h->url);
	curl_easy_setopt(x, CURLOPT_CONNECT_TO, h->connect_to);
	curl_easy_setopt(x, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(x, CURLOPT_PROXY, "");
	curl_easy_setopt(x, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(x, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(x, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(x, CURLOPT_FORBID_REUSE, 1L);
	/* of plain HTTP curl sends with MSG_NOSIGNAL; for OpenSSL it has to
	 * ignore SIGPIPE while it works */
	curl_easy_setopt(x, CURLOPT_NOSIGNAL,
			 h->m->to.transport == FP_T_HTTP ? 1L : 0L);
	curl_easy_setopt(x, CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(x, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(x, CURLOPT_POSTFIELDSIZE, (long)c->request.len);
	curl_easy_setopt(x, CURLOPT_POSTFIELDS, c->request.data);
	curl_easy_setopt(x, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(x, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(x, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(x, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(x, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(x, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(x, CURLOPT_ERRORBUFFER, h->said);
}

static bool start(struct http *h, struct fp_mi_call *c)
{
	h->status = 0;
	h->header_bytes = 0;
	h->is_too_long = h->is_garbage = false;
	h->no_socket = 0;
	*h->said = 0;
	h->easy = curl_easy_init();
	h->multi = curl_multi_init();
	if (!h->easy || !h->multi || !connect_to(h) || !headers(h))
		return false;
	options(h, c);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return curl_multi_add_handle(h->multi, h->easy) == CURLM_OK;
}

static void next(void *ctx)
{
	struct http *h = ctx;
	struct fp_mi *m = h->m;
	struct fp_mi_call *c;
	struct fp_err e;

	mi_enter(m);
	while (!m->is_closed && !h->call && (c = h->waiting.head)) {
		mi_queue_take(&h->waiting, c);
		h->call = c;
		if (start(h, c))
			break;
		clear(h);
		mi_err(m, &e, -ENOMEM, "%s: no memory", c->method);
		mi_end(c, -ENOMEM, NULL, &e);
	}
	mi_leave(m);
}

/* Soon, but not from within: curl does not like to be ended by its own calls. */
static void kick(struct http *h)
{
	if (h->waiting.head && !h->call)
		fp_loop_timer_arm(h->m->loop, &h->kick, fp_clock_ms());
}

/* ---- its end */

static int curl_code(struct http *h, CURLcode code)
{
	long os = 0;

	curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
		return os ? -(int)os : -ETIMEDOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return os ? -(int)os : -ECONNRESET;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

static int failure(struct http *h, const struct fp_mi_call *c, CURLcode code,
		   struct fp_err *e)
{
	const char *said = *h->said ? h->said : curl_easy_strerror(code);

	if (h->status && h->status != 200)
		return mi_err(
			h->m, e, -EPROTO, "%s: HTTP status %d%s", c->method,
			h->status,
			h->status == 500
				? " (its reply may be longer than httpd's "
				  "buf_size)"
			: h->status == 400
				? " (the path may be wrong, or the request "
				  "longer than httpd's receive_buf_size)"
				: "");
	if (h->is_too_long)
		return mi_err(h->m, e, -EMSGSIZE,
			      "%s: the reply is longer than %zu bytes",
			      c->method, fp_mi_reply_max(h->m));
	if (h->no_socket)
		return mi_err(h->m, e, -h->no_socket, "%s: no socket: %s",
			      c->method, strerrordesc_np(h->no_socket));
	if (code == CURLE_GOT_NOTHING)
		return mi_err(h->m, e, -ECONNRESET,
			      "%s: the connection was closed without an answer",
			      c->method);
	if (curl_code(h, code) == -ECONNREFUSED)
		return mi_err(h->m, e, -ECONNREFUSED,
			      "%s: nobody listens there", h->url);
	return mi_err(h->m, e, curl_code(h, code), "%s: %s", c->method, said);
}

static void done(struct http *h)
{
	struct fp_mi_call *c = h->call;
	struct fp_mi *m = h->m;
	struct fp_buf body;
	CURLMsg *msg;
	struct fp_err e;
	int r = 0, left;

	msg = curl_multi_info_read(h->multi, &left);
	if (!msg || msg->msg != CURLMSG_DONE)
		return;
	if ((msg->data.result != CURLE_OK && !h->is_garbage) ||
	    h->status != 200)
		r = failure(h, c, msg->data.result, &e);
	body = h->body;
	memset(&h->body, 0, sizeof(h->body));
	clear(h);
	kick(h);
	if (r)
		mi_end(c, r, NULL, &e);
	else
		mi_reply(m, c, body.len ? body.data : "", body.len);
	fp_buf_fini(&body);
}

static int http_send(struct fp_mi *m, struct fp_mi_call *c, struct fp_err *e)
{
	struct http *h = m->data;

	mi_queue_add(&h->waiting, c);
	if (h->call)
		return 0;
	if (!fp_loop_timer_arm(m->loop, &h->kick, fp_clock_ms()))
		return 0;
	mi_queue_take(&h->waiting, c);
	return mi_err(m, e, -ENOMEM, "%s: no memory", c->method);
}

static void http_forget(struct fp_mi *m, struct fp_mi_call *c)
{
	struct http *h = m->data;

	mi_queue_take(&h->waiting, c);
	if (h->call == c) {
		clear(h);
		h->body.len = 0;
		kick(h);
	}
}

/* ---- open, close */

static int http_open(struct fp_mi *m, struct fp_err *e)
{
	struct http *h;

	if (!m->sa_len)
		return mi_err(m, e, -EDESTADDRREQ, "%s: no address",
			      m->to.host);
	h = calloc(1, sizeof(*h));
	if (!h)
		return mi_err(m, e, -ENOMEM, "no memory");
	h->m = m;
	mi_queue_init(&h->waiting);
	h->kick.fire = next;
	h->timer.fire = timer_fired;
	h->kick.ctx = h->timer.ctx = h;
	fp_endpoint_print(&m->to, h->url);
	m->data = h;
	return 0;
}

static void http_close(struct fp_mi *m)
{
	struct http *h = m->data;

	clear(h);
	fp_loop_timer_disarm(m->loop, &h->kick);
	fp_buf_fini(&h->body);
	free(h);
	m->data = NULL;
}

/* The request is bounded by httpd's receive_buf_size (1,024 unless set), the reply
 * by its buf_size (4 MB unless set): it says so by a status. */
const struct mi_transport mi_http = {
	.request_max = 0,
	.reply_max = MI_REPLY_MAX,
	.open = http_open,
	.close = http_close,
	.send = http_send,
	.forget = http_forget,
};
