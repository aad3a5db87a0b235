/* SPDX-License-Identifier: Apache-2.0 */
/* A campaign's work, its journal being open. */
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "rehome/campaign_priv.h"

static bool has_target_before(const struct fp_campaign *c, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (c->move[k].to == c->move[i].to)
			return true;
	return false;
}

/* Between listings: they cost with all dialogs of a node. */
#define SETTLE_MIN_MS 500
#define SETTLE_MAX_MS 5000
#define FRESH_MS 1000 /* conditions are not older: they hold */

/* One pass over all targets. */
static int pass(struct fp_campaign *c, struct fp_err *e)
{
	int r = 0;

	c->n_new = 0;
	c->out->n_early = c->out->n_left = 0;
	for (size_t i = 0; i < c->n_moves && !r; i++)
		if (!has_target_before(c, i))
			r = fp_campaign_calls(c, c->move[i].to, FP_CAMPAIGN_ALL,
					      e);
	return r;
}

/* The tags first: their owner runs timeouts and pings again at once. */
static int all_at_once(struct fp_campaign *c, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->n_moves && !r; i++)
		r = fp_campaign_give(c, i, e);
	if (!r)
		r = pass(c, e);
	for (size_t i = 0; i < c->n_moves && !r; i++)
		r = fp_campaign_moved(c, i, e);
	return r;
}

static int one_by_one(struct fp_campaign *c, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->n_moves && !r; i++) {
		r = fp_campaign_give(c, i, e);
		if (!r)
			r = fp_campaign_calls(c, c->move[i].to, i, e);
		if (!r)
			r = fp_campaign_moved(c, i, e);
	}
	return r;
}

static bool is_settled(const struct fp_campaign *c, bool is_over)
{
	if (c->o.is_settled_late)
		return is_over;
	return !c->n_new && (is_over || !c->out->n_early);
}

/* Calls that came up meanwhile: again until a pass finds none, and none is being
 * set up or its time is over. */
static int settle(struct fp_campaign *c, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + c->o.settle_ms, ms = SETTLE_MIN_MS;
	int r;

	for (;;) {
		r = pass(c, e);
		if (r || is_settled(c, fp_clock_ms() >= end_ms))
			return r;
		r = c->n_new ? 0 : fp_campaign_pause(c, ms, e);
		ms = 2 * ms < SETTLE_MAX_MS ? 2 * ms : SETTLE_MAX_MS;
		if (!r && !c->n_new)
			r = fp_edges_read(c->o.edges, e);
		if (!r)
			r = fp_campaign_check(c, e);
		if (r)
			return r;
	}
}

static int work(struct fp_campaign *c, struct fp_err *e)
{
	bool is_at_once = c->o.kind == FP_MOVE_FAILOVER ||
			  c->o.kind == FP_MOVE_MEDIA ||
			  c->o.kind == FP_MOVE_TAKE;
	int r = is_at_once ? all_at_once(c, e) : one_by_one(c, e);

	if (r)
		return r;
	if (c->o.kind == FP_MOVE_DRAIN ||
	    (c->o.kind == FP_MOVE_FAILOVER && c->out->n_early))
		r = settle(c, e);
	if (!r && c->o.worked)
		r = c->o.worked(c->o.ctx, c->out, c->journal, e);
	if (!r && c->out->n_early)
		fp_campaign_say(c,
				c->o.kind == FP_MOVE_FAILOVER
					? "%zu calls that were being set up "
					  "are lost"
					: "%zu calls are still being set up: "
					  "left alone",
				c->out->n_early);
	return r;
}

/* Is there something that resume would do? */
static bool is_left(const struct fp_campaign *c)
{
	const size_t *n = c->out->calls.count;

	return n[FP_MOVE_SILENT] + n[FP_MOVE_FAILED] + n[FP_MOVE_UNKNOWN] +
		       n[FP_MOVE_SKIPPED] + n[FP_MOVE_WAITING] +
		       n[FP_MOVE_ASKED] >
	       0;
}

/* Calls that were not selected, of tags that went: what their ends send still goes to
 * the node that had them.  Of drain its own end says so. */
static bool has_rest(const struct fp_campaign *c)
{
	return c->out->n_left &&
	       (c->o.kind == FP_MOVE_FAILOVER || c->o.kind == FP_MOVE_BALANCE);
}

static int note_rest(struct fp_campaign *c, struct fp_err *e)
{
	fp_campaign_say(c,
			"%zu calls were not selected: they keep their Contact, "
			"and their tags went; fp-rehome resume %s asks them",
			c->out->n_left, c->out->job);
	return fp_journal_add(c->journal, "select", "worked", NULL, e);
}

static int end(struct fp_campaign *c, int r, struct fp_err *e)
{
	bool is_rest = !r && has_rest(c);
	bool is_done = !r && !is_left(c) && !is_rest;
	struct fp_err why = { .text = "" };
	int r2 = 0;

	c->is_ended = true;
	if (c->is_lost)
		return r;
	c->out->is_left = !r && !is_done;
	if (is_rest)
		r2 = note_rest(c, &why);
	if (!r2)
		r2 = fp_journal_state(c->journal, is_done ? "done" : "stopped",
				      &why);
	if (r2)
		fp_campaign_say(c, "job %s: its end is not written: %s",
				c->out->job, why.text);
	if (!r && is_left(c))
		fp_campaign_say(c,
				"fp-rehome resume %s asks again what is "
				"silent or failed; abort ends it",
				c->out->job);
	if (!r && r2 && e)
		*e = why;
	return r ? r : r2;
}

/* What the caller waits for before anything is done. */
static int begun(struct fp_campaign *c, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();
	int r;

	if (!c->o.begun)
		return 0;
	r = c->o.begun(c->o.ctx, c->out->job, e);
	if (r || fp_clock_ms() - now_ms < FRESH_MS)
		return r;
	return fp_campaign_preflight_again(c, e);
}

int fp_campaign_do(struct fp_campaign *c, struct fp_err *e)
{
	int r;

	snprintf(c->out->job, sizeof(c->out->job), "%s",
		 fp_journal_id(c->journal));
	for (size_t i = 0; i < c->n_moves; i++)
		c->out->n_tags += fp_campaign_gives(c, i);
	r = begun(c, e);
	if (!r)
		r = work(c, e);
	return end(c, r, e);
}
