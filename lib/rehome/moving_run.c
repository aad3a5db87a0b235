/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "rehome/moving_priv.h"

/* OpenSIPS asks one thing at a time over HTTP; over a unix socket no more may be out
 * than its queue holds replies (10, unless set), over UDP than its own takes: see
 * peer/mi_datagram.c.  Samples need room beside calls. */
#define UNIX_WINDOW 8
#define UDP_WINDOW 120
#define WINDOW_MAX 1024

/* ---- a connection of our own */

struct opening {
	struct moving *m;
	struct fp_lookup *lookup;
	bool is_done;
	int code;
	struct fp_err *e;
};

static int open_at(struct moving *m, const struct sockaddr *to, socklen_t len,
		   struct fp_err *e)
{
	struct fp_mi_opts o = { .to = m->o->to->proxy->to,
				.name = m->o->to->name };

	if (len > sizeof(o.sa))
		return fp_err(e, -EINVAL, "%s: no address", o.name);
	if (len)
		memcpy(&o.sa, to, len);
	o.sa_len = len;
	return fp_mi_open(&m->mi, m->loop, &o, e);
}

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *e)
{
	struct opening *w = ctx;

	w->lookup = NULL;
	w->is_done = true;
	w->code = code ? fp_err(w->e, code, "%s", e->text)
		       : open_at(w->m, to, len, w->e);
	fp_loop_stop(w->m->loop);
}

static int open_mi(struct moving *m, struct fp_err *e)
{
	const struct fp_edges_opts *o = &m->o->edges->o;
	const struct fp_endpoint *to = &m->o->to->proxy->to;
	struct opening w = { .m = m, .e = e };
	int r;

	if (!*to->host)
		return open_at(m, NULL, 0, e);
	r = fp_resolve(o->resolver, to, 8080, o->timeout_ms, resolved, &w,
		       &w.lookup, e);
	if (r)
		return r;
	r = fp_loop_wait(m->loop, &w.is_done, e);
	if (r && w.lookup)
		fp_resolve_cancel(w.lookup);
	return r ? r : w.code;
}

static unsigned int window_of(struct moving *m)
{
	unsigned int asked = m->o->mover.window ? m->o->mover.window : 8;
	unsigned int max = WINDOW_MAX;

	switch (m->o->to->proxy->to.transport) {
	case FP_T_HTTP:
	case FP_T_HTTPS:
		m->is_http = true;
		moving_say(
			m,
			"%s: over HTTP OpenSIPS moves about 2 calls a second "
			"and one at a time, as mi_http looks for "
			"answers every 500 ms; fp_mi=udp:, unix: or "
			"fifo: is the fast way",
			m->o->to->name);
		return 1;
	case FP_T_UNIX:
		max = UNIX_WINDOW;
		break;
	case FP_T_UDP:
		max = UDP_WINDOW;
		break;
	default:
		break;
	}
	if (asked > max)
		moving_say(m,
			   "%s: a window of %u instead of %u: no more fit "
			   "into its queue",
			   m->o->to->name, max, asked);
	return asked > max ? max : asked;
}

static int moving_open(struct moving *m, struct fp_err *e)
{
	int r = open_mi(m, e);

	if (r)
		return r;
	m->window = window_of(m);
	m->slot = calloc(m->window, sizeof(*m->slot));
	if (!m->slot)
		return fp_err(e, -ENOMEM, "no memory");
	for (unsigned int i = 0; i < m->window; i++)
		m->slot[i].m = m;
	return 0;
}

/* ---- what is known before */

static int by_callid(const void *a, const void *b)
{
	const struct fp_moving_call *x = *(struct fp_moving_call *const *)a;
	const struct fp_moving_call *y = *(struct fp_moving_call *const *)b;
	int r = strcmp(x->callid, y->callid);

	return r ? r : (x > y) - (x < y);
}

/* Two at once of one call would be refused, or worse: the first is asked.
 * Source: facts/opensips.md 2.3. */
static void skip_twins(struct moving *m)
{
	struct fp_moving_call **order = calloc(m->n + 1, sizeof(*order));

	for (size_t i = 0; order && i < m->n; i++)
		order[i] = &m->call[i];
	if (order)
		qsort(order, m->n, sizeof(*order), by_callid);
	for (size_t i = 1; order && i < m->n; i++) {
		if (strcmp(order[i]->callid, order[i - 1]->callid))
			continue;
		fp_mover_skip(m->mover, (size_t)(order[i] - m->call));
		snprintf(order[i]->reason, sizeof(order[i]->reason),
			 "named twice");
		order[i]->verdict = FP_MOVE_SKIPPED;
		if (m->o->verdict)
			m->o->verdict(m->o->ctx, order[i]);
	}
	free(order);
}

void moving_before(struct moving *m)
{
	m->n_all = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct fp_moving_call *c = &m->call[i];

		fp_mover_was(m->mover, i, c->was);
		c->code = 0;
		c->tries = 0;
		c->took_ms = 0;
		c->is_verified = c->is_missing = false;
		*c->reason = 0;
	}
	skip_twins(m);
	for (size_t i = 0; i < m->n; i++) {
		m->call[i].verdict = fp_mover_verdict(m->mover, i);
		m->n_all += m->call[i].verdict == FP_MOVE_WAITING;
	}
}

/* ---- all of it */

static void sum_up(struct moving *m)
{
	for (size_t i = 0; i < m->n; i++)
		m->sum->count[m->call[i].verdict]++;
}

static int verify(struct moving *m, struct fp_err *e)
{
	switch (m->o->verify) {
	case FP_VERIFY_LIST:
		return moving_verify_list(m, e);
	case FP_VERIFY_TRAFFIC:
		return moving_verify_traffic(m);
	default:
		return 0;
	}
}

static int move_all(struct moving *m, struct fp_err *e)
{
	int r = moving_open(m, e), flushed;
	int64_t start_ms = fp_clock_ms();

	if (r) {
		for (size_t i = 0; i < m->n; i++)
			m->call[i].verdict = FP_MOVE_SKIPPED;
		sum_up(m);
		return r == -EINTR || r == -ENOMEM || r == -EINVAL
			       ? r
			       : -EHOSTUNREACH;
	}
	r = moving_phase(m, ASK_MOVE, NULL, m->n);
	m->sum->took_ms = fp_clock_ms() - start_ms;
	r = moving_missing(m, r);
	sum_up(m);
	if (m->mover)
		m->sum->cost_bytes = fp_mover_cost(m->mover);
	if (r)
		*e = m->err;
	else
		r = verify(m, e);
	if (r && !*e->text)
		*e = m->err;
	if (r == -EBUSY)
		return r;
	flushed = moving_flush_all(m, r ? &m->err : e);
	return r ? r : flushed;
}

int fp_moving_run(const struct fp_moving_opts *o, struct fp_moving_call *call,
		  size_t n, struct fp_moving_sum *out, struct fp_err *e)
{
	struct moving *m = calloc(1, sizeof(*m));
	struct fp_err none = { .text = "" };
	int r;

	memset(out, 0, sizeof(*out));
	if (!m)
		return fp_err(e, -ENOMEM, "no memory");
	m->o = o;
	m->loop = o->edges->o.loop;
	m->call = call;
	m->n = n;
	m->sum = out;
	r = move_all(m, &none);
	if (r && e)
		*e = none;
	fp_mi_close(m->mi);
	fp_mover_free(m->mover);
	free(m->slot);
	free(m);
	return r;
}
