/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/health_state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define CHANGES 8 /* of struct fp_judged */

static unsigned int at_least_1(unsigned int n)
{
	return n ? n : 1;
}

static void count(unsigned int *n)
{
	if (*n < UINT_MAX)
		++*n;
}

static bool is_worse(enum fp_health a, enum fp_health b)
{
	return a != b && fp_health_worse(a, b) == a;
}

/* A node whose words on whether it takes calls count: one that is dead says
 * nothing of it. */
static bool is_there(enum fp_health h)
{
	return h == FP_OK || h == FP_WARNING;
}

static void adopt(struct fp_judged *j, enum fp_health to, int64_t now_ms)
{
	if (j->state != to)
		j->since_ms = now_ms;
	j->state = to;
	j->n_same = 0;
}

/* ---- changes, and too many of them */

static void note_change(struct fp_judged *j, const struct fp_reading *r,
			int64_t now_ms)
{
	enum fp_health before = j->seen;
	bool was_refusing = j->is_seen_refusing;
	size_t kept = CHANGES - 1;

	j->seen = r->state;
	j->is_seen_refusing = r->is_refusing;
	if (before == FP_UNKNOWN || before == FP_MAINT ||
	    r->state == FP_MAINT ||
	    (before == r->state && was_refusing == r->is_refusing))
		return;
	memmove(j->change_ms + 1, j->change_ms, kept * sizeof(*j->change_ms));
	memmove(j->change_worst + 1, j->change_worst,
		kept * sizeof(*j->change_worst));
	memmove(j->change_refusing + 1, j->change_refusing,
		kept * sizeof(*j->change_refusing));
	j->change_ms[0] = now_ms;
	j->change_worst[0] = fp_health_worse(before, r->state);
	j->change_refusing[0] = was_refusing || r->is_refusing;
	if (j->n_changes < CHANGES)
		j->n_changes++;
}

/* Changes within the window. */
static unsigned int recent(const struct fp_judged *j,
			   const struct fp_judge_opts *o, int64_t now_ms)
{
	unsigned int n = 0;

	int64_t age_ms;

	while (n < j->n_changes &&
	       !__builtin_sub_overflow(now_ms, j->change_ms[n], &age_ms) &&
	       age_ms < o->flap_window_ms)
		n++;
	return n;
}

/* Is it flapping?  Then the worst of what it was within the window holds, and
 * never less than what held before. */
static bool damp(struct fp_judged *j, const struct fp_judge_opts *o,
		 int64_t now_ms)
{
	unsigned int max = o->flap_max < CHANGES ? o->flap_max : CHANGES - 1;
	unsigned int n = recent(j, o, now_ms);
	enum fp_health worst = j->state;
	bool is_refusing = j->is_refusing;

	j->is_flapping = max && n && (j->is_flapping || n > max);
	if (!j->is_flapping)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		worst = fp_health_worse(worst, j->change_worst[i]);
		is_refusing |= j->change_refusing[i];
	}
	if (worst != j->state)
		adopt(j, worst, now_ms);
	j->is_refusing = is_refusing;
	return true;
}

/* ---- rows of readings */

/* One more reading that is not UNKNOWN; the row's length and least follow. */
static void count_row(struct fp_judged *j, enum fp_health raw)
{
	bool is_same_way;

	if (raw == j->state) {
		j->n_same = 0;
		return;
	}
	is_same_way = j->n_same &&
		      is_worse(raw, j->state) == is_worse(j->pending, j->state);
	if (!is_same_way) {
		j->n_same = 1;
		j->pending = raw;
		return;
	}
	count(&j->n_same);
	/* the least step of the row is what all of it says */
	if (is_worse(j->pending, raw) == is_worse(raw, j->state))
		j->pending = raw;
}

static void move(struct fp_judged *j, const struct fp_judge_opts *o,
		 const struct fp_reading *r, int64_t now_ms)
{
	bool is_up = !is_worse(j->pending, j->state);

	if (!j->n_same || j->n_same < at_least_1(is_up ? o->rise : o->fall))
		return;
	/* It was not there, so that no call could come: nothing to wait for. */
	if (is_up && !is_there(j->state) && r->is_refusing)
		j->is_refusing = true;
	adopt(j, j->pending, now_ms);
	count_row(j, r->state);
}

static void count_refusing(struct fp_judged *j, const struct fp_judge_opts *o,
			   const struct fp_reading *r)
{
	if (r->is_refusing == j->is_refusing) {
		j->n_refusing = 0;
		return;
	}
	if (!r->is_refusing && !is_there(r->state))
		return;
	count(&j->n_refusing);
	if (j->n_refusing < at_least_1(r->is_refusing ? o->fall : o->rise) ||
	    j->is_flapping)
		return;
	j->is_refusing = r->is_refusing;
	j->n_refusing = 0;
}

static void feed_known(struct fp_judged *j, const struct fp_judge_opts *o,
		       const struct fp_reading *r, int64_t now_ms)
{
	j->n_unknown = 0;
	note_change(j, r, now_ms);
	count_row(j, r->state);
	if (!damp(j, o, now_ms))
		move(j, o, r, now_ms);
	count_refusing(j, o, r);
}

static void feed_unknown(struct fp_judged *j, const struct fp_judge_opts *o,
			 int64_t now_ms)
{
	count(&j->n_unknown);
	if (!damp(j, o, now_ms) && j->state != FP_UNKNOWN &&
	    j->n_unknown >= at_least_1(o->fall))
		adopt(j, FP_UNKNOWN, now_ms);
}

static void feed_first(struct fp_judged *j, const struct fp_reading *r,
		       int64_t now_ms)
{
	j->state = r->state;
	j->since_ms = now_ms;
	j->is_refusing = r->is_refusing;
	j->seen = r->state;
	j->is_seen_refusing = r->is_refusing;
	j->n_same = j->n_unknown = j->n_refusing = 0;
	j->is_flapping = false;
	j->is_known = true;
}

/* ---- time and runs */

static bool shift(int64_t *at_ms, int64_t by_ms)
{
	return !__builtin_add_overflow(*at_ms, by_ms, at_ms);
}

/* What was a minute ago stays a minute ago, whatever the clock says. */
static void follow_clock(struct fp_judged *j, int64_t now_ms)
{
	int64_t by_ms;

	if (!j->is_known || now_ms >= j->read_ms)
		return;
	if (__builtin_sub_overflow(now_ms, j->read_ms, &by_ms) ||
	    !shift(&j->since_ms, by_ms))
		j->since_ms = now_ms;
	if (j->silent_ms && !shift(&j->silent_ms, by_ms))
		j->silent_ms = now_ms;
	for (unsigned int i = 0; i < j->n_changes; i++)
		if (!shift(&j->change_ms[i], by_ms))
			j->n_changes = i;
}

static bool follow_run(struct fp_judged *j, const struct fp_reading *r)
{
	bool is_other = *r->run && *j->run && strcmp(r->run, j->run) != 0;

	if (is_other)
		memcpy(j->run_before, j->run, sizeof(j->run_before));
	if (*r->run)
		memcpy(j->run, r->run, sizeof(j->run));
	return is_other;
}

void fp_judge_feed(struct fp_judged *j, const struct fp_judge_opts *o,
		   const struct fp_reading *r, int64_t now_ms,
		   struct fp_judged_change *out)
{
	bool was_refusing = j->is_refusing, is_first = !j->is_known;

	*out = (struct fp_judged_change){ 0 };
	out->from = is_first ? FP_UNKNOWN : j->state;
	out->is_restarted = follow_run(j, r);
	follow_clock(j, now_ms);
	if (is_first || (r->state == FP_MAINT) != (j->state == FP_MAINT))
		feed_first(j, r, now_ms);
	else if (r->state == FP_UNKNOWN)
		feed_unknown(j, o, now_ms);
	else
		feed_known(j, o, r, now_ms);
	j->raw = r->state;
	if (!r->is_silent)
		j->silent_ms = 0;
	else if (!j->is_silent || !j->silent_ms)
		j->silent_ms = now_ms;
	j->is_silent = r->is_silent;
	j->read_ms = now_ms;
	out->to = j->state;
	out->is_changed = is_first || out->from != out->to ||
			  was_refusing != j->is_refusing;
}

/* ---- one observer */

bool fp_observer_is_cut_off(const struct fp_node_round *v, size_t n)
{
	size_t n_nodes = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].n_silent < v[i].n_network)
			return false;
		n_nodes += v[i].n_network > 0;
	}
	return n_nodes >= 2;
}

enum fp_health fp_contradicted(const enum fp_dest_state *states, size_t n,
			       bool others_silent, int64_t down_ms,
			       int64_t window_ms)
{
	bool is_active = false;

	if (others_silent)
		return FP_CRITICAL;
	for (size_t i = 0; i < n; i++) {
		if (states[i] == FP_DEST_PROBING)
			return FP_CRITICAL;
		/* OpenSIPS does not probe what is Inactive, so that this says
		 * nothing.  Source: OpenSIPS 3.6.8 dispatch.c ds_check_timer */
		is_active |= states[i] == FP_DEST_ACTIVE;
	}
	if (!is_active)
		return FP_CRITICAL;
	return down_ms < window_ms ? FP_WARNING : FP_UNKNOWN;
}
