/* SPDX-License-Identifier: Apache-2.0 */
/* What a node has to do with tags that it does not own: calls that are signalled
 * through it, tags that it owned when it died, jobs that were about it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

/* ---- jobs of it */

bool fr_move_is_open(const struct fr_move *m, const struct fp_job_head *h)
{
	return !strcmp(h->node, m->from->name) && !strcmp(h->verb, "failover");
}

/* Under our locks: one that another controller left since it was planned. */
static int new_job(struct fr_move *m, const char *job, struct fp_err *e)
{
	size_t n;
	const struct fp_job_head *v = fp_past_open(m->past, &n);

	for (size_t i = 0; i < n && m->is_going_on; i++) {
		bool is_known =
			!fr_move_is_open(m, &v[i]) || !strcmp(v[i].id, job);

		for (size_t k = 0; k < m->n_left; k++)
			is_known |= !strcmp(m->left[k], v[i].id);
		if (!is_known)
			return fp_err(
				e, -EBUSY,
				"job %s of %s was left meanwhile: it goes "
				"on first, when this is tried again",
				v[i].id, m->from->name);
	}
	return 0;
}

static int past_now(void *move, const char *job, const struct fp_past **past,
		    struct fp_err *e)
{
	struct fr_move *m = move;
	int r = 0;

	if (fp_past_is_old(m->past, &m->o.journal, job)) {
		fp_past_free(m->past);
		m->past = NULL;
		r = fp_past_read(&m->past, &m->o.journal, e);
	}
	*past = m->o.past = m->past;
	return r ? r : new_job(m, job, e);
}

int fr_move_past(struct fr_move *m, struct fp_err *e)
{
	int r;

	fp_past_free(m->past);
	m->past = NULL;
	r = fp_past_read(&m->past, &m->o.journal, e);
	m->o.past = m->past;
	m->o.past_now = past_now;
	return r;
}

/* ---- calls */

/* One that is being set up is known where it is made alone. */
static void count(struct fr_move *m, const struct fp_dialogs *s, bool is_early,
		  const char (*own)[64], size_t n_own)
{
	for (size_t i = 0; i < fp_dialogs_n(s); i++) {
		const struct fp_dialog *d = fp_dialogs_at(s, i);
		struct fr_tag_now *t = fr_move_find(m, d->tag);

		if (t &&
		    (is_early ? fp_dialog_is_early(d) : fp_dialog_is_up(d)))
			t->through += fp_past_is_through(m->past, d->callid,
							 m->from->name,
							 fr_is_among(own, n_own,
								     d->tag));
	}
}

int fr_move_through(struct fr_move *m, struct fp_err *e)
{
	char(*own)[64] = NULL;
	size_t n_own = 0;
	int r = fp_edge_own_tags(m->from, &own, &n_own, e);

	if (r && r != -ENOENT)
		return r;
	if (m->n_to)
		count(m, m->to[0]->dialogs, false, (const char(*)[64])own,
		      n_own);
	if (m->from->view)
		count(m, m->from->dialogs, true, (const char(*)[64])own, n_own);
	free(own);
	return 0;
}

int fr_move_add_through(struct fr_move *m, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->n_now && !r; i++) {
		const struct fr_tag_now *t = &m->now[i];

		if (!t->through || !t->owner || t->owner == m->from)
			continue;
		if (!fr_move_is_meant(m, t->name)) {
			m->n_left_out++;
			continue;
		}
		if (fr_move_is_planned(m, t->name))
			continue;
		r = fr_move_add(m, t->name, t->owner, t->owner, e);
		if (!r)
			fr_move_calls(m, t->name, t->through);
	}
	return r;
}

/* ---- tags */

/* Does a node that lives still see it? */
static bool is_linked(const struct fr_move *m, const struct fp_edge *x)
{
	for (size_t i = 0; i < m->v.edges.n; i++) {
		const struct fp_edge *y = &m->v.edges.v[i];

		if (y != x && y->view &&
		    !strcmp(fp_edge_link(y, x, NULL), "Up"))
			return true;
	}
	return false;
}

/* Another that is silent here and lives might own what nobody owns who answers. */
static bool may_another_own(const struct fr_move *m)
{
	for (size_t i = 0; i < m->v.edges.n; i++) {
		const struct fp_edge *x = &m->v.edges.v[i];

		if (x != m->from && !x->view && is_linked(m, x))
			return true;
	}
	return false;
}

int fr_move_add_owned(struct fr_move *m, struct fp_err *e)
{
	uint32_t stranger;
	bool may = may_another_own(m);
	int r = 0;

	fp_edges_is_only_silent(&m->v.edges, m->from, &stranger);
	may |= stranger != 0;

	for (size_t i = 0; i < m->n_now && !r && !may; i++) {
		const struct fr_tag_now *t = &m->now[i];
		const char *last = fp_past_owner(m->past, t->name);

		if (!t->owner && last && !strcmp(last, m->from->name))
			r = fr_move_add(m, t->name, NULL, NULL, e);
	}
	return r;
}

/* ---- what is left out */

void fr_move_say_ownerless(struct fr_move *m)
{
	for (size_t i = 0; i < m->n_now && !m->v.select.n_tags; i++) {
		const struct fr_tag_now *t = &m->now[i];
		const char *last = fp_past_owner(m->past, t->name);

		if (t->owner || !t->calls || fr_move_is_planned(m, t->name))
			continue;
		fp_log(FP_LOG_WARN,
		       "tag %s is owned by nobody that answers, and has %zu "
		       "calls%s%s: failover of the node that had it, with "
		       "--tag %s",
		       t->name, t->calls, last ? "; it was given last to " : "",
		       last ? last : "", t->name);
		m->is_partial = true;
	}
}

void fr_move_say_open(const struct fr_move *m)
{
	size_t n;
	const struct fp_job_head *v = fp_past_open(m->past, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].node, m->from->name))
			fp_log(FP_LOG_WARN,
			       "job %s of %s has not ended (%s): "
			       "fp-rehome resume %s, or abort",
			       v[i].id, v[i].node, v[i].state, v[i].id);
}
