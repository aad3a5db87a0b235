/* SPDX-License-Identifier: Apache-2.0 */
/* What FreeSWITCH nodes need for a recovery on one another: rows, ports that do
 * not collide, one version; and clocks, since CSeq is made from them
 * (FreeSWITCH 1.10.12, sofia recovery). */
#include <math.h>
#include <string.h>

#include "logic/health_cluster_priv.h"

/* Rows are of answered calls, and come 1 to 2 s after the answer: so many legs
 * may ring. */
#define RINGING 10

/* ---- rows */

/* The database of node i: its own, else the one that a node of another kind
 * tells of. */
static const struct fp_view_store *store_of(const struct fp_rules *r, size_t i,
					    bool is_before)
{
	const struct fp_view_store *s;

	for (size_t k = 0; k <= r->n; k++) {
		const struct fp_cluster_node *n = &r->v[k ? k - 1 : i];

		if (k && fp_freeswitch_of(n->freeswitch))
			continue;
		s = fp_store_of(is_before ? n->store_before : n->store);
		if (s)
			return s;
	}
	return NULL;
}

/* Rows of that run, and of others of the same host: calls of dead runs. */
static int64_t rows_of(const struct fp_view_store *s,
		       const struct fp_view_freeswitch *fs, int64_t *old)
{
	int64_t n = 0;

	*old = 0;
	for (size_t i = 0; s && i < s->n_runs; i++)
		if (!strcmp(s->run[i].run, fs->run))
			n += s->run[i].rows;
		else if (*fs->switchname &&
			 !strcmp(s->run[i].switchname, fs->switchname))
			*old += s->run[i].rows;
	return n;
}

static bool is_short(const struct fp_rules *r, int64_t rows, int64_t sessions)
{
	return sessions - rows >= RINGING &&
	       (double)rows * 100 < r->o->protected_percent * (double)sessions;
}

static void judge_rows(struct fp_rules *r, size_t i,
		       const struct fp_view_freeswitch *fs)
{
	const struct fp_view_freeswitch *was =
		fp_freeswitch_of(r->v[i].freeswitch_before);
	const struct fp_view_store *s = store_of(r, i, false),
				   *before = store_of(r, i, true);
	struct fp_reading *a = fp_rules_answer(r, r->v[i].name, "rows");
	int64_t old, ignored, rows = rows_of(s, fs, &old);
	bool is = is_short(r, rows, fs->sessions);

	if (!was) /* the caller keeps none: its calls were as now */
		was = fs;
	if (is && before && !strcmp(was->run, fs->run) &&
	    is_short(r, rows_of(before, was, &ignored), was->sessions))
		fp_reading_say(a, FP_WARNING,
			       "%lld rows for %lld sessions: is track-calls "
			       "on?",
			       (long long)rows, (long long)fs->sessions);
	else
		fp_reading_say(a, FP_OK, "%lld rows for %lld sessions%s",
			       (long long)rows, (long long)fs->sessions,
			       is ? ", to be read again" : "");
	if (old)
		fp_reading_say(a, FP_OK, "%lld rows of earlier runs",
			       (long long)old);
	fp_reading_figure(a, "rows", (double)rows, "", NAN);
}

void fp_rules_rows(struct fp_rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_freeswitch *fs =
			fp_freeswitch_of(r->v[i].freeswitch);

		if (fs && *fs->run && store_of(r, i, false))
			judge_rows(r, i, fs);
	}
}

/* ---- rtp-ports */

static bool mentions(const struct fp_view_store *s,
		     const struct fp_view_freeswitch *fs)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (!strcmp(s->run[i].run, fs->run) ||
		    (*fs->switchname &&
		     !strcmp(s->run[i].switchname, fs->switchname)))
			return true;
	return false;
}

/* A database of its own that has rows, and none of the other's, is not shared;
 * an empty one may be. */
static bool is_shared(const struct fp_rules *r, size_t i, size_t k)
{
	const struct fp_view_store *a = store_of(r, i, false),
				   *b = store_of(r, k, false);

	if (!a || !b)
		return false;
	if (a == b || !a->n_runs || !b->n_runs)
		return true;
	return mentions(a, &r->v[k].freeswitch->freeswitch) ||
	       mentions(b, &r->v[i].freeswitch->freeswitch);
}

static const struct fp_view_freeswitch *ranged(const struct fp_rules *r,
					       size_t i)
{
	const struct fp_view_freeswitch *fs =
		fp_freeswitch_of(r->v[i].freeswitch);

	return fs && fs->rtp_first && fs->rtp_last >= fs->rtp_first ? fs : NULL;
}

/* How many after i share a database with it; those whose range meets its own
 * are listed. */
static size_t meet(const struct fp_rules *r, size_t i,
		   struct fp_cluster_names *bad)
{
	const struct fp_view_freeswitch *x = ranged(r, i), *y;
	size_t n = 0;

	/* few of many nodes have a range: no pairs of the others */
	for (size_t k = i + 1; x && k < r->n; k++) {
		y = ranged(r, k);
		if (!y || !is_shared(r, i, k))
			continue;
		n++;
		if (x->rtp_first <= y->rtp_last && y->rtp_first <= x->rtp_last)
			fp_cluster_say(bad, "%s %u-%u and %s %u-%u",
				       r->v[i].name, x->rtp_first, x->rtp_last,
				       r->v[k].name, y->rtp_first, y->rtp_last);
	}
	return n;
}

void fp_rules_ports(struct fp_rules *r)
{
	struct fp_cluster_names bad = { 0 };
	size_t n_pairs = 0;
	struct fp_reading *a;

	for (size_t i = 0; i < r->n; i++)
		n_pairs += meet(r, i, &bad);
	if (!n_pairs)
		return;
	a = fp_rules_answer(r, "", "rtp-ports");
	if (bad.n)
		fp_reading_say(a, FP_WARNING,
			       "RTP ranges overlap, so that recovered calls "
			       "may meet others: %s",
			       bad.text);
	else
		fp_reading_say(a, FP_OK, "RTP ranges are apart");
}

/* ---- versions */

void fp_rules_versions(struct fp_rules *r)
{
	const char *first = NULL;
	struct fp_cluster_names all = { 0 };
	bool is_same = true;
	struct fp_reading *a;

	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_freeswitch *fs =
			fp_freeswitch_of(r->v[i].freeswitch);

		if (!fs || !*fs->version)
			continue;
		if (!first)
			first = fs->version;
		is_same &= !strcmp(first, fs->version);
		fp_cluster_say(&all, "%s %s", r->v[i].name, fs->version);
	}
	if (all.n < 2)
		return;
	a = fp_rules_answer(r, "", "versions");
	if (is_same)
		fp_reading_say(a, FP_OK, "all %zu FreeSWITCH are %s", all.n,
			       first);
	else
		fp_reading_say(a, FP_WARNING,
			       "FreeSWITCH differ, and flags of recovery rows "
			       "with them: %s",
			       all.text);
}

/* ---- clock */

/* What we know of the clocks of node i: how many, in ms. */
static size_t skews_of(const struct fp_rules *r, size_t i, double ms[2])
{
	const struct fp_view_freeswitch *fs =
		fp_freeswitch_of(r->v[i].freeswitch);
	const struct fp_view *f = r->v[i].filter;
	size_t n = 0;

	if (fs && fs->now_s)
		ms[n++] = (double)fs->skew_ms;
	if (f && f->kind == FP_VIEW_FILTER)
		ms[n++] = (double)f->filter.skew_ms;
	return n;
}

/* Several nodes, all of them off, and not from one another: it is our clock. */
static bool is_ours(const struct fp_rules *r)
{
	double low = INFINITY, high = -INFINITY;
	double max = (double)r->o->skew_max_ms;
	size_t n_nodes = 0;

	for (size_t i = 0; i < r->n; i++) {
		double ms[2];
		size_t n = skews_of(r, i, ms);

		for (size_t k = 0; k < n; k++) {
			low = fmin(low, ms[k]);
			high = fmax(high, ms[k]);
		}
		n_nodes += n > 0;
	}
	return n_nodes > 1 && (low > max || high < -max) && high - low <= max;
}

/* Seconds, without sign. */
static double judge_skew(const struct fp_rules *r, struct fp_reading *a,
			 const char *who, int64_t skew_ms, bool is_our_clock)
{
	double skew = fabs((double)skew_ms), max = (double)r->o->skew_max_ms;
	enum fp_health state = FP_OK;

	if (is_our_clock)
		state = FP_UNKNOWN;
	else if (skew >= 10 * max && skew > 0)
		state = FP_CRITICAL;
	else if (skew > max)
		state = FP_WARNING;
	fp_reading_say(a, state, "%s is %.3f s %s", who, skew / 1000,
		       skew_ms < 0 ? "behind" : "ahead");
	return skew / 1000;
}

void fp_rules_clock(struct fp_rules *r)
{
	bool is_our_clock = is_ours(r);

	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_freeswitch *fs =
			fp_freeswitch_of(r->v[i].freeswitch);
		const struct fp_view *f = r->v[i].filter;
		struct fp_reading *a;
		double skew = 0;

		if (f && f->kind != FP_VIEW_FILTER)
			f = NULL;
		if (!f && !(fs && fs->now_s))
			continue;
		a = fp_rules_answer(r, r->v[i].name, "clock");
		if (is_our_clock)
			fp_reading_say(a, FP_UNKNOWN,
				       "all nodes are off alike: our clock?");
		if (fs && fs->now_s)
			skew = judge_skew(r, a, "FreeSWITCH", fs->skew_ms,
					  is_our_clock);
		if (f)
			skew = fmax(skew, judge_skew(r, a, "the node",
						     f->filter.skew_ms,
						     is_our_clock));
		fp_reading_figure(a, "skew", skew, "s", NAN);
	}
}
