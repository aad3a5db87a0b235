/* SPDX-License-Identifier: Apache-2.0 */
/* Do nodes have what they should have of one another: capabilities, the last
 * sync, links, dialog counts; and shared memory.
 * A sync from a node that was just started, and is empty, takes 0 chunks and drops
 * what this node had, and all says Ok: only counts tell (OpenSIPS 3.6.8
 * dlg_replication.c rcv_cluster_event). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "logic/health_cluster_priv.h"

#define STARTING_S 60 /* a capability may take that long after a start */

/* ---- dialogs */

/* Counts of one cluster. */
struct counts {
	uint32_t cluster;
	size_t n;
	int64_t min, max;
	const char *most; /* who has the most */
};

static int64_t count_of(const struct fp_view *view, uint32_t cluster)
{
	const struct fp_view_opensips *v = fp_opensips_of(view);
	bool is_ready;

	return v && fp_replicates(v, cluster, &is_ready) && is_ready
		       ? v->dialogs
		       : -1;
}

static struct counts counts_of(const struct fp_rules *r, uint32_t cluster)
{
	struct counts c = { .cluster = cluster, .max = -1 };

	for (size_t i = 0; i < r->n; i++) {
		int64_t x = count_of(r->v[i].opensips, cluster);

		if (x < 0)
			continue;
		c.min = !c.n++ || x < c.min ? x : c.min;
		if (x > c.max) {
			c.max = x;
			c.most = r->v[i].name;
		}
	}
	return c;
}

/* ---- counts that were not read at the same time
 *
 * Nodes are read at other moments of an interval, and calls come and go
 * meanwhile: what a peer had when this node was read lies between its two
 * readings around that.  So a count is missing when all that the node had in both
 * readings is less than all that the peer had in both of its own. */

struct span {
	int64_t low, high;         /* of both readings */
	int64_t first_ms, last_ms; /* when the first was over, the last begun */
	double per_ms;             /* how fast it changed */
};

/* false: it has no two readings. */
static bool span_of(const struct fp_rules *r, size_t i, uint32_t cluster,
		    struct span *out)
{
	const struct fp_view *now = r->v[i].opensips,
			     *was = r->v[i].opensips_before;
	int64_t x = count_of(now, cluster), y = count_of(was, cluster), ms;

	if (x < 0 || y < 0)
		return false;
	out->low = x < y ? x : y;
	out->high = x < y ? y : x;
	out->first_ms = was->told_ms;
	out->last_ms = now->asked_ms;
	ms = now->told_ms - was->told_ms;
	out->per_ms =
		(double)(out->high - out->low) / (double)(ms > 0 ? ms : 1);
	return true;
}

/* Spans that do not meet, as of a node that was slow to answer: what may have
 * come or gone in between, and as much again. */
static double drift(const struct span *a, const struct span *b)
{
	int64_t gap_ms = b->first_ms - a->last_ms;

	if (a->first_ms - b->last_ms > gap_ms)
		gap_ms = a->first_ms - b->last_ms;
	if (gap_ms <= 0)
		return 0;
	return 2 * (double)gap_ms *
	       (a->per_ms > b->per_ms ? a->per_ms : b->per_ms);
}

/* Short of that peer in both readings? */
static bool is_short_of(const struct fp_rules *r, const struct span *own,
			size_t peer, uint32_t cluster)
{
	struct span its;

	return span_of(r, peer, cluster, &its) &&
	       fp_is_short(r->o, own->high,
			   its.low - (int64_t)drift(own, &its));
}

/* Is it short now; and was it so twice, of the same peer? */
static bool is_short(const struct fp_rules *r, size_t i, const struct counts *c,
		     bool *is_twice)
{
	int64_t x = count_of(r->v[i].opensips, c->cluster);
	struct span own;

	*is_twice = false;
	if (x < 0 || !fp_is_short(r->o, x, c->max))
		return false;
	if (!span_of(r, i, c->cluster, &own))
		return true;
	for (size_t k = 0; k < r->n && !*is_twice; k++)
		*is_twice = k != i && is_short_of(r, &own, k, c->cluster);
	return true;
}

static void judge_dialogs(const struct fp_rules *r, const struct counts *c,
			  struct fp_reading *a)
{
	struct fp_cluster_names twice = { 0 }, once = { 0 };
	bool is_twice;

	for (size_t i = 0; i < r->n; i++)
		if (is_short(r, i, c, &is_twice))
			fp_cluster_say(is_twice ? &twice : &once, "%s %lld",
				       r->v[i].name,
				       (long long)count_of(r->v[i].opensips,
							   c->cluster));
	if (twice.n)
		fp_reading_say(a, FP_CRITICAL,
			       "cluster %u: dialogs are missing: %s %lld, %s",
			       c->cluster, c->most, (long long)c->max,
			       twice.text);
	if (once.n)
		fp_reading_say(a, FP_OK,
			       "cluster %u: to be read again: %s %lld, %s",
			       c->cluster, c->most, (long long)c->max,
			       once.text);
	if (!twice.n && !once.n)
		fp_reading_say(a, FP_OK,
			       "cluster %u: %zu nodes have %lld to %lld "
			       "dialogs",
			       c->cluster, c->n, (long long)c->min,
			       (long long)c->max);
}

int fp_rules_dialogs(struct fp_rules *r)
{
	struct fp_reading *a = NULL;
	uint32_t *id;
	size_t n;

	if (fp_clusters(r, &id, &n))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct counts c = counts_of(r, id[i]);

		if (c.n < 2)
			continue;
		if (!a) {
			a = fp_rules_answer(r, "", "dialogs");
			fp_reading_figure(a, "dialogs_max", (double)c.max, "",
					  NAN);
			fp_reading_figure(a, "dialogs_min", (double)c.min, "",
					  NAN);
		}
		judge_dialogs(r, &c, a);
	}
	free(id);
	return 0;
}

/* ---- sync */

/* It took nothing in its last sync, or never had one (the seed that found no
 * donor), and lacks what a peer has, twice.  A cluster that began empty has 0
 * chunks for ever, rightly. */
static void judge_empty(const struct fp_rules *r, size_t i,
			struct fp_reading *a)
{
	const struct fp_view_opensips *v = fp_member(r, i);

	for (size_t k = 0; k < v->n_caps; k++) {
		struct counts c = counts_of(r, v->cap[k].cluster);
		bool is_twice;

		if (strcmp(v->cap[k].name, "dialog-dlg-repl") != 0 ||
		    !is_short(r, i, &c, &is_twice) || !is_twice)
			continue;
		fp_reading_say(a, FP_CRITICAL,
			       "%s: it has %lld dialogs, %s has %lld",
			       v->sync_chunks < 0
				       ? "it got none in a sync"
				       : "the last sync brought 0 chunks",
			       (long long)v->dialogs, c.most, (long long)c.max);
	}
}

static void judge_sync(struct fp_rules *r, size_t i)
{
	const struct fp_view_opensips *v = fp_member(r, i);
	struct fp_reading *a = fp_rules_answer(r, r->v[i].name, "sync");
	bool is_starting =
		v->is_sync_pending || (v->up_s > 0 && v->up_s < STARTING_S);

	for (size_t k = 0; k < v->n_caps; k++)
		if (v->cap[k].is_enabled && !v->cap[k].is_ok)
			fp_reading_say(a,
				       is_starting ? FP_WARNING : FP_CRITICAL,
				       "%s/%u is not synced", v->cap[k].name,
				       v->cap[k].cluster);
	if (v->is_sync_pending)
		fp_reading_say(a, FP_WARNING, "a sync is under way");
	else if (v->sync_chunks <= 0)
		judge_empty(r, i, a);
	if (a->state != FP_OK)
		return;
	if (v->sync_chunks >= 0)
		fp_reading_say(a, FP_OK,
			       "in step, the last sync brought %lld chunks",
			       (long long)v->sync_chunks);
	else
		fp_reading_say(a, FP_OK, "in step");
}

void fp_rules_sync(struct fp_rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		if (v &&
		    (v->n_caps || v->sync_chunks >= 0 || v->is_sync_pending))
			judge_sync(r, i);
	}
}

/* ---- links */

static void judge_link(const struct fp_rules *r, const char *self,
		       const struct fp_view_link *l, struct fp_reading *a)
{
	const struct fp_cluster_node *peer =
		fp_answering(r, l->cluster, l->node_id);
	const char *name = peer ? peer->name : "not among those that answer";

	if (!strcmp(l->state, "Up") && l->next_hop == l->node_id)
		return;
	if (!strcmp(l->state, "Up") || !strcmp(l->state, "Probe"))
		fp_reading_say(a, FP_WARNING,
			       "node %u (%s) is %s, by way of node %u",
			       l->node_id, name, l->state, l->next_hop);
	else if (peer)
		fp_reading_say(a, FP_CRITICAL,
			       "node %u (%s) is %s for %s, and it answers us",
			       l->node_id, name, l->state, self);
	else
		fp_reading_say(a, FP_WARNING, "node %u (%s) is %s", l->node_id,
			       name, l->state);
}

void fp_rules_links(struct fp_rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);
		struct fp_reading *a;
		size_t n_up = 0;

		if (!v || !v->n_links)
			continue;
		a = fp_rules_answer(r, r->v[i].name, "links");
		for (size_t k = 0; k < v->n_links; k++) {
			/* switched off with clusterer_set_status */
			if (!v->link[k].is_enabled)
				continue;
			judge_link(r, r->v[i].name, &v->link[k], a);
			n_up += !strcmp(v->link[k].state, "Up");
		}
		fp_reading_say(a, FP_OK, "%zu of %zu are Up", n_up, v->n_links);
	}
}

/* ---- shm */

void fp_rules_shm(struct fp_rules *r)
{
	double floor = r->o->shm_floor_percent;

	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v =
			fp_opensips_of(r->v[i].opensips);
		enum fp_health state = FP_OK;
		struct fp_reading *a;
		double percent;

		if (!v || v->shm_total_bytes <= 0 || v->shm_free_bytes < 0)
			continue;
		percent = 100 * (double)v->shm_free_bytes /
			  (double)v->shm_total_bytes;
		if (percent < floor)
			state = FP_CRITICAL;
		else if (percent < 2 * floor)
			state = FP_WARNING;
		a = fp_rules_answer(r, r->v[i].name, "shm");
		fp_reading_say(a, state, "%.1f%% of %lld MB is free", percent,
			       (long long)(v->shm_total_bytes >> 20));
		fp_reading_figure(a, "shm_free", percent, "%", 100);
	}
}
