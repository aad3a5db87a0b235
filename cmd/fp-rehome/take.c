/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome take: the signalling path of single calls; their tags stay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

static int add_call(struct fr_move *m, const char *callid, struct fp_err *e)
{
	struct fp_edge *to = m->to[0];
	const struct fp_dialog *d = fp_dialogs_find(to->dialogs, callid);
	struct fr_tag_now *t = d ? fr_move_find(m, d->tag) : NULL;
	int r = 0;

	if (!d || d->state == FP_DLG_DELETED)
		return fp_err(e, -EINVAL, "%s: %s has no such dialog", callid,
			      to->name);
	if (fp_dialog_is_early(d))
		return fp_err(e, -EAGAIN,
			      "%s is still being set up: it is left alone",
			      callid);
	if (!t || !t->owner) {
		r = fp_refuse(e, "owner",
			      "%s: its tag %s is owned by nobody that answers; "
			      "failover is for those",
			      callid, *d->tag ? d->tag : "-");
		if (!fr_is_lifted(&m->v, "owner"))
			return r;
	} else if (t->owner != to) {
		fr_move_say(m,
			    "%s: its signalling goes to %s; its tag %s stays: "
			    "timeouts and pings are %s's still, and end with "
			    "it",
			    callid, to->name, t->name, t->owner->name);
	}
	return fr_move_add(m, d->tag, t ? t->owner : NULL, to, e);
}

/* Of each tag those that are taken; one that is named twice is one. */
static void count(struct fr_move *m)
{
	const struct fp_select q = {
		.callids = (const char *const *)m->v.c->argv,
		.n_callids = (size_t)m->v.c->argc,
	};
	const struct fp_dialogs *s = m->to[0]->dialogs;

	for (size_t i = 0; i < m->n_plan; i++) {
		m->plan[i].calls = 0;
		for (size_t k = 0; k < fp_dialogs_n(s); k++) {
			const struct fp_dialog *d = fp_dialogs_at(s, k);

			m->plan[i].calls += !strcmp(d->tag, m->plan[i].tag) &&
					    fp_select_matches(&q, d, 0);
		}
	}
}

static int take(struct fr_move *m, struct fp_err *e)
{
	const struct fp_cli *c = m->v.c;
	int r = fr_move_targets(m, e);

	if (!r && m->n_to != 1)
		r = fp_err(e, -EINVAL, "take goes to one node (--to)");
	if (!r)
		r = fr_move_count(m, e);
	for (int i = 0; i < c->argc && !r; i++)
		r = add_call(m, c->argv[i], e);
	if (!r)
		count(m);
	m->o.select.callids = (const char *const *)c->argv;
	m->o.select.n_callids = (size_t)c->argc;
	return r ? r : fr_move_run(m);
}

int fr_take(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_move m;
	int r;

	if (!c->argc)
		return fp_cli_usage(c, "take takes call-ids");
	r = fr_move_open(&m, c, FP_MOVE_TAKE, false, &e);
	if (r) {
		m.v.c = c;
		return fr_fail(&m.v, r, &e);
	}
	r = take(&m, &e);
	if (r < 0)
		r = fr_fail(&m.v, r, &e);
	fr_move_close(&m);
	return r;
}
