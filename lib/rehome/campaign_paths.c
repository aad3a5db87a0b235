/* SPDX-License-Identifier: Apache-2.0 */
/* Moves whose tag stays where it is: of its calls those that are signalled through the
 * node that is left, by the journals. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/campaign_priv.h"

/* As it was planned, before anybody looks who has the tags now. */
int fp_campaign_paths(struct fp_campaign *c, struct fp_err *e)
{
	bool is_left = c->from && (c->o.kind == FP_MOVE_DRAIN ||
				   c->o.kind == FP_MOVE_FAILOVER);
	char(*own)[64] = NULL;
	size_t n = 0;
	int r = is_left ? fp_edge_own_tags(c->from, &own, &n, e) : 0;

	if (r && r != -ENOENT)
		return r;
	for (size_t i = 0; i < c->n_moves && is_left; i++) {
		c->state[i].is_path =
			c->move[i].from && c->move[i].from == c->move[i].to;
		for (size_t k = 0; k < n; k++)
			c->state[i].is_own |= !strcmp(own[k], c->move[i].tag);
	}
	free(own);
	return 0;
}

int fp_campaign_since(struct fp_campaign *c, struct fp_err *e)
{
	int r = c->o.past_now
			? c->o.past_now(c->o.ctx, fp_journal_id(c->journal),
					&c->o.past, e)
			: 0;

	for (size_t i = 0; i < c->n_moves && !r && c->o.past_now; i++) {
		struct fp_tag_move *m = &c->move[i];
		struct fp_edge *is = NULL, *other = NULL;

		if (c->is_resumed || m->from == m->to ||
		    fp_edges_owner(c->o.edges, m->tag, &is, &other) ||
		    is != m->to)
			continue;
		m->from = is;
		c->state[i].is_path = true;
	}
	return r;
}

static size_t move_of(const struct fp_campaign *c, const struct fp_dialog *d)
{
	size_t i = 0;

	while (i < c->n_moves && strcmp(c->move[i].tag, d->tag))
		i++;
	return i;
}

/* One that this job has a word of is the job's. */
static bool is_meant(const struct fp_campaign *c, const struct fp_dialog *d)
{
	size_t i = move_of(c, d);
	bool is_before;

	if (i == c->n_moves || !c->state[i].is_path)
		return true;
	fp_seen_get(&c->before, d->callid, &is_before);
	return is_before ||
	       fp_past_is_through(c->o.past, d->callid, c->from->name,
				  c->state[i].is_own);
}

size_t fp_campaign_meant(const struct fp_campaign *c,
			 const struct fp_dialog **v, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (is_meant(c, v[i]))
			v[k++] = v[i];
	return k;
}

enum fp_move_verdict fp_campaign_was(const struct fp_campaign *c,
				     const char *callid,
				     const struct fp_edge *to)
{
	enum fp_move_verdict v = fp_seen_get(&c->before, callid, NULL);

	if (c->is_resumed && v == FP_MOVE_WAITING &&
	    fp_past_is_at(c->o.past, callid, to->name))
		return FP_MOVE_MOVED;
	return v;
}

size_t fp_campaign_would(const struct fp_campaign *c, size_t i)
{
	const struct fp_tag_move *m = &c->move[i];
	const struct fp_dialogs *s = m->to->dialogs;
	size_t n = 0;

	if (!c->is_resumed)
		return m->calls;
	for (size_t k = 0; k < fp_dialogs_n(s); k++) {
		const struct fp_dialog *d = fp_dialogs_at(s, k);
		enum fp_move_verdict v = fp_campaign_was(c, d->callid, m->to);

		n += fp_dialog_is_up(d) && !strcmp(d->tag, m->tag) &&
		     fp_select_matches(&c->o.select, d, c->at_s) &&
		     is_meant(c, d) &&
		     (v == FP_MOVE_WAITING ||
		      (v == FP_MOVE_MOVED && c->state[i].is_turned));
	}
	return n;
}
