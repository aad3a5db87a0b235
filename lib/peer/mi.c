/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "codec/opensips.h"
#include "io/clock.h"
#include "peer/mi_priv.h"

int mi_err(const struct fp_mi *m, struct fp_err *e, int code, const char *fmt,
	   ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fp_err(e, code, "%s%s%s", m->name ? m->name : "",
		      m->name ? ": " : "", text);
}

/* ---- queues of calls */

void mi_queue_init(struct mi_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

void mi_queue_add(struct mi_queue *q, struct fp_mi_call *c)
{
	c->next = NULL;
	c->is_queued = true;
	*q->tail = c;
	q->tail = &c->next;
}

void mi_queue_take(struct mi_queue *q, struct fp_mi_call *c)
{
	struct fp_mi_call **at = &q->head;

	if (!c->is_queued)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (q->tail == &c->next)
		q->tail = at;
	c->is_queued = false;
}

/* ---- calls by their number */

static struct fp_mi_call **chain_of(struct fp_mi *m, uint32_t no)
{
	return &m->chains[no & (m->n_chains - 1)];
}

static int chains_grow(struct fp_mi *m)
{
	size_t n = m->n_chains ? m->n_chains * 2 : 16;
	struct fp_mi_call **old = m->chains, *c, *next,
			  **at = calloc(n, sizeof(*at));

	if (!at)
		return -ENOMEM;
	m->chains = at;
	for (size_t i = 0; i < m->n_chains; i++) {
		for (c = old[i]; c; c = next) {
			next = c->chain;
			c->chain = at[c->no & (n - 1)];
			at[c->no & (n - 1)] = c;
		}
	}
	m->n_chains = n;
	free(old);
	return 0;
}

static int call_add(struct fp_mi *m, struct fp_mi_call *c)
{
	if (m->n_calls >= m->n_chains && chains_grow(m) && !m->n_chains)
		return -ENOMEM;
	c->chain = *chain_of(m, c->no);
	*chain_of(m, c->no) = c;
	m->n_calls++;
	return 0;
}

static void call_take(struct fp_mi_call *c)
{
	struct fp_mi_call **at = chain_of(c->m, c->no);

	while (*at != c)
		at = &(*at)->chain;
	*at = c->chain;
	c->m->n_calls--;
}

/* One of those up to number last. */
static struct fp_mi_call *call_upto(struct fp_mi *m, uint32_t last)
{
	struct fp_mi_call *c;

	for (size_t i = 0; m->n_calls && i < m->n_chains; i++)
		for (c = m->chains[i]; c; c = c->chain)
			if ((int32_t)(c->no - last) <= 0)
				return c;
	return NULL;
}

static struct fp_mi_call *call_any(struct fp_mi *m)
{
	return call_upto(m, m->last_no);
}

/* "KEY-NUMBER" */
static struct fp_mi_call *call_find(struct fp_mi *m, const char *id)
{
	struct fp_mi_call *c;
	uint32_t no;
	int n = 0;

	if (strncmp(id, m->key, 8) || !m->n_calls ||
	    sscanf(id + 8, "-%10" SCNu32 "%n", &no, &n) != 1 || id[8 + n])
		return NULL;
	for (c = *chain_of(m, no); c; c = c->chain)
		if (c->no == no)
			return c;
	return NULL;
}

/* ---- the end of a call */

static void call_free(struct fp_mi_call *c)
{
	fp_loop_timer_disarm(c->m->loop, &c->timer);
	c->m->transport->forget(c->m, c);
	call_take(c);
	if (!c->m->n_calls)
		c->m->n_strays = 0;
	fp_buf_fini(&c->request);
	free(c);
}

void fp_mi_drop(struct fp_mi_call *c)
{
	call_free(c);
}

void mi_enter(struct fp_mi *m)
{
	m->depth++;
}

static void mi_free(struct fp_mi *m)
{
	free(m->chains);
	free(m->reply_dir);
	free(m->name);
	free(m);
}

void mi_leave(struct fp_mi *m)
{
	if (!--m->depth && m->is_closed)
		mi_free(m);
}

void mi_end(struct fp_mi_call *c, int code, const struct fp_jsonrpc *r,
	    const struct fp_err *e)
{
	void (*done)(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *e) = c->done;
	const struct fp_err none = { .text = "" };
	void *ctx = c->ctx;

	call_free(c);
	done(ctx, code, r, e ? e : &none);
}

void mi_end_all(struct fp_mi *m, int code, const struct fp_err *e)
{
	uint32_t last = m->last_no;
	struct fp_mi_call *c;

	mi_enter(m);
	/* Those that done makes are not among them. */
	while (!m->is_closed && (c = call_upto(m, last)))
		mi_end(c, code, NULL, e);
	mi_leave(m);
}

static void timed_out(void *ctx)
{
	struct fp_mi_call *c = ctx;
	struct fp_mi *m = c->m;
	struct fp_err e;
	int code = -ETIMEDOUT;

	if (m->n_strays) {
		m->n_strays--;
		code = mi_err(m, &e, m->stray_code,
			      "no reply to %s in %" PRId64
			      " ms, but \"%s\" for this or another request",
			      c->method, c->timeout_ms, m->stray);
	} else {
		mi_err(m, &e, code, "no reply to %s in %" PRId64 " ms",
		       c->method, c->timeout_ms);
	}
	mi_enter(m);
	mi_end(c, code, NULL, &e);
	mi_leave(m);
}

/* ---- names of 4.x */

/* Its request with another method; the name it is known by stays. */
static int call_rename(struct fp_mi_call *c, const char *name)
{
	struct fp_buf now = { .data = NULL };
	const char *at = memmem(c->request.data, c->request.len, "method",
				strlen("method"));
	size_t head, tail;

	at = at ? at + strlen("method\":\"") : c->request.data;
	head = (size_t)(at - c->request.data);
	tail = head + strlen(c->method);
	if (tail > c->request.len)
		return -EBADMSG;
	fp_buf_add(&now, c->request.data, head);
	fp_buf_str_add(&now, name);
	fp_buf_add(&now, c->request.data + tail, c->request.len - tail);
	if (now.is_failed) {
		fp_buf_fini(&now);
		return -ENOMEM;
	}
	fp_buf_fini(&c->request);
	c->request = now;
	c->is_renamed = true;
	return 0;
}

/* ---- what came */

/* It tells no id.  Source: OpenSIPS 3.6 mi_datagram.c: MI_INTERNAL_ERROR is sent
 * when a reply does not fit into its buffer. */
static void stray(struct fp_mi *m, struct fp_mi_call *of, const char *s,
		  size_t n, const struct fp_err *said)
{
	bool is_big = n >= 18 && !memcmp(s, "500 Internal error", 18);
	struct fp_mi_call *c = of ? of : m->n_calls == 1 ? call_any(m) : NULL;
	struct fp_err e;
	int code = is_big ? -EMSGSIZE : -EBADMSG;

	if (!c) {
		m->stray_code = code;
		m->n_strays += m->n_calls != 0;
		snprintf(m->stray, sizeof(m->stray), "%s",
			 is_big ? "500 Internal error" : "what is no JSON-RPC");
		return;
	}
	if (is_big)
		mi_err(m, &e, code,
		       "the reply to %s is too long for a datagram (\"500 "
		       "Internal error\")",
		       c->method);
	else
		mi_err(m, &e, code, "%s: %s", c->method, said->text);
	mi_end(c, code, NULL, &e);
}

/* "Method not found": once more by its name of 4.x.  Source: JSON-RPC 2.0, 5.1. */
static bool is_asked_again(struct fp_mi *m, struct fp_mi_call *c,
			   const struct fp_jsonrpc *r)
{
	char name[64];

	m->has_new_names |= c->is_renamed && !r->is_error;
	if (!r->is_error || r->code != -32601 || c->is_renamed ||
	    !fp_os_new_name(c->method, name))
		return false;
	m->transport->forget(m, c);
	return !call_rename(c, name) && !m->transport->send(m, c, NULL);
}

void mi_reply(struct fp_mi *m, struct fp_mi_call *of, const char *s, size_t n)
{
	struct fp_mi_call *c;
	struct fp_jsonrpc r;
	struct fp_err e;

	mi_enter(m);
	if (fp_jsonrpc_parse(&r, s, n, &e)) {
		stray(m, of, s, n, &e);
		mi_leave(m);
		return;
	}
	c = call_find(m, r.id);
	/* "Parse error" comes with id null. */
	if (!c && !*r.id && r.is_error)
		c = of ? of : m->n_calls == 1 ? call_any(m) : NULL;
	if (c && (!of || c == of)) {
		if (!is_asked_again(m, c, &r))
			mi_end(c, 0, &r, NULL);
	} else if (of) {
		mi_err(m, &e, -EBADMSG, "%s: the reply is for another request",
		       of->method);
		mi_end(of, -EBADMSG, NULL, &e);
	}
	fp_jsonrpc_fini(&r);
	mi_leave(m);
}

/* ---- requests */

size_t fp_mi_calls(const struct fp_mi *m)
{
	return m->n_calls;
}

size_t fp_mi_request_max(const struct fp_mi *m)
{
	return m->transport->request_max;
}

size_t fp_mi_reply_max(const struct fp_mi *m)
{
	size_t max = m->transport->reply_max;

	return m->reply_max && m->reply_max < max ? m->reply_max : max;
}

static int request_make(struct fp_mi *m, struct fp_mi_call *c,
			const char *params, struct fp_err *e)
{
	size_t max = m->transport->request_max;
	char id[32], name[64];

	snprintf(id, sizeof(id), "%s-%" PRIu32, m->key, c->no);
	fp_jsonrpc_request(&c->request, id, c->method, params);
	if (m->has_new_names && fp_os_new_name(c->method, name))
		call_rename(c, name);
	if (c->request.is_failed)
		return mi_err(m, e, -ENOMEM, "%s: no memory", c->method);
	if (max && c->request.len > max)
		return mi_err(m, e, -E2BIG,
			      "%s: %zu bytes, above %zu of this transport",
			      c->method, c->request.len, max);
	return 0;
}

static int call_start(struct fp_mi *m, struct fp_mi_call *c, const char *params,
		      struct fp_err *e)
{
	int r = request_make(m, c, params, e);

	if (r)
		return r;
	r = call_add(m, c);
	if (r)
		return mi_err(m, e, r, "%s: no memory", c->method);
	r = fp_loop_timer_arm(m->loop, &c->timer,
			      fp_clock_ms() + c->timeout_ms);
	if (r)
		mi_err(m, e, r, "%s: no memory", c->method);
	else
		r = m->transport->send(m, c, e);
	if (r) {
		fp_loop_timer_disarm(m->loop, &c->timer);
		call_take(c);
	}
	return r;
}

int fp_mi_ask(struct fp_mi *m, const char *method, const char *params,
	      int64_t timeout_ms,
	      void (*done)(void *ctx, int code, const struct fp_jsonrpc *r,
			   const struct fp_err *e),
	      void *ctx, struct fp_mi_call **out, struct fp_err *e)
{
	struct fp_mi_call *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return mi_err(m, e, -ENOMEM, "%s: no memory", method);
	c->m = m;
	c->no = ++m->last_no;
	c->done = done;
	c->ctx = ctx;
	c->timeout_ms = timeout_ms;
	c->timer.fire = timed_out;
	c->timer.ctx = c;
	snprintf(c->method, sizeof(c->method), "%s", method);
	r = call_start(m, c, params, e);
	if (r) {
		fp_buf_fini(&c->request);
		free(c);
		return r;
	}
	if (out)
		*out = c;
	return 0;
}

/* ---- open, close */

static const struct mi_transport *transport_of(enum fp_transport t)
{
	switch (t) {
	case FP_T_UDP:
	case FP_T_UNIX:
		return &mi_datagram;
	case FP_T_FIFO:
		return &mi_fifo;
	case FP_T_HTTP:
	case FP_T_HTTPS:
		return &mi_http;
	default:
		return NULL;
	}
}

static bool is_copied(struct fp_mi *m, const struct fp_mi_opts *o)
{
	m->to = o->to;
	m->sa = o->sa;
	m->sa_len = o->sa_len;
	m->reply_max = o->reply_max;
	m->name = o->name ? strdup(o->name) : NULL;
	m->reply_dir = o->reply_dir ? strdup(o->reply_dir) : NULL;
	return (m->name || !o->name) && (m->reply_dir || !o->reply_dir);
}

int fp_mi_open(struct fp_mi **out, struct fp_loop *l,
	       const struct fp_mi_opts *o, struct fp_err *e)
{
	const struct mi_transport *t = transport_of(o->to.transport);
	char shown[FP_ENDPOINT_STRLEN];
	struct fp_mi *m;
	uint32_t key;
	int r;

	if (!t) {
		fp_endpoint_print(&o->to, shown);
		return fp_err(e, -EINVAL,
			      "\"%s\": the management interface is udp:, "
			      "unix:, fifo:, http:// or https://",
			      shown);
	}
	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return fp_err_sys(e, -errno, "random bytes");
	m = calloc(1, sizeof(*m));
	if (!m)
		return fp_err(e, -ENOMEM, "no memory");
	m->loop = l;
	m->transport = t;
	snprintf(m->key, sizeof(m->key), "%08" PRIx32, key);
	r = is_copied(m, o) ? t->open(m, e) : fp_err(e, -ENOMEM, "no memory");
	if (r) {
		mi_free(m);
		return r;
	}
	*out = m;
	return 0;
}

void fp_mi_close(struct fp_mi *m)
{
	struct fp_mi_call *c;

	if (!m)
		return;
	while ((c = call_any(m)))
		call_free(c);
	m->transport->close(m);
	fp_mi_keep(m, NULL, NULL);
	m->is_closed = true;
	if (!m->depth)
		mi_free(m);
}

void fp_mi_keep(struct fp_mi *m, void *kept, void (*release)(void *kept))
{
	if (m->kept_free)
		m->kept_free(m->kept);
	m->kept = kept;
	m->kept_free = release;
}

void *fp_mi_kept(const struct fp_mi *m)
{
	return m->kept;
}
