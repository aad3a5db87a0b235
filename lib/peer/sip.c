/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/hash.h"
#include "io/clock.h"
#include "peer/sip_priv.h"

/* RFC 3261 17.1.1.1 and table 4. */
#define T1_MS 500
#define T2_MS 4000
#define NO_ROOM_MS 5 /* until a full send buffer is tried again */

/* ---- identities */

static int take_random(struct fp_sip *s, void *to, size_t n)
{
	if (s->pool_at + n > sizeof(s->pool)) {
		ssize_t got = getrandom(s->pool, sizeof(s->pool), 0);

		if (got != sizeof(s->pool))
			return got < 0 ? -errno : -EIO;
		s->pool_at = 0;
	}
	memcpy(to, s->pool + s->pool_at, n);
	explicit_bzero(s->pool + s->pool_at, n);
	s->pool_at += n;
	return 0;
}

static int make_id(struct fp_sip *s, struct sip_id *id)
{
	int r = take_random(s, id, sizeof(*id));

	id->cseq = (id->cseq & 0x7fffffff) | 1; /* RFC 3261 8.1.1.5 */
	return r;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static bool read_hex(unsigned char *to, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		int high = nibble(s[2 * i]), low = nibble(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* ---- the table of calls, by branch */

static size_t slot_of(const struct fp_sip *s, const unsigned char *branch)
{
	size_t hash;

	memcpy(&hash, branch, sizeof(hash)); /* random as it is */
	return hash & (s->size - 1);
}

static void grow(struct fp_sip *s)
{
	size_t was = s->size;
	struct fp_sip_call **table, **old = s->table;

	if (s->n < s->size)
		return;
	table = calloc(was * 2, sizeof(struct fp_sip_call *));
	if (!table)
		return; /* it is only slower */
	s->table = table;
	s->size = was * 2;
	for (size_t i = 0; i < was; i++) {
		while (old[i]) {
			struct fp_sip_call *c = old[i];
			struct fp_sip_call **to =
				&table[slot_of(s, c->id.branch)];

			old[i] = c->next;
			c->next = *to;
			*to = c;
		}
	}
	free(old);
}

static void put(struct fp_sip_call *c)
{
	struct fp_sip *s = c->s;
	struct fp_sip_call **p;

	grow(s);
	p = &s->table[slot_of(s, c->id.branch)];
	c->next = *p;
	*p = c;
	s->n++;
}

static void take_out(struct fp_sip_call *c)
{
	struct fp_sip *s = c->s;
	struct fp_sip_call **p = &s->table[slot_of(s, c->id.branch)];

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	s->n--;
}

struct fp_sip_call *fp_sip_find(const struct fp_sip *s, const char *branch,
				size_t n)
{
	unsigned char id[BRANCH_BYTES];
	struct fp_sip_call *c;

	/* RFC 3261 17.1.3 has it compared; only ours has this shape */
	if (n != strlen(COOKIE) + 2 * sizeof(id) ||
	    strncasecmp(branch, COOKIE, strlen(COOKIE)) ||
	    !read_hex(id, sizeof(id), branch + strlen(COOKIE)))
		return NULL;
	c = s->table[slot_of(s, id)];
	while (c && memcmp(c->id.branch, id, sizeof(id)))
		c = c->next;
	return c;
}

static bool is_our_call_id(const struct fp_sip_call *c,
			   const struct fp_sip_response *r)
{
	unsigned char id[CALL_ID_BYTES];

	if (c->call_id_len)
		return r->call_id_len == c->call_id_len &&
		       !memcmp(r->call_id, c->request + c->request_len,
			       c->call_id_len);
	return r->call_id_len == 2 * sizeof(id) &&
	       read_hex(id, sizeof(id), r->call_id) &&
	       !memcmp(id, c->id.call_id, sizeof(id));
}

bool fp_sip_is_answer(const struct fp_sip_call *c,
		      const struct fp_sip_response *r)
{
	const char *method = c->call_id_len ? "BYE" : "OPTIONS";

	return is_our_call_id(c, r) && r->cseq == c->id.cseq &&
	       r->method_len == strlen(method) &&
	       !memcmp(r->method, method, r->method_len) &&
	       fp_sip_find(c->s, r->branch, r->branch_len) == c;
}

/* ---- the end of a call */

void fp_sip_drop(struct fp_sip_call *c)
{
	if (!c)
		return;
	take_out(c);
	fp_loop_timer_disarm(c->s->loop, &c->timer);
	fp_sip_udp_unwatch(c);
	fp_stream_close(c->stream);
	fp_buf_fini(&c->in);
	free(c);
}

void fp_sip_end(struct fp_sip_call *c, int code,
		const struct fp_sip_response *r, const struct fp_err *e)
{
	static const struct fp_err none;
	struct fp_sip_call *was = c;
	int days = c->stream ? fp_stream_cert_days(c->stream, fp_clock_unix_s())
			     : -1;
	void (*done)(void *ctx, int code, const struct fp_sip_response *r,
		     int cert_days, const struct fp_err *e) = c->done;
	void *ctx = c->ctx;
	struct fp_buf in = c->in; /* r points into it */

	c->in = (struct fp_buf){ 0 };
	fp_sip_drop(was);
	done(ctx, code, r, days, e ? e : &none);
	fp_buf_fini(&in);
}

void fp_sip_far(const struct fp_sip_call *c, struct fp_err *e)
{
	long long ms = c->deadline_ms - c->asked_ms;

	if (c->provisional)
		fp_err(e, -ETIMEDOUT, "no more than a %d within %lld ms",
		       c->provisional, ms);
	else if (c->transport == FP_T_UDP)
		fp_err(e, -ETIMEDOUT,
		       "no reply within %lld ms, asked %u time%s", ms,
		       c->n_sent, c->n_sent == 1 ? "" : "s");
	else if (c->is_open)
		fp_err(e, -ETIMEDOUT, "connected, but no reply within %lld ms",
		       ms);
	else
		fp_err(e, -ETIMEDOUT, "no %sconnection within %lld ms",
		       c->transport == FP_T_TLS ? "TLS " : "", ms);
}

/* ---- time */

static void arm(struct fp_sip_call *c)
{
	int64_t at_ms = c->deadline_ms;

	if (c->transport == FP_T_UDP && c->again_ms < at_ms)
		at_ms = c->again_ms;
	if (c->code)
		at_ms = 1;
	/* It was armed once, so that there is room for it. */
	fp_loop_timer_arm(c->s->loop, &c->timer, at_ms);
}

/* Send, and say when to do so again: timer E. */
static void send_out(struct fp_sip_call *c)
{
	int64_t now_ms = fp_clock_ms();
	int code = fp_sip_udp_send(c);

	if (code == -EAGAIN) {
		c->again_ms = now_ms + NO_ROOM_MS;
	} else if (code) {
		c->code = code;
	} else {
		c->n_sent++;
		if (c->provisional || c->interval_ms > T2_MS)
			c->interval_ms = T2_MS;
		c->again_ms = now_ms + c->interval_ms;
		c->interval_ms *= 2;
	}
}

static void on_timer(void *ctx)
{
	struct fp_sip_call *c = ctx;
	struct fp_err e;

	if (c->code) {
		fp_err_sys(&e, c->code, "cannot send");
		fp_sip_end(c, c->code, NULL, &e);
		return;
	}
	if (fp_clock_ms() >= c->deadline_ms) {
		fp_sip_far(c, &e);
		fp_sip_end(c, -ETIMEDOUT, NULL, &e);
		return;
	}
	if (c->transport == FP_T_UDP)
		send_out(c);
	arm(c);
}

/* ---- a question */

static int begin(struct fp_sip_call *c, const struct fp_endpoint *to,
		 const struct fp_tls *tls, int64_t timeout_ms, struct fp_err *e)
{
	int r;

	c->timer = (struct fp_timer){ .fire = on_timer, .ctx = c };
	c->asked_ms = fp_clock_ms();
	c->deadline_ms = c->asked_ms + timeout_ms;
	c->interval_ms = T1_MS;
	r = fp_loop_timer_arm(c->s->loop, &c->timer, c->deadline_ms);
	if (r)
		return fp_err_sys(e, r, "SIP");
	if (c->transport != FP_T_UDP)
		return c->code ? 0 : fp_sip_stream_ask(c, to, tls, e);
	r = fp_sip_udp_watch(c);
	if (r)
		return fp_err_sys(e, r, "SIP");
	if (!c->code)
		send_out(c);
	return 0;
}

static int check_endpoint(const struct fp_sip_opts *o, enum fp_transport t,
			  const struct sockaddr *sa, struct fp_err *e)
{
	if (t != FP_T_UDP && t != FP_T_TCP && t != FP_T_TLS)
		return fp_err(e, -EPROTONOSUPPORT,
			      "SIP is asked over udp, tcp and tls alone");
	if (t == FP_T_TLS && !o->tls)
		return fp_err(e, -EPROTONOSUPPORT, "no settings for TLS");
	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return fp_err(e, -EAFNOSUPPORT, "neither IPv4 nor IPv6");
	return 0;
}

/* A call with its request, and behind it the Call-ID of one that is not ours to
 * choose; code: of what becomes of it, told by the loop. */
static struct fp_sip_call *call_new(struct fp_sip *s, const struct sip_id *id,
				    const struct sip_way *w,
				    const char *call_id, int code)
{
	size_t n = code ? 0 : s->text.len;
	size_t id_len = code || !call_id ? 0 : strlen(call_id);
	struct fp_sip_call *c = calloc(1, sizeof(*c) + n + id_len);

	if (!c)
		return NULL;
	c->s = s;
	c->id = *id;
	c->transport = w->transport;
	c->to_len = w->len < sizeof(c->to) ? w->len : sizeof(c->to);
	memcpy(&c->to, w->sa, c->to_len);
	c->code = code;
	c->request_len = n;
	c->call_id_len = id_len;
	if (n)
		memcpy(c->request, s->text.data, n);
	if (id_len)
		memcpy(c->request + n, call_id, id_len);
	return c;
}

static int start(struct fp_sip_call *c, const struct sip_way *w,
		 const struct fp_tls *tls, int64_t timeout_ms,
		 struct fp_sip_call **out, struct fp_err *e)
{
	int r;

	put(c);
	r = begin(c, w->to, tls, timeout_ms, e);
	if (r) {
		fp_sip_drop(c);
		return r;
	}
	arm(c);
	if (out)
		*out = c;
	return 0;
}

/* bye: NULL for OPTIONS. */
static int ask(struct fp_sip *s, struct sip_way *w, const struct fp_sip_opts *o,
	       const struct fp_sip_bye *bye, struct fp_sip_call **c,
	       struct fp_err *e)
{
	int r = check_endpoint(o, w->transport, w->sa, e), no_way;
	struct sip_id id;

	if (!r)
		r = fp_sip_socket_open(s, w->sa->sa_family, e);
	if (r)
		return r;
	r = make_id(s, &id);
	if (r)
		return fp_err_sys(e, r, "random numbers");
	if (bye)
		id.cseq = bye->cseq;
	/* no way there is the server's affair: it is told by done */
	no_way = fp_sip_way(s, &id, w);
	s->text.len = 0;
	if (!no_way && bye)
		r = fp_sip_way_bye(s, w, bye, e);
	else if (!no_way)
		fp_sip_way_options(s, &id, w, o);
	if (r)
		return r;
	if (!s->text.is_failed)
		*c = call_new(s, &id, w, bye ? bye->call_id : NULL, no_way);
	return *c ? 0 : fp_err_sys(e, -ENOMEM, "SIP");
}

int fp_sip_ask(struct fp_sip *s, const struct fp_endpoint *to,
	       const struct sockaddr *sa, socklen_t len,
	       const struct fp_sip_opts *o, int64_t timeout_ms,
	       void (*done)(void *ctx, int code,
			    const struct fp_sip_response *r, int cert_days,
			    const struct fp_err *e),
	       void *ctx, struct fp_sip_call **out, struct fp_err *e)
{
	return fp_sip_ask_bye(s, to, sa, len, o, NULL, timeout_ms, done, ctx,
			      out, e);
}

int fp_sip_ask_bye(struct fp_sip *s, const struct fp_endpoint *to,
		   const struct sockaddr *sa, socklen_t len,
		   const struct fp_sip_opts *o, const struct fp_sip_bye *bye,
		   int64_t timeout_ms,
		   void (*done)(void *ctx, int code,
				const struct fp_sip_response *r, int cert_days,
				const struct fp_err *e),
		   void *ctx, struct fp_sip_call **out, struct fp_err *e)
{
	struct sip_way w = {
		.to = to,
		.transport = to->transport ? to->transport : FP_T_UDP,
		.sa = sa,
		.len = len,
	};
	const struct fp_sip_opts *opts = o ? o : &s->opts;
	struct fp_sip_call *c = NULL;
	int r = ask(s, &w, opts, bye, &c, e);

	if (r)
		return r;
	c->done = done;
	c->ctx = ctx;
	return start(c, &w, opts->tls, timeout_ms, out, e);
}

/* ---- open and close */

int fp_sip_open(struct fp_sip **out, struct fp_loop *l,
		const struct fp_sip_opts *o, struct fp_err *e)
{
	struct fp_sip *s = calloc(1, sizeof(*s));

	if (s)
		s->table = calloc(64, sizeof(struct fp_sip_call *));
	if (!s || !s->table) {
		free(s);
		return fp_err_sys(e, -ENOMEM, "SIP");
	}
	s->loop = l;
	s->opts = *o;
	s->size = 64;
	s->pool_at = sizeof(s->pool);
	for (int i = 0; i < 2; i++)
		s->sockets[i].fd = s->sockets[i].route_fd = -1;
	*out = s;
	return 0;
}

void fp_sip_close(struct fp_sip *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->size; i++)
		while (s->table[i])
			fp_sip_drop(s->table[i]);
	for (int i = 0; i < 2; i++)
		fp_sip_socket_close(s, &s->sockets[i]);
	s->is_closed = true;
	if (s->is_busy)
		return;
	fp_sip_tls_close(s);
	explicit_bzero(s->pool, sizeof(s->pool));
	fp_buf_fini(&s->text);
	free(s->datagrams);
	free(s->table);
	free(s);
}
