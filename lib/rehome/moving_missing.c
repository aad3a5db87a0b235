/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "rehome/moving_priv.h"

#define KNOWN_MS 300 /* until a call's end is known to all */

/* "Dialog Not Found" is said of a call that ended, and of every call by a target that
 * began anew: what is up at another node has not ended. */

/* All others that live, listed anew: NULL where that failed. */
static int list_others(struct moving *m, bool *is_all, struct fp_err *e)
{
	struct fp_edges *s = m->o->edges;
	struct fp_edge **v = calloc(s->n + 1, sizeof(struct fp_edge *));
	size_t n = 0;
	int r;

	if (!v)
		return fp_err(e, -ENOMEM, "no memory");
	for (size_t i = 0; i < s->n; i++)
		if (&s->v[i] != m->o->to && s->v[i].view)
			v[n++] = &s->v[i];
	r = fp_edges_pause(s, KNOWN_MS, e);
	if (!r)
		r = fp_edges_list(s, v, n, NULL, NULL, e);
	*is_all = !r;
	for (size_t i = 0; i < n; i++)
		*is_all &= v[i]->dialogs != NULL;
	free(v);
	return r;
}

/* Who has it up; NULL: nobody. */
static const struct fp_edge *who_has(const struct moving *m, const char *callid)
{
	const struct fp_edges *s = m->o->edges;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_dialogs *all = s->v[i].dialogs;
		const struct fp_dialog *d;

		if (&s->v[i] == m->o->to || !s->v[i].view || !all)
			continue;
		d = fp_dialogs_find(all, callid);
		if (d && fp_dialog_is_up(d))
			return &s->v[i];
	}
	return NULL;
}

static bool is_missing(const struct fp_moving_call *c)
{
	return c->is_missing && c->verdict == FP_MOVE_GONE;
}

static void judge(struct moving *m, struct fp_moving_call *c,
		  const struct fp_edge *x)
{
	if (x)
		snprintf(c->reason, sizeof(c->reason),
			 "it is up at %.20s, not at %.20s", x->name,
			 m->o->to->name);
	else
		snprintf(c->reason, sizeof(c->reason),
			 "whether it has ended is not known");
	c->verdict = FP_MOVE_UNKNOWN;
	m->sum->n_missing++;
	moving_note(m, c);
	if (m->o->verdict)
		m->o->verdict(m->o->ctx, c);
}

int moving_missing(struct moving *m, int r)
{
	const struct fp_edge *x, *any = NULL;
	struct fp_err e = { .text = "" };
	size_t n = 0;
	bool is_all = false;
	int r2;

	for (size_t i = 0; i < m->n; i++)
		n += is_missing(&m->call[i]);
	if (!n)
		return r;
	r2 = list_others(m, &is_all, &e);
	for (size_t i = 0; i < m->n; i++) {
		if (!is_missing(&m->call[i]))
			continue;
		x = r2 ? NULL : who_has(m, m->call[i].callid);
		any = x ? x : any;
		if (x || !is_all)
			judge(m, &m->call[i], x);
	}
	if (r || !m->sum->n_missing)
		return r;
	if (!any)
		return fp_err(&m->err, r2 ? r2 : -ENODATA,
			      "whether %zu calls have ended is not known: not "
			      "all other nodes list their dialogs",
			      m->sum->n_missing);
	return fp_err(&m->err, -ENODATA,
		      "%s does not have %zu calls that %s has: it lost them",
		      m->o->to->name, m->sum->n_missing, any->name);
}
