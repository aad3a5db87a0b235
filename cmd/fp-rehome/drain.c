/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome drain: new calls away from a node that lives, then its calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

#define WAIT_MS 60000

/* What it owns moves; of what others own the calls that are signalled through it,
 * by the owner. */
static int add_tags(struct fr_move *m, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->n_now && !r; i++) {
		struct fr_tag_now *t = &m->now[i];

		if (t->owner == m->from && fr_move_is_meant(m, t->name))
			r = fr_move_add(m, t->name, t->owner, NULL, e);
	}
	return r ? r : fr_move_add_through(m, e);
}

/* --calls: the path of these alone, as take has it. */
static void calls_alone(struct fr_move *m)
{
	m->o.kind = FP_MOVE_TAKE;
	m->o.begun = NULL;
	m->o.worked = NULL;
	fr_move_say(m, "--calls moves the signalling path of these alone: "
		       "tags, timeouts and pings stay, and the node is not "
		       "empty after it");
}

/* No tag goes: is it empty, then? */
static int nothing(struct fr_move *m, struct fp_err *e)
{
	char why[300], text[400];
	int r = fr_drain_left(m, NULL, why, sizeof(why), e);

	if (r)
		return r;
	m->is_partial = *why;
	snprintf(text, sizeof(text), "%s is %s: %s", m->from->name,
		 *why ? "not empty" : "empty",
		 *why ? why
		      : "it owns no tag, and no call is signalled "
			"through it");
	return fr_move_nothing(m, text);
}

static int drain(struct fr_move *m, struct fp_err *e)
{
	int r = 0;

	if (!m->from->view)
		return fp_err(e, -EAGAIN,
			      "%s does not answer: %s; what is dead is failed "
			      "over",
			      m->from->name, m->from->err.text);
	r = fr_move_targets(m, e);
	if (!r)
		r = fr_move_count(m, e);
	if (!r)
		r = fr_named_tags(&m->v, m->from, e);
	if (!r)
		r = fr_move_past(m, e);
	if (!r)
		r = fr_move_through(m, e);
	if (!r)
		r = add_tags(m, e);
	if (r)
		return r;
	fr_move_say_open(m);
	if (!m->n_plan)
		return nothing(m, e);
	r = fr_move_spread(m, e);
	if (!r && m->v.select.n_callids)
		calls_alone(m);
	return r ? r : fr_move_run(m);
}

int fr_drain(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_move m;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "drain takes one node");
	r = fr_move_open(&m, c, FP_MOVE_DRAIN, true, &e);
	if (r) {
		m.v.c = c;
		return fr_fail(&m.v, r, &e);
	}
	m.o.is_settled_late =
		m.v.wait_ms >= 0 && fr_is_lifted(&m.v, "new-calls");
	if (m.v.wait_ms < 0)
		m.v.wait_ms = WAIT_MS;
	m.o.settle_ms = m.v.wait_ms;
	m.o.begun = fr_drain_begun;
	m.o.worked = fr_drain_worked;
	r = drain(&m, &e);
	if (r < 0)
		r = fr_fail(&m.v, r, &e);
	fr_move_close(&m);
	return r;
}
