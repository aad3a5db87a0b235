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

bool fp_sip_is_answer(const struct fp_sip_call *c,
		      const struct fp_sip_response *r)
{
	unsigned char id[CALL_ID_BYTES];

	return r->call_id_len == 2 * sizeof(id) &&
	       read_hex(id, sizeof(id), r->call_id) &&
	       !memcmp(id, c->id.call_id, sizeof(id)) &&
	       r->cseq == c->id.cseq && r->method_len == 7 &&
	       !memcmp(r->method, "OPTIONS", 7) &&
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

static const char *transport_word(enum fp_transport t)
{
	return t == FP_T_TCP ? "TCP" : t == FP_T_TLS ? "TLS" : "UDP";
}

static void print_uri(char *out, size_t size, const struct fp_endpoint *to,
		      enum fp_transport t)
{
	bool is_v6 = to->addr.len && !fp_prefix_is_v4(&to->addr);
	char port[8] = "";

	if (to->port)
		snprintf(port, sizeof(port), ":%u", to->port);
	snprintf(out, size, "sip:%s%s%s%s%s", is_v6 ? "[" : "", to->host,
		 is_v6 ? "]" : "", port,
		 t == FP_T_TCP   ? ";transport=tcp"
		 : t == FP_T_TLS ? ";transport=tls"
				 : "");
}

/* The request, in s->text. */
static int print_request(struct fp_sip *s, const struct sip_id *id,
			 const struct fp_endpoint *to, enum fp_transport t,
			 const struct sockaddr *sa, socklen_t len,
			 const struct fp_sip_opts *from)
{
	char uri[320], local[INET6_ADDRSTRLEN + 2], sent_by[64];
	char branch[sizeof(COOKIE) + 2 * BRANCH_BYTES];
	char call_id[2 * CALL_ID_BYTES + 1], tag[2 * TAG_BYTES + 1];
	struct fp_sip_options o = {
		.transport = transport_word(t),
		.sent_by = sent_by,
		.uri = uri,
		.user = from->from_user ? from->from_user : "fastpath",
		.domain = from->from_domain ? from->from_domain : local,
		.branch = branch,
		.tag = tag,
		.call_id = call_id,
		.cseq = id->cseq
	};
	int r = fp_sip_local(s, sa, len, local);

	if (r)
		return r;
	/* Over a connection the answer comes back on it. */
	if (t == FP_T_UDP)
		snprintf(sent_by, sizeof(sent_by), "%s:%u", local,
			 fp_sip_socket(s, sa->sa_family)->port);
	else
		snprintf(sent_by, sizeof(sent_by), "%s", local);
	print_uri(uri, sizeof(uri), to, t);
	memcpy(branch, COOKIE, sizeof(COOKIE));
	fp_hex(id->branch, sizeof(id->branch), branch + strlen(COOKIE));
	fp_hex(id->call_id, sizeof(id->call_id), call_id);
	fp_hex(id->tag, sizeof(id->tag), tag);
	s->text.len = 0;
	fp_sip_print_options(&s->text, &o);
	return s->text.is_failed ? -ENOMEM : 0;
}

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

/* A call with its request; code: of what becomes of it, told by the loop. */
static struct fp_sip_call *call_new(struct fp_sip *s, const struct sip_id *id,
				    enum fp_transport t,
				    const struct sockaddr *sa, socklen_t len,
				    int code)
{
	size_t n = code ? 0 : s->text.len;
	struct fp_sip_call *c = calloc(1, sizeof(*c) + n);

	if (!c)
		return NULL;
	c->s = s;
	c->id = *id;
	c->transport = t;
	c->to_len = len < sizeof(c->to) ? len : sizeof(c->to);
	memcpy(&c->to, sa, c->to_len);
	c->code = code;
	c->request_len = n;
	if (n)
		memcpy(c->request, s->text.data, n);
	return c;
}

int fp_sip_ask(struct fp_sip *s, const struct fp_endpoint *to,
	       const struct sockaddr *sa, socklen_t len,
	       const struct fp_sip_opts *o, int64_t timeout_ms,
	       void (*done)(void *ctx, int code,
			    const struct fp_sip_response *r, int cert_days,
			    const struct fp_err *e),
	       void *ctx, struct fp_sip_call **out, struct fp_err *e)
{
	enum fp_transport t = to->transport ? to->transport : FP_T_UDP;
	const struct fp_sip_opts *opts = o ? o : &s->opts;
	int r = check_endpoint(opts, t, sa, e);
	struct fp_sip_call *c = NULL;
	struct sip_id id;

	if (!r)
		r = fp_sip_socket_open(s, sa->sa_family, e);
	if (r)
		return r;
	r = make_id(s, &id);
	if (r)
		return fp_err_sys(e, r, "random numbers");
	/* no way there is the server's affair: it is told by done */
	r = print_request(s, &id, to, t, sa, len, opts);
	if (r != -ENOMEM)
		c = call_new(s, &id, t, sa, len, r);
	if (!c)
		return fp_err_sys(e, -ENOMEM, "SIP");
	c->done = done;
	c->ctx = ctx;
	put(c);
	r = begin(c, to, opts->tls, timeout_ms, e);
	if (r) {
		fp_sip_drop(c);
		return r;
	}
	arm(c);
	if (out)
		*out = c;
	return 0;
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
