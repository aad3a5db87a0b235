/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "rehome/listing.h"
#include "rehome/moving_priv.h"

static bool is_moved(const struct fp_moving_call *c)
{
	return c->verdict == FP_MOVE_MOVED || c->verdict == FP_MOVE_DONE;
}

static void verified(struct moving *m, struct fp_moving_call *c)
{
	c->is_verified = true;
	m->sum->n_verified++;
	if (m->o->verdict)
		m->o->verdict(m->o->ctx, c);
}

/* ---- by listing */

struct listed {
	struct moving *m;
	struct fp_dialogs *s;
	bool is_done;
	int code;
	struct fp_err *e;
};

static void list_done(void *ctx, int code, struct fp_dialogs *s,
		      const struct fp_err *e)
{
	struct listed *w = ctx;

	w->s = s;
	w->is_done = true;
	w->code = code ? fp_err(w->e, code, "%s", e->text) : 0;
	fp_loop_stop(w->m->loop);
}

static int list(struct listed *w)
{
	struct fp_listing_opts o = { .mi = w->m->mi,
				     .timeout_ms = w->m->o->edges->o.timeout_ms,
				     .done = list_done,
				     .ctx = w };
	struct fp_listing *l = NULL;
	int r = fp_listing_start(&l, &o, w->e);

	if (r)
		return r;
	r = fp_loop_wait(w->m->loop, &w->is_done, w->e);
	if (!w->is_done)
		fp_listing_drop(l);
	if (r)
		return r;
	/* It answered until now. */
	return w->code == -ETIMEDOUT || w->code == -ECONNREFUSED ? -EHOSTUNREACH
								 : w->code;
}

int moving_verify_list(struct moving *m, struct fp_err *e)
{
	struct listed w = { .m = m, .e = e };
	int r = list(&w);

	for (size_t i = 0; i < m->n && !r; i++) {
		const struct fp_dialog *d;

		if (!is_moved(&m->call[i]))
			continue;
		d = fp_dialogs_find(w.s, m->call[i].callid);
		if (d && fp_dialog_is_up(d))
			verified(m, &m->call[i]);
		else
			m->sum->n_lost++;
	}
	fp_dialogs_free(w.s);
	return r;
}

/* ---- by traffic */

bool moving_verifies(struct moving *m, size_t k, const struct fp_move_answer *a)
{
	struct fp_moving_call *c = &m->call[moving_index(m, k)];
	bool is_there = !a->code && !a->rpc_code && a->sip_code &&
			a->sip_code != 408 && a->sip_code != 481;

	if (a->rpc_code == 404 || a->sip_code == 481)
		m->sum->n_lost++;
	else if (is_there && m->what == ASK_CALLER)
		m->there[m->n_there++] = moving_index(m, k);
	else if (is_there)
		verified(m, c);
	return is_there;
}

int moving_verify_traffic(struct moving *m)
{
	size_t *map = calloc(2 * m->n + 1, sizeof(*map)), n = 0;
	int r;

	if (!map)
		return fp_err(&m->err, -ENOMEM, "no memory");
	for (size_t i = 0; i < m->n; i++)
		if (is_moved(&m->call[i]))
			map[n++] = i;
	m->there = map + m->n;
	m->n_there = 0;
	r = moving_phase(m, ASK_CALLER, map, n);
	if (!r)
		r = moving_phase(m, ASK_CALLEE, m->there, m->n_there);
	free(map);
	m->map = NULL;
	return r;
}
