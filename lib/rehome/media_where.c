/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine knows which call: NG "query", a window of them at a time. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "rehome/media.h"

#define WINDOW 32
#define ANSWER_MS 3000 /* a request is sent 4 times in it: peer/ng.h */

struct asking;
struct slot {
	struct asking *a;
	struct fp_ng_call *call; /* NULL: free */
	size_t i_call, i_engine;
};
struct asking {
	struct fp_media *m;
	struct fp_media_call *call;
	size_t n, next; /* of n calls x engines */
	size_t n_flying;
	struct slot slot[WINDOW];
	bool is_done;
};

/* ---- an answer */

/* A timestamp, a count: -1 when it is not there. */
static int64_t number(const struct fp_bencode *r, const char *path)
{
	struct fp_bencode v;

	return fp_bencode_get(r, path, &v) && v.kind == FP_BEN_INT ? v.i : -1;
}

static void take(struct slot *s, const struct fp_bencode *r)
{
	struct fp_media_seen *seen = &s->a->call[s->i_call].seen[s->i_engine];
	struct fp_bencode v;

	if (!fp_bencode_get(r, "result", &v) || !fp_bencode_is(&v, "ok"))
		return; /* "Unknown call-id" */
	seen->signal_s = number(r, "last signal");
	if (seen->signal_s < 0)
		seen->signal_s = 0;
	seen->packets = number(r, "totals.RTP.packets");
}

static void go_on(struct asking *a);

static void answered(void *ctx, int code, const struct fp_bencode *r,
		     const struct fp_err *e)
{
	struct slot *s = ctx;
	struct asking *a = s->a;
	struct fp_engine_node *x = &a->m->v[s->i_engine];

	s->call = NULL;
	a->n_flying--;
	if (!code) {
		take(s, r);
	} else if (x->is_answering) {
		x->is_answering = false;
		x->err = *e;
	}
	go_on(a);
}

/* ---- questions */

static int ask(struct slot *s, struct fp_err *e)
{
	const struct fp_media *m = s->a->m;
	const struct fp_engine_node *x = &m->v[s->i_engine];
	struct fp_buf b = { 0 };
	int r = -ENOMEM;

	fp_bencode_dict(&b);
	fp_bencode_str(&b, "call-id");
	fp_bencode_str(&b, s->a->call[s->i_call].callid);
	fp_bencode_str(&b, "command");
	fp_bencode_str(&b, "query");
	fp_bencode_end(&b);
	if (!b.is_failed)
		r = fp_ng_ask(m->ng, (const struct sockaddr *)&x->ng, x->ng_len,
			      b.data, b.len,
			      m->o.timeout_ms < ANSWER_MS ? m->o.timeout_ms
							  : ANSWER_MS,
			      answered, s, &s->call, e);
	else
		fp_err_sys(e, r, "rtpengine");
	fp_buf_fini(&b);
	return r;
}

static struct slot *free_slot(struct asking *a)
{
	for (size_t i = 0; i < WINDOW; i++)
		if (!a->slot[i].call)
			return &a->slot[i];
	return NULL;
}

static void go_on(struct asking *a)
{
	const size_t total = a->n * a->m->n;
	struct slot *s;

	while (a->next < total && (s = free_slot(a))) {
		struct fp_engine_node *x = &a->m->v[a->next % a->m->n];

		s->a = a;
		s->i_call = a->next / a->m->n;
		s->i_engine = a->next % a->m->n;
		a->next++;
		if (!x->is_answering)
			continue;
		if (!ask(s, &x->err)) {
			a->n_flying++;
		} else {
			s->call = NULL;
			x->is_answering = false;
		}
	}
	if (a->n_flying)
		return;
	a->is_done = true;
	fp_loop_stop(a->m->o.loop);
}

int fp_media_where(struct fp_media *m, struct fp_media_call *call, size_t n,
		   struct fp_err *e)
{
	struct asking a = { .m = m, .call = call, .n = n };
	int r = 0;

	for (size_t i = 0; i < m->n; i++)
		m->v[i].is_answering = m->v[i].ng_len;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m->n; k++)
			call[i].seen[k] = (struct fp_media_seen){ -1, -1 };
	go_on(&a);
	if (!a.is_done)
		r = fp_loop_wait(m->o.loop, &a.is_done, e);
	for (size_t i = 0; i < WINDOW; i++)
		if (a.slot[i].call)
			fp_ng_drop(a.slot[i].call);
	return r;
}

struct fp_engine_node *fp_media_at(const struct fp_media *m,
				   const struct fp_media_call *call,
				   const struct fp_engine_node *old)
{
	struct fp_engine_node *best = NULL;
	int64_t at_s = -1;

	for (size_t k = 0; k < m->n; k++) {
		int64_t s = call->seen[k].signal_s;

		if (s > at_s || (s >= 0 && s == at_s && best == old)) {
			best = &m->v[k];
			at_s = s;
		}
	}
	return best;
}
