/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls of a node would be saved if it died now? */
#include <stdio.h>
#include <string.h>

#include "preflight.h"

#define SKEW_S 2 /* of the nodes' clocks */

static const struct fp_tag_move *move_of(const struct fr_outlook *look,
					 const char *tag)
{
	for (size_t i = 0; i < look->n_moves; i++)
		if (!strcmp(look->move[i].tag, tag))
			return &look->move[i];
	return NULL;
}

static bool is_up_at(const struct fp_edge *x, const char *callid)
{
	const struct fp_dialog *d =
		x->dialogs ? fp_dialogs_find(x->dialogs, callid) : NULL;

	return d && fp_dialog_is_up(d);
}

static bool is_saved(const struct fr_judging *j, const struct fp_tag_move *m,
		     const struct fp_dialog *d)
{
	if (!m->to)
		return false;
	for (size_t i = 0; i < j->look->n_to; i++)
		if (j->look->to[i] == m->to && j->is_unbound[i])
			return false;
	return is_up_at(m->to, d->callid);
}

/* What it has itself: its own tags' calls, and those without a tag, which nobody
 * can take over. */
static void count_own(const struct fr_judging *j)
{
	const struct fp_dialogs *s = j->from->dialogs;
	struct fr_outcome *o = j->out;

	for (size_t i = 0; s && i < fp_dialogs_n(s); i++) {
		const struct fp_dialog *d = fp_dialogs_at(s, i);
		const struct fp_tag_move *m = move_of(j->look, d->tag);
		bool is_early = fp_dialog_is_early(d);

		if ((!m && *d->tag) || (!is_early && !fp_dialog_is_up(d)))
			continue;
		o->calls++;
		o->early += is_early;
		if (!is_early && m && is_saved(j, m, d))
			o->saved++;
		else
			o->lost += !is_early;
	}
}

static bool was_met(const struct fr_judging *j, size_t before,
		    const char *callid)
{
	const struct fp_edges *s = &j->v->edges;

	for (size_t i = 0; i < before; i++)
		if (&s->v[i] != j->from && is_up_at(&s->v[i], callid))
			return true;
	return false;
}

/* Does it lack this call of its own?  It was started later; else the call has ended,
 * and it was not told to who has it still. */
static bool is_lacking(const struct fr_judging *j, const struct fp_dialog *d)
{
	const struct fp_dialogs *s = j->from->dialogs;

	return d->started_s && d->started_s < j->since_s + SKEW_S &&
	       !(s && fp_dialogs_find(s, d->callid));
}

/* Copies of its calls, each once. */
static void count_copies(const struct fr_judging *j, size_t at,
			 size_t *n_lacking)
{
	const struct fp_dialogs *s = j->v->edges.v[at].dialogs;
	struct fr_outcome *o = j->out;

	for (size_t i = 0; s && i < fp_dialogs_n(s); i++) {
		const struct fp_dialog *d = fp_dialogs_at(s, i);
		const struct fp_tag_move *m = move_of(j->look, d->tag);
		bool is_lost;

		if (!m || !fp_dialog_is_up(d) ||
		    (!j->look->is_dead && !is_lacking(j, d)) ||
		    was_met(j, at, d->callid))
			continue;
		is_lost = !j->look->is_dead || !is_saved(j, m, d);
		o->calls++;
		o->lost += is_lost;
		o->saved += !is_lost;
		*n_lacking += !j->look->is_dead;
	}
}

void fr_outcome_count(struct fr_judging *j)
{
	struct fr_outcome *o = j->out;
	size_t n_lacking = 0;

	if (!j->look->is_dead)
		count_own(j);
	for (size_t i = 0; i < j->v->edges.n; i++)
		if (&j->v->edges.v[i] != j->from)
			count_copies(j, i, &n_lacking);
	if (!n_lacking)
		return;
	fr_outcome_refused(o, "in-sync");
	snprintf(o->detail, sizeof(o->detail),
		 "it was restarted and lacks %zu of its own calls, which "
		 "others have: fp-rehome join %s",
		 n_lacking, j->from->name);
}
