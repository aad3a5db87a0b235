/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome drain: no new calls before, nothing left after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "move.h"

#define MARK_S 86400
#define QUIET_MS 3000
#define POLL_MS 500

/* ---- the mark */

static int mark_alone(struct fr_move *m, struct fp_mark *k, int64_t for_s,
		      const struct fp_err *why, struct fp_err *e)
{
	bool is_changed;

	k->is_local = true;
	k->since_s = fp_clock_unix_s();
	k->until_s = k->since_s + for_s;
	fp_log(FP_LOG_WARN,
	       "%s; only this controller knows that %s is in maintenance",
	       why->text, k->node);
	return fp_marks_copy_mark(m->v.c->state_dir, k, &is_changed, e);
}

/* `fp-health steer` keeps new calls away from a node that has one.  One that is
 * there is somebody's: it stays as it is. */
static int mark(struct fr_move *m, const char *job, struct fp_err *e)
{
	int64_t for_s = m->v.wait_ms / 1000;
	struct fp_mark k = { .until_s = 0 };
	struct fp_pg *pg = NULL;
	bool is_changed;
	int r;

	for (size_t i = 0; i < m->v.n_marks; i++)
		if (!strcmp(m->v.marks[i].node, m->from->name))
			return 0;
	if (for_s < MARK_S)
		for_s = MARK_S;
	snprintf(k.node, sizeof(k.node), "%s", m->from->name);
	snprintf(k.why, sizeof(k.why), FP_DRAIN_WHY " %s", job);
	snprintf(k.by, sizeof(k.by), "%s", m->v.by);
	r = fp_verb_db_open(&pg, m->v.c, m->o.journal.conninfo, e);
	if (!r)
		r = fp_db_mark(pg, &k, for_s, &is_changed, e);
	fp_pg_close(pg);
	if (r && fp_verb_db_is_away(r)) {
		struct fp_err why = *e;

		r = mark_alone(m, &k, for_s, &why, e);
	}
	if (!r)
		fr_move_say(m,
			    "%s is in maintenance: fp-health maintain %s "
			    "--end when it is to take calls again",
			    k.node, k.node);
	return r;
}

/* ---- new calls */

/* What grows with each call that the node makes: dialogs that it told its peers
 * of, or (without peers) any. */
static int64_t figure(const struct fp_edge *x)
{
	if (!x->view)
		return -1;
	return x->view->create_sent >= 0 ? x->view->create_sent
					 : x->view->processed_dialogs;
}

static int wait_quiet(struct fr_move *m, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + m->v.wait_ms;
	int64_t is = figure(m->from), since_ms = fp_clock_ms(), now;
	int r = 0;

	while (!r && fp_clock_ms() - since_ms < QUIET_MS) {
		if (fp_clock_ms() > end_ms)
			return fp_refuse(e, "new-calls",
					 "%s: new calls still come to it",
					 m->from->name);
		r = fr_move_pause(m, POLL_MS, e);
		if (!r)
			r = fp_edges_read(&m->v.edges, e);
		now = figure(m->from);
		if (!r && now < 0)
			return fp_err(e, -EAGAIN, "%s does not answer: %s",
				      m->from->name, m->from->err.text);
		if (now != is)
			since_ms = fp_clock_ms();
		is = now;
	}
	m->new_calls = is;
	return r;
}

int fr_drain_begun(void *move, const char *job, struct fp_err *e)
{
	struct fr_move *m = move;
	int r = mark(m, job, e);

	if (r)
		return r;
	if (fr_is_lifted(&m->v, "new-calls")) {
		fr_move_say(m,
			    "rule new-calls is lifted: calls that come to %s "
			    "still are moved as they come up%s",
			    m->from->name,
			    m->o.is_settled_late ? ", until --wait is over"
						 : "");
		m->new_calls = figure(m->from);
		return 0;
	}
	fr_move_say(m, "%s: waiting until no new calls come", m->from->name);
	return wait_quiet(m, e);
}

/* ---- what is left */

static size_t not_moved(const struct fp_campaign_sum *s)
{
	const size_t *n = s->calls.count;

	return n[FP_MOVE_REFUSED] + n[FP_MOVE_SILENT] + n[FP_MOVE_FAILED] +
	       n[FP_MOVE_UNKNOWN] + n[FP_MOVE_SKIPPED];
}

/* Calls under tags that it owns: --tag left some out, or one came back. */
static size_t owned(struct fr_move *m, size_t *n_tags)
{
	const struct fp_view_opensips *x = m->from->view;
	const struct fp_dialogs *s = m->from->dialogs;
	size_t n = 0;

	*n_tags = 0;
	for (size_t k = 0; x && k < x->n_tags; k++) {
		*n_tags += x->tag[k].is_active;
		for (size_t i = 0; x->tag[k].is_active && i < fp_dialogs_n(s);
		     i++) {
			const struct fp_dialog *d = fp_dialogs_at(s, i);

			n += d->state != FP_DLG_DELETED &&
			     !strcmp(d->tag, x->tag[k].name);
		}
	}
	return n;
}

/* Of what it did. */
static void what_was_left(const struct fr_move *m,
			  const struct fp_campaign_sum *s, char *why,
			  size_t size)
{
	if (not_moved(s))
		snprintf(why, size, "%zu calls did not move", not_moved(s));
	else if (s->n_left)
		snprintf(why, size, "%zu calls were not selected", s->n_left);
	else if (s->n_early)
		snprintf(why, size, "%zu calls are being set up", s->n_early);
	else if (figure(m->from) != m->new_calls)
		snprintf(why, size, "new calls came while it was drained");
}

int fr_drain_left(struct fr_move *m, const struct fp_campaign_sum *s, char *why,
		  size_t size, struct fp_err *e)
{
	size_t n_tags = 0, n_owned = 0;
	int r = fp_edges_read(&m->v.edges, e);

	*why = 0;
	if (!r)
		r = fp_edges_list(&m->v.edges, &m->from, 1, NULL, NULL, e);
	if (r)
		return r;
	if (!m->from->dialogs) {
		snprintf(why, size, "it does not answer any more: %s",
			 m->from->err.text);
		return 0;
	}
	n_owned = owned(m, &n_tags);
	if (n_owned)
		snprintf(why, size, "it owns %zu tags with %zu calls", n_tags,
			 n_owned);
	else if (s)
		what_was_left(m, s, why, size);
	/* who signals them nobody can tell: it may be this one */
	if (!*why)
		r = fr_orphans(&m->v, m->from, why, size, e);
	if (!*why && m->n_left_out)
		snprintf(why, size,
			 "calls of %zu tags that --tag left out are "
			 "signalled through it",
			 m->n_left_out);
	return r;
}

int fr_drain_worked(void *move, const struct fp_campaign_sum *s,
		    struct fp_journal *j, struct fp_err *e)
{
	struct fr_move *m = move;
	char why[300];
	int r = fr_drain_left(m, s, why, sizeof(why), e);

	(void)j;
	if (r)
		return r;
	m->is_empty = !*why;
	m->is_partial |= !m->is_empty;
	fr_move_tell(m, "empty", *why ? FP_COND_WARN : FP_COND_OK,
		     *why ? "no" : "yes", why);
	if (*why)
		return 0;
	fr_move_say(m, "%s is empty", m->from->name);
	return 0;
}
