/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that compare what nodes say: small clusters, made by hand. */
#include <math.h>
#include <stdlib.h>

#include "logic/health_cluster.h"
#include "test/unit/unit.h"

static const struct fp_cluster_opts opts = FP_CLUSTER_DEFAULT;

/* ---- a cluster of OpenSIPS: N nodes, all well, one tag each (t1/1 on node 1),
 * 100 dialogs, that answered in this round and the one before */

#define N 3

struct os {
	struct fp_view view, before;
	struct fp_view_tag tag[2 * N], tag_before[2 * N];
	struct fp_view_link link[N];
	struct fp_view_cap cap[2];
};

struct site {
	struct os os[N];
	struct fp_view fs[N], fs_before[N], filter[N], store, store_before;
	struct fp_view_rows rows[8], rows_before[8];
	struct fp_cluster_node node[2 * N + 1];
	size_t n;
	struct fp_cluster_answer *v;
	size_t n_v;
};

static const char *const sip_names[] = { "sip1", "sip2", "sip3" };
static const char *const fs_names[] = { "fs1", "fs2", "fs3" };

static void make_os(struct os *x, uint32_t id)
{
	struct fp_view_opensips *v = &x->view.opensips;

	x->view.kind = FP_VIEW_OPENSIPS;
	*v = (struct fp_view_opensips){ .node_id = id,
					.up_s = 5000,
					.has_clusterer = true,
					.has_dialog = true,
					.dialogs = 100,
					.processed_dialogs = 900,
					.create_sent = 300,
					.shm_total_bytes = 256 << 20,
					.shm_free_bytes = 200 << 20,
					.sync_chunks = 20 };
	for (uint32_t k = 0; k < N; k++) {
		x->tag[k] = (struct fp_view_tag){ .cluster = 1,
						  .is_active = k + 1 == id };
		snprintf(x->tag[k].name, sizeof(x->tag[k].name), "t%u", k + 1);
		if (k + 1 == id)
			continue;
		x->link[v->n_links++] =
			(struct fp_view_link){ .cluster = 1,
					       .node_id = k + 1,
					       .state = "Up",
					       .next_hop = k + 1,
					       .is_enabled = true };
	}
	x->cap[0] = (struct fp_view_cap){ 1, "dialog-dlg-repl", true, true };
	x->cap[1] = (struct fp_view_cap){ 1, "dialog-prof-repl", true, true };
	v->tag = x->tag;
	v->n_tags = N;
	v->link = x->link;
	v->cap = x->cap;
	v->n_caps = 2;
	memcpy(x->tag_before, x->tag, sizeof(x->tag));
	x->before = x->view;
	x->before.opensips.tag = x->tag_before;
	x->before.opensips.up_s -= 10;
}

static struct site *make(void)
{
	struct site *s = calloc(1, sizeof(*s));

	for (uint32_t i = 0; i < N; i++) {
		make_os(&s->os[i], i + 1);
		s->node[i] =
			(struct fp_cluster_node){ .name = sip_names[i],
						  .is_opensips = true,
						  .opensips = &s->os[i].view,
						  .opensips_before =
							  &s->os[i].before };
	}
	s->n = N;
	return s;
}

static void forget(struct site *s)
{
	fp_cluster_answers_free(s->v, s->n_v);
	s->v = NULL;
	s->n_v = 0;
}

static void drop(struct site *s)
{
	forget(s);
	free(s);
}

static void judge(struct site *s)
{
	struct fp_err e;

	forget(s);
	EQ(fp_cluster_judge(&opts, s->node, s->n, &s->v, &s->n_v, &e), 0);
}

static const struct fp_reading *answer(struct site *s, const char *node,
				       const char *check)
{
	for (size_t i = 0; i < s->n_v; i++)
		if (!strcmp(s->v[i].node, node) &&
		    !strcmp(s->v[i].check, check))
			return &s->v[i].reading;
	return NULL;
}

static const char *is_at(struct site *s, const char *node, const char *check)
{
	const struct fp_reading *r = answer(s, node, check);

	return r ? fp_health_name(r->state) : "none";
}

static const char *says(struct site *s, const char *node, const char *check)
{
	const struct fp_reading *r = answer(s, node, check);

	return r ? r->detail : "none";
}

static void hush(struct site *s, size_t i)
{
	s->node[i].opensips = NULL;
}

static void set_links(struct site *s, uint32_t to, const char *state,
		      uint32_t next_hop)
{
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < N - 1; k++) {
			struct fp_view_link *l = &s->os[i].link[k];

			if (l->node_id != to)
				continue;
			snprintf(l->state, sizeof(l->state), "%s", state);
			l->next_hop = next_hop;
		}
}

TEST(all_well)
{
	struct site *s = make();

	judge(s);
	for (size_t i = 0; i < s->n_v; i++)
		if (!EQ(s->v[i].reading.state, FP_OK))
			printf("# %s %s: %s\n", s->v[i].node, s->v[i].check,
			       s->v[i].reading.detail);
	EQ(s->n_v, 2 + 4 * N);
	STR(says(s, "", "tags"), "3 tags, each active on one node");
	STR(says(s, "sip1", "taking"), "owns 1 tag");
	STR(says(s, "sip2", "links"), "2 of 2 are Up");
	STR(says(s, "", "dialogs"), "cluster 1: 3 nodes have 100 to 100 "
				    "dialogs");
	STR(says(s, "sip3", "sync"), "in step, the last sync brought 20 "
				     "chunks");
	STR(says(s, "sip1", "shm"), "78.1% of 256 MB is free");
	drop(s);
}

TEST(nothing_to_compare)
{
	struct site *s = make();
	struct fp_cluster_node x = { .name = "db1" };
	struct fp_cluster_answer *v;
	size_t n;

	EQ(fp_cluster_judge(&opts, NULL, 0, &v, &n, NULL), 0);
	EQ(n, 0);
	fp_cluster_answers_free(v, n);
	EQ(fp_cluster_judge(&opts, &x, 1, &v, &n, NULL), 0);
	EQ(n, 0);
	fp_cluster_answers_free(v, n);
	/* an OpenSIPS without clusterer and dialog has its memory alone */
	s->os[0].view.opensips.has_clusterer = false;
	s->os[0].view.opensips.has_dialog = false;
	s->n = 1;
	judge(s);
	EQ(s->n_v, 1);
	STR(is_at(s, "sip1", "shm"), "OK");
	drop(s);
}

/* ---- tags */

TEST(tags_split)
{
	struct site *s = make();

	s->os[2].tag[0].is_active = true;
	judge(s);
	STR(is_at(s, "", "tags"), "CRITICAL");
	STR(says(s, "", "tags"), "split brain: t1/1 on sip1, sip3");
	/* the same name in another cluster is another tag */
	s->os[2].tag[0].cluster = 2;
	s->os[2].tag[0].is_active = true;
	judge(s);
	HAS(says(s, "", "tags"), "not known to all: t1/1 (not on sip3)");
	OK(!strstr(says(s, "", "tags"), "split"));
	drop(s);
}

TEST(tags_of_nobody)
{
	struct site *s = make();

	s->os[1].tag[1].is_active = false;
	judge(s);
	STR(is_at(s, "", "tags"), "CRITICAL");
	STR(says(s, "", "tags"), "active on no node: t2/1");
	/* whom another cluster has besides is no owner */
	s->os[0].view.opensips.n_links = N;
	s->os[0].link[N - 1] = (struct fp_view_link){ 9, 8, "Up", 8, true };
	judge(s);
	STR(is_at(s, "", "tags"), "CRITICAL");
	/* two kinds of trouble: both are told */
	s->os[2].tag[0].is_active = true;
	judge(s);
	STR(says(s, "", "tags"), "split brain: t1/1 on sip1, sip3; active on "
				 "no node: t2/1");
	drop(s);
}

TEST(tags_of_a_node_that_does_not_answer)
{
	struct site *s = make();

	hush(s, 1);
	judge(s);
	/* its peers have it Up: it may well own what it owned */
	STR(is_at(s, "", "tags"), "UNKNOWN");
	STR(says(s, "", "tags"), "active on no node that answers: t2/1 (was on "
				 "sip2); no answer from sip2");
	/* they have it Down: somebody should take it over */
	set_links(s, 2, "Down", 0);
	judge(s);
	STR(is_at(s, "", "tags"), "WARNING");
	/* it never answered */
	s->node[1].opensips_before = NULL;
	judge(s);
	HAS(says(s, "", "tags"), "t2/1 (may be on sip2)");
	/* what another took over is well, and no split brain */
	s->os[2].tag[1].is_active = true;
	judge(s);
	STR(is_at(s, "", "tags"), "OK");
	HAS(says(s, "", "tags"), "no answer from sip2");
	drop(s);
}

TEST(tags_of_a_node_that_is_in_no_file)
{
	struct site *s = make();

	/* sip2 is unknown to us, its peers have a link to it */
	s->node[1] = s->node[2];
	s->n = 2;
	judge(s);
	STR(is_at(s, "", "tags"), "UNKNOWN");
	HAS(says(s, "", "tags"), "t2/1 (may be on node 2)");
	/* without ids it cannot be told from those that answer */
	s->os[0].view.opensips.node_id = 0;
	judge(s);
	STR(is_at(s, "", "tags"), "CRITICAL");
	drop(s);
}

TEST(tags_that_not_all_know)
{
	struct site *s = make();

	/* a typing mistake at clusterer_shtag_set_active makes a tag */
	s->os[0].tag[3] = (struct fp_view_tag){ "tt1", 1, true };
	s->os[0].view.opensips.n_tags = 4;
	judge(s);
	STR(is_at(s, "", "tags"), "WARNING");
	STR(says(s, "", "tags"), "not known to all: tt1/1 (not on sip2, "
				 "sip3)");
	/* who is in no such cluster need not know it */
	s->os[0].tag[3].cluster = 9;
	judge(s);
	STR(is_at(s, "", "tags"), "OK");
	/* nor who does not answer */
	s->os[0].tag[3].cluster = 1;
	hush(s, 1);
	hush(s, 2);
	s->os[0].tag[1].is_active = s->os[0].tag[2].is_active = true;
	judge(s);
	STR(is_at(s, "", "tags"), "OK");
	drop(s);
}

TEST(tags_are_many)
{
	struct site *s = make();
	struct fp_view_tag *t = calloc(1000, sizeof(*t));

	for (int i = 0; i < 1000; i++) {
		t[i].cluster = 1;
		snprintf(t[i].name, sizeof(t[i].name), "%063d", i);
	}
	s->os[0].view.opensips.tag = t;
	s->os[0].view.opensips.n_tags = 1000;
	judge(s);
	STR(is_at(s, "", "tags"), "CRITICAL");
	HAS(says(s, "", "tags"), "...");
	free(t);
	drop(s);
}

/* ---- taking */

/* Node 3 gave its tag to node 1 before the last round. */
static struct site *tagless(void)
{
	struct site *s = make();

	s->os[2].tag[2].is_active = s->os[2].tag_before[2].is_active = false;
	s->os[0].tag[2].is_active = s->os[0].tag_before[2].is_active = true;
	return s;
}

TEST(taking_without_a_tag)
{
	struct site *s = tagless();

	judge(s);
	STR(is_at(s, "sip3", "taking"), "WARNING");
	STR(says(s, "sip3", "taking"), "owns no active tag, takes no calls");
	OK(answer(s, "sip3", "taking")->is_refusing);
	STR(says(s, "sip1", "taking"), "owns 2 tags");
	OK(!answer(s, "sip1", "taking")->is_refusing);
	/* copies of others' dialogs are counted as processed, too */
	s->os[2].view.opensips.processed_dialogs += 50;
	judge(s);
	STR(is_at(s, "sip3", "taking"), "WARNING");
	s->os[2].view.opensips.create_sent += 7;
	judge(s);
	STR(is_at(s, "sip3", "taking"), "CRITICAL");
	STR(says(s, "sip3", "taking"),
	    "takes calls (7 new) and owns no active tag");
	OK(answer(s, "sip3", "taking")->is_refusing);
	drop(s);
}

TEST(taking_while_the_tag_goes)
{
	struct site *s = tagless();

	/* it owned it in the round before: they may be from then */
	s->os[2].tag_before[2].is_active = true;
	s->os[2].view.opensips.create_sent += 7;
	judge(s);
	STR(is_at(s, "sip3", "taking"), "WARNING");
	STR(says(s, "sip3", "taking"), "owns no active tag");
	/* the first round */
	s->node[2].opensips_before = NULL;
	judge(s);
	STR(is_at(s, "sip3", "taking"), "WARNING");
	drop(s);
}

TEST(taking_after_a_restart)
{
	struct site *s = tagless();

	s->os[2].view.opensips.up_s = 4;
	s->os[2].view.opensips.create_sent = 0;
	s->os[2].view.opensips.processed_dialogs = 1002; /* the sync */
	judge(s);
	STR(is_at(s, "sip3", "taking"), "WARNING");
	s->os[2].view.opensips.create_sent = 2;
	judge(s);
	STR(is_at(s, "sip3", "taking"), "CRITICAL");
	HAS(says(s, "sip3", "taking"), "(2 new)");
	/* as many as before it, and all of them new */
	s->os[2].before.opensips.create_sent = 2;
	judge(s);
	HAS(says(s, "sip3", "taking"), "(2 new)");
	/* no uptime: a counter that fell began anew */
	s->os[2].before.opensips.create_sent = 300;
	s->os[2].view.opensips.up_s = 0;
	judge(s);
	HAS(says(s, "sip3", "taking"), "(2 new)");
	drop(s);
}

TEST(taking_alone)
{
	struct site *s = tagless();

	/* nobody gets what it makes, so that nothing is sent */
	s->os[2].view.opensips.processed_dialogs += 9;
	for (int k = 0; k < N - 1; k++)
		snprintf(s->os[2].link[k].state, 16, "Down");
	judge(s);
	STR(is_at(s, "sip3", "taking"), "CRITICAL");
	/* counters that are not known */
	s->os[2].view.opensips.processed_dialogs = -1;
	s->os[2].view.opensips.create_sent = -1;
	judge(s);
	STR(is_at(s, "sip3", "taking"), "WARNING");
	STR(says(s, "sip3", "taking"), "owns no active tag");
	drop(s);
}

TEST(taking_when_nobody_owns)
{
	struct site *s = make();

	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			s->os[i].tag[k].is_active = false;
	judge(s);
	STR(is_at(s, "sip1", "taking"), "WARNING");
	/* no node is better than another: calls go on */
	OK(!answer(s, "sip1", "taking")->is_refusing);
	STR(is_at(s, "", "tags"), "CRITICAL");
	/* without tags anywhere there is nothing to say */
	for (int i = 0; i < N; i++)
		s->os[i].view.opensips.n_tags = 0;
	judge(s);
	STR(is_at(s, "sip1", "taking"), "none");
	STR(is_at(s, "", "tags"), "none");
	/* tags of a cluster that it is not in */
	s->os[0].view.opensips.n_tags = N;
	for (int k = 0; k < N; k++)
		s->os[0].tag[k].cluster = 9;
	judge(s);
	STR(is_at(s, "sip2", "taking"), "none");
	for (int k = 0; k < N; k++)
		s->os[0].tag[k].cluster = 1;
	/* one that never heard of the tags of its cluster */
	s->os[0].view.opensips.n_tags = N;
	s->os[0].tag[0].is_active = true;
	judge(s);
	STR(is_at(s, "sip2", "taking"), "WARNING");
	OK(answer(s, "sip2", "taking")->is_refusing);
	drop(s);
}

/* ---- sync */

TEST(sync_states)
{
	struct site *s = make();

	s->os[0].cap[0].is_ok = false;
	judge(s);
	STR(is_at(s, "sip1", "sync"), "CRITICAL");
	STR(says(s, "sip1", "sync"), "dialog-dlg-repl/1 is not synced");
	s->os[0].view.opensips.up_s = 4;
	judge(s);
	STR(is_at(s, "sip1", "sync"), "WARNING");
	s->os[0].view.opensips.up_s = -1;
	judge(s);
	STR(is_at(s, "sip1", "sync"), "CRITICAL");
	s->os[0].cap[0].is_enabled = false;
	judge(s);
	STR(is_at(s, "sip1", "sync"), "OK");
	s->os[1].view.opensips.is_sync_pending = true;
	judge(s);
	STR(is_at(s, "sip2", "sync"), "WARNING");
	STR(says(s, "sip2", "sync"), "a sync is under way");
	drop(s);
}

TEST(sync_from_an_empty_node)
{
	struct site *s = make();

	/* node 3 was restarted; nodes 1 and 2 fetched from it, and lost what
	 * was not theirs */
	s->os[1].view.opensips.sync_chunks = 0;
	judge(s);
	STR(is_at(s, "sip2", "sync"), "OK"); /* it has all the same */
	s->os[1].view.opensips.dialogs = 33;
	judge(s);
	STR(is_at(s, "sip2", "sync"), "OK"); /* not twice yet */
	s->os[1].before.opensips.dialogs = 33;
	judge(s);
	STR(is_at(s, "sip2", "sync"), "CRITICAL");
	STR(says(s, "sip2", "sync"), "the last sync brought 0 chunks: it has "
				     "33 dialogs, sip1 has 100");
	STR(is_at(s, "sip1", "sync"), "OK");
	/* it brought some: what is missing is the dialogs check's to tell */
	s->os[1].view.opensips.sync_chunks = 20;
	judge(s);
	STR(is_at(s, "sip2", "sync"), "OK");
	STR(is_at(s, "", "dialogs"), "CRITICAL");
	/* all is empty, rightly */
	for (int i = 0; i < N; i++) {
		s->os[i].view.opensips.dialogs = 0;
		s->os[i].view.opensips.sync_chunks = 0;
	}
	judge(s);
	STR(is_at(s, "sip2", "sync"), "OK");
	/* one round only */
	s->os[0].view.opensips.dialogs = 100;
	s->node[1].opensips_before = NULL;
	judge(s);
	STR(is_at(s, "sip2", "sync"), "OK");
	drop(s);
}

/* Two seeds started at once, one fell back to being the first; or a restart
 * emptied it and no report of a sync is left. */
TEST(sync_that_never_was)
{
	struct site *s = make();
	struct fp_view_opensips *v = &s->os[2].view.opensips;

	v->sync_chunks = -1;
	judge(s);
	STR(is_at(s, "sip3", "sync"), "OK");
	v->dialogs = 0;
	judge(s);
	STR(is_at(s, "sip3", "sync"), "OK"); /* not twice yet */
	s->os[2].before.opensips.dialogs = 0;
	judge(s);
	STR(is_at(s, "sip3", "sync"), "CRITICAL");
	STR(says(s, "sip3", "sync"), "it got none in a sync: it has 0 dialogs, "
				     "sip1 has 100");
	/* its peers had few the round before: it may get them yet */
	s->os[0].before.opensips.dialogs = s->os[1].before.opensips.dialogs = 3;
	judge(s);
	STR(is_at(s, "sip3", "sync"), "OK");
	drop(s);
}

/* ---- links */

TEST(links_between_nodes_that_answer)
{
	struct site *s = make();

	snprintf(s->os[0].link[0].state, 16, "Down");
	s->os[0].link[0].next_hop = 0;
	judge(s);
	STR(is_at(s, "sip1", "links"), "CRITICAL");
	STR(says(s, "sip1", "links"), "node 2 (sip2) is Down for sip1, and it "
				      "answers us; 1 of 2 are Up");
	STR(is_at(s, "sip2", "links"), "OK");
	snprintf(s->os[0].link[0].state, 16, "Probe");
	s->os[0].link[0].next_hop = 3;
	judge(s);
	STR(is_at(s, "sip1", "links"), "WARNING");
	HAS(says(s, "sip1", "links"), "node 2 (sip2) is Probe, by way of node "
				      "3");
	snprintf(s->os[0].link[0].state, 16, "Up");
	judge(s);
	STR(is_at(s, "sip1", "links"), "WARNING");
	s->os[0].link[0].is_enabled = false;
	judge(s);
	STR(is_at(s, "sip1", "links"), "OK");
	drop(s);
}

TEST(links_to_a_node_that_does_not_answer)
{
	struct site *s = make();

	hush(s, 1);
	judge(s);
	STR(is_at(s, "sip1", "links"), "OK");
	set_links(s, 2, "Down", 0);
	judge(s);
	STR(is_at(s, "sip1", "links"), "WARNING");
	HAS(says(s, "sip3", "links"), "node 2 (not among those that answer) is "
				      "Down");
	STR(is_at(s, "sip2", "links"), "none");
	/* another cluster's node 2 is another */
	s->node[1].opensips = &s->os[1].view;
	for (int k = 0; k < N; k++)
		s->os[1].link[k].cluster = s->os[1].tag[k].cluster = 7;
	s->os[1].cap[0].cluster = s->os[1].cap[1].cluster = 7;
	judge(s);
	STR(is_at(s, "sip1", "links"), "WARNING");
	drop(s);
}

/* ---- dialogs */

TEST(dialogs_that_are_missing)
{
	struct site *s = make();

	s->os[2].view.opensips.dialogs = 90; /* ten may be missing */
	s->os[2].before.opensips.dialogs = 90;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	s->os[2].view.opensips.dialogs = 89;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	HAS(says(s, "", "dialogs"), "to be read again: sip1 100, sip3 89");
	s->os[2].before.opensips.dialogs = 89;
	judge(s);
	STR(is_at(s, "", "dialogs"), "CRITICAL");
	STR(says(s, "", "dialogs"), "cluster 1: dialogs are missing: sip1 100, "
				    "sip3 89");
	/* the round before is not there */
	s->node[2].opensips_before = NULL;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	drop(s);
}

/* A ramp: node i is read each second from at_ms[i] on, its answer takes 20 ms,
 * and it has that share of what there is: calls/s up for 10 s, so many calls for
 * 10 s, and down again. */
static int64_t ramp(int64_t ms, int64_t per_s)
{
	int64_t up = ms < 10000 ? ms : 10000, down = ms - 20000;

	down = down < 0 ? 0 : down > 10000 ? 10000 : down;
	return per_s * (up - down) / 1000;
}

static void read_ramp(struct fp_view *v, int64_t ms, int64_t per_s,
		      double share)
{
	v->asked_ms = 1000000 + ms - 10;
	v->told_ms = 1000000 + ms + 10;
	v->opensips.dialogs = (int64_t)(share * (double)ramp(ms, per_s));
}

/* How many of 31 judgements were not OK; node 3 has a share. */
static int run_ramp(const int64_t at_ms[N], int64_t per_s, double share,
		    int *n_sync)
{
	struct site *s = make();
	int n = 0;

	*n_sync = 0;
	s->os[0].view.opensips.sync_chunks = 0;
	s->os[2].view.opensips.sync_chunks = 0;
	for (int64_t ms = 1000; ms <= 31000; ms += 1000) {
		for (int i = 0; i < N; i++) {
			double x = i == N - 1 ? share : 1;

			read_ramp(&s->os[i].before, ms + at_ms[i] - 1000, per_s,
				  x);
			read_ramp(&s->os[i].view, ms + at_ms[i], per_s, x);
		}
		judge(s);
		n += strcmp(is_at(s, "", "dialogs"), "OK") != 0;
		*n_sync += !strcmp(is_at(s, "sip3", "sync"), "CRITICAL");
		*n_sync += 100 * !strcmp(is_at(s, "sip1", "sync"), "CRITICAL");
	}
	drop(s);
	return n;
}

TEST(dialogs_of_a_ramp)
{
	int n_sync;

	for (int64_t a = 0; a <= 2000; a += 100)
		for (int64_t b = 0; b <= 2000; b += 100) {
			const int64_t at_ms[N] = { a, 0, b };

			if (!EQ(run_ramp(at_ms, 200, 1, &n_sync), 0) ||
			    !EQ(n_sync, 0))
				printf("# read %lld and %lld ms later\n",
				       (long long)a, (long long)b);
		}
}

TEST(dialogs_that_are_missing_in_a_ramp)
{
	static const int64_t at_ms[N] = { 0, 300, 700 };
	int n_sync, n = run_ramp(at_ms, 200, 0.88, &n_sync);

	/* of the 10 s at the top, and next to them */
	OK(n >= 9);
	EQ(n_sync, n);
	/* what is down to nothing is seen in the ramp too */
	OK(run_ramp(at_ms, 200, 0.3, &n_sync) >= 20);
}

TEST(dialogs_in_percent)
{
	struct site *s = make();

	for (int i = 0; i < N; i++)
		s->os[i].view.opensips.dialogs =
			s->os[i].before.opensips.dialogs = i ? 10000 : 9800;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	s->os[0].view.opensips.dialogs = s->os[0].before.opensips.dialogs =
		9799;
	judge(s);
	STR(is_at(s, "", "dialogs"), "CRITICAL");
	drop(s);
}

TEST(dialogs_of_those_that_replicate)
{
	struct site *s = make();
	struct fp_view_opensips *v = &s->os[2].view.opensips;

	v->dialogs = s->os[2].before.opensips.dialogs = 5;
	judge(s);
	STR(is_at(s, "", "dialogs"), "CRITICAL");
	v->has_dialog = false;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	v->has_dialog = true;
	s->os[2].cap[0].is_enabled = false;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	s->os[2].cap[0].is_enabled = true;
	/* it is about to get them: the sync check tells that */
	s->os[2].cap[0].is_ok = false;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	s->os[2].cap[0].is_ok = true;
	v->is_sync_pending = true;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	v->is_sync_pending = false;
	/* another cluster; alone in it, there is nobody to compare with */
	s->os[2].cap[0].cluster = s->os[2].cap[1].cluster = 4;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	s->os[2].cap[0].cluster = s->os[2].cap[1].cluster = 1;
	v->dialogs = -1;
	judge(s);
	STR(is_at(s, "", "dialogs"), "OK");
	hush(s, 1);
	judge(s);
	STR(is_at(s, "", "dialogs"), "none");
	drop(s);
}

/* ---- shm */

TEST(shm)
{
	static const struct {
		int64_t total, free;
		const char *state;
	} v[] = {
		{ 1000, 1000, "OK" },      { 1000, 250, "OK" },
		{ 1000, 249, "WARNING" },  { 1000, 125, "WARNING" },
		{ 1000, 124, "CRITICAL" }, { 1000, 0, "CRITICAL" },
		{ 0, 0, "none" },          { -1, 5, "none" },
		{ 1000, -1, "none" },
	};
	struct site *s = make();

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		s->os[0].view.opensips.shm_total_bytes = v[i].total;
		s->os[0].view.opensips.shm_free_bytes = v[i].free;
		judge(s);
		STR(is_at(s, "sip1", "shm"), v[i].state);
	}
	drop(s);
}

/* ---- FreeSWITCH: three hosts, 100 legs each, one database on a fourth */

static void make_fs(struct site *s, size_t i)
{
	struct fp_view_freeswitch *f = &s->fs[i].freeswitch;

	s->fs[i].kind = FP_VIEW_FREESWITCH;
	f->sessions = 100;
	f->now_s = 1767225600;
	f->rtp_first = (uint16_t)(16384 + 4000 * i);
	f->rtp_last = (uint16_t)(f->rtp_first + 3999);
	snprintf(f->run, sizeof(f->run), "run%zu", i + 1);
	snprintf(f->switchname, sizeof(f->switchname), "fs%zu", i + 1);
	snprintf(f->version, sizeof(f->version), "1.10.12");
	s->fs_before[i] = s->fs[i];
	s->filter[i] = (struct fp_view){ .kind = FP_VIEW_FILTER };
	s->rows[i].rows = 95;
	snprintf(s->rows[i].run, sizeof(s->rows[i].run), "%s", f->run);
	snprintf(s->rows[i].switchname, sizeof(s->rows[i].switchname), "%s",
		 f->switchname);
	s->rows_before[i] = s->rows[i];
	s->node[i] =
		(struct fp_cluster_node){ .name = fs_names[i],
					  .freeswitch = &s->fs[i],
					  .freeswitch_before = &s->fs_before[i],
					  .filter = &s->filter[i] };
}

static struct site *make_media(void)
{
	struct site *s = calloc(1, sizeof(*s));

	for (size_t i = 0; i < N; i++)
		make_fs(s, i);
	s->store = (struct fp_view){ .kind = FP_VIEW_STORE,
				     .store = { s->rows, N } };
	s->store_before = (struct fp_view){ .kind = FP_VIEW_STORE,
					    .store = { s->rows_before, N } };
	s->node[N] =
		(struct fp_cluster_node){ .name = "db1",
					  .store = &s->store,
					  .store_before = &s->store_before };
	s->n = N + 1;
	return s;
}

TEST(media_well)
{
	struct site *s = make_media();

	judge(s);
	for (size_t i = 0; i < s->n_v; i++)
		if (!EQ(s->v[i].reading.state, FP_OK))
			printf("# %s %s: %s\n", s->v[i].node, s->v[i].check,
			       s->v[i].reading.detail);
	EQ(s->n_v, 2 + 2 * N);
	STR(says(s, "fs1", "rows"), "95 rows for 100 sessions");
	STR(says(s, "", "versions"), "all 3 FreeSWITCH are 1.10.12");
	STR(says(s, "", "rtp-ports"), "RTP ranges are apart");
	drop(s);
}

TEST(rows_of_sessions)
{
	struct site *s = make_media();

	s->rows[0].rows = 79;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "OK"); /* not twice yet */
	HAS(says(s, "fs1", "rows"), "to be read again");
	s->rows_before[0].rows = 79;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "WARNING");
	STR(says(s, "fs1", "rows"), "79 rows for 100 sessions: is track-calls "
				    "on?");
	/* a burst of calls: then there were fewer */
	s->fs_before[0].freeswitch.sessions = 80;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "OK");
	/* a restart between: no two rounds of that run */
	s->fs_before[0].freeswitch.sessions = 100;
	snprintf(s->fs_before[0].freeswitch.run, 40, "older");
	judge(s);
	STR(is_at(s, "fs1", "rows"), "OK");
	/* a caller that keeps no round before */
	s->node[0].freeswitch_before = NULL;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "WARNING");
	/* few calls may all be ringing */
	s->fs[0].freeswitch.sessions = 9;
	s->rows[0].rows = s->rows_before[0].rows = 0;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "OK");
	s->fs[0].freeswitch.sessions = 10;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "WARNING");
	drop(s);
}

TEST(rows_of_dead_runs)
{
	struct site *s = make_media();

	snprintf(s->rows[3].run, 40, "a3fa");
	snprintf(s->rows[3].switchname, 64, "fs2");
	s->rows[3].rows = 12;
	s->store.store.n_runs = 4;
	judge(s);
	STR(says(s, "fs2", "rows"), "95 rows for 100 sessions; 12 rows of "
				    "earlier runs");
	/* they protect no call of this run */
	s->rows[1].rows = s->rows_before[1].rows = 0;
	s->rows[3].rows = 100;
	judge(s);
	STR(is_at(s, "fs2", "rows"), "WARNING");
	drop(s);
}

TEST(rows_without_a_database)
{
	struct site *s = make_media();

	s->rows[0].rows = s->rows_before[0].rows = 0;
	s->n = N;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "none");
	STR(is_at(s, "", "rtp-ports"), "none");
	/* one of its own goes before that of others */
	s->node[0].store = &s->store;
	s->node[0].store_before = &s->store_before;
	judge(s);
	STR(is_at(s, "fs1", "rows"), "WARNING");
	STR(is_at(s, "fs2", "rows"), "none");
	drop(s);
}

TEST(ports_that_overlap)
{
	struct site *s = make_media();

	s->fs[1].freeswitch.rtp_first = s->fs[0].freeswitch.rtp_last;
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "WARNING");
	HAS(says(s, "", "rtp-ports"), "fs1 16384-20383 and fs2 20383-24383");
	/* not said, or no range */
	s->fs[1].freeswitch.rtp_first = 0;
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "OK");
	s->fs[1].freeswitch.rtp_first = 20000;
	s->fs[1].freeswitch.rtp_last = 10000;
	s->node[2].freeswitch = NULL;
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "none");
	s->node[2].freeswitch = &s->fs[2];
	s->fs[2].freeswitch.rtp_first = 0;
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "none");
	drop(s);
}

TEST(ports_of_databases_that_are_not_shared)
{
	struct site *s = make_media();
	struct fp_view own[2] = {
		{ .kind = FP_VIEW_STORE, .store = { &s->rows[0], 1 } },
		{ .kind = FP_VIEW_STORE, .store = { &s->rows[1], 1 } },
	};

	s->n = 2;
	s->fs[1].freeswitch.rtp_first = s->fs[0].freeswitch.rtp_first;
	s->node[0].store = &own[0];
	s->node[1].store = &own[1];
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "none");
	/* an empty one may be */
	own[1].store.n_runs = 0;
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "WARNING");
	own[1].store = (struct fp_view_store){ s->rows, 2 };
	judge(s);
	STR(is_at(s, "", "rtp-ports"), "WARNING");
	drop(s);
}

TEST(versions_that_differ)
{
	struct site *s = make_media();

	snprintf(s->fs[2].freeswitch.version, 64, "1.10.9");
	judge(s);
	STR(is_at(s, "", "versions"), "WARNING");
	HAS(says(s, "", "versions"), "fs1 1.10.12, fs2 1.10.12, fs3 1.10.9");
	s->fs[2].freeswitch.version[0] = 0;
	judge(s);
	STR(is_at(s, "", "versions"), "OK");
	s->node[1].freeswitch = NULL;
	judge(s);
	STR(is_at(s, "", "versions"), "none");
	drop(s);
}

TEST(clocks)
{
	static const struct {
		int64_t fs_ms, node_ms;
		const char *state;
	} v[] = {
		{ 0, 0, "OK" },
		{ 1000, -1000, "OK" },
		{ 1001, 0, "WARNING" },
		{ 0, -1001, "WARNING" },
		{ -9999, 0, "WARNING" },
		{ 10000, 0, "CRITICAL" },
		{ 0, -10000, "CRITICAL" },
		{ INT64_MIN, 0, "CRITICAL" },
	};
	struct site *s = make_media();

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		s->fs[0].freeswitch.skew_ms = v[i].fs_ms;
		s->filter[0].filter.skew_ms = v[i].node_ms;
		judge(s);
		STR(is_at(s, "fs1", "clock"), v[i].state);
		EQ(answer(s, "fs1", "clock")->n_figures, 1);
	}
	HAS(says(s, "fs2", "clock"), "FreeSWITCH is 0.000 s ahead");
	/* a clock that was not told */
	s->fs[0].freeswitch.now_s = 0;
	judge(s);
	STR(is_at(s, "fs1", "clock"), "OK");
	s->node[0].filter = NULL;
	judge(s);
	STR(is_at(s, "fs1", "clock"), "none");
	drop(s);
}

TEST(clocks_that_are_ours)
{
	struct site *s = make_media();

	for (int i = 0; i < N; i++) {
		s->fs[i].freeswitch.skew_ms = -60000 - 300 * i;
		s->filter[i].filter.skew_ms = -60200;
	}
	judge(s);
	for (int i = 0; i < N; i++)
		STR(is_at(s, fs_names[i], "clock"), "UNKNOWN");
	HAS(says(s, "fs2", "clock"), "all nodes are off alike: our clock?; "
				     "FreeSWITCH is 60.300 s behind");
	/* not alike */
	s->fs[1].freeswitch.skew_ms = -62000;
	judge(s);
	STR(is_at(s, "fs1", "clock"), "CRITICAL");
	/* one that is right */
	s->fs[1].freeswitch.skew_ms = -60000;
	s->filter[2].filter.skew_ms = s->fs[2].freeswitch.skew_ms = 0;
	judge(s);
	STR(is_at(s, "fs1", "clock"), "CRITICAL");
	STR(is_at(s, "fs3", "clock"), "OK");
	/* one alone says nothing of us */
	for (int i = 1; i < N; i++) {
		s->fs[i].freeswitch.now_s = 0;
		s->node[i].filter = NULL;
	}
	judge(s);
	STR(is_at(s, "fs1", "clock"), "CRITICAL");
	drop(s);
}

/* ---- any views at all: nothing breaks, nothing contradicts itself */

TEST(any_views)
{
	srandom(11);
	for (int round = 0; round < 3000; round++) {
		struct site *s = make();

		for (int i = 0; i < N; i++) {
			struct fp_view_opensips *v = &s->os[i].view.opensips;

			v->node_id = (uint32_t)(random() % 4);
			v->n_tags = (size_t)(random() % (2 * N + 1));
			v->n_links = (size_t)(random() % N);
			v->n_caps = (size_t)(random() % 3);
			v->dialogs = random() % 200 - 1;
			v->create_sent = random() % 3 - 1;
			v->sync_chunks = random() % 3 - 1;
			v->has_clusterer = random() % 8 != 0;
			for (int k = 0; k < 2 * N; k++) {
				s->os[i].tag[k].is_active = random() % 2;
				s->os[i].tag[k].cluster =
					(uint32_t)(random() % 3);
			}
			if (random() % 4 == 0)
				hush(s, (size_t)i);
			if (random() % 4 == 0)
				s->node[i].opensips_before = NULL;
		}
		judge(s);
		for (size_t i = 0; i < s->n_v; i++)
			for (size_t k = i + 1; k < s->n_v; k++)
				OK(strcmp(s->v[i].node, s->v[k].node) ||
				   strcmp(s->v[i].check, s->v[k].check));
		drop(s);
	}
}
