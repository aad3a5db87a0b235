/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_SITE_PRIV_H
#define FP_HEALTH_SITE_PRIV_H

/* What the files of a site share; not for others. */

#include "health/filter.h"
#include "health/site.h"
#include "logic/health_cluster.h"

struct fp_site {
	struct fp_site_opts o;
	struct fp_probe_env env;
	struct fp_work *names; /* a DNS that hangs holds up nobody else */
	struct fp_engine *engine;
	struct fp_filters *filters;
	struct fp_thresholds thresholds; /* of the command line */
	struct fp_site_node *node;       /* n_nodes, and the cluster's */
	size_t n_nodes;
	struct fp_site_check **probed; /* by the engine's number */
	size_t n_probed;
	struct fp_site_check **filtered;  /* by the filters' number */
	size_t n_filters, n_filters_left; /* left: of this round */
	struct fp_mark *mark;
	size_t n_marks;
	struct fp_timer tick;
	int64_t filters_ms; /* asked last */
	/* are we cut off? */
	/* Checks that can be asked, nodes that have some. */
	size_t n_network, n_network_nodes;
	size_t n_silent, n_held;
	int64_t answer_ms; /* somebody answered */
	bool is_cut_off;
	/* a round */
	bool is_asking, is_second;
};

/* site_plan.c: nodes and their checks.  0; -errno. */
int fp_site_plan(struct fp_site *s, struct fp_err *e);
/* A check of a node, made when it is not there; NULL: no memory. */
struct fp_site_check *fp_site_check_get(struct fp_site *s,
					struct fp_site_node *n,
					const char *name);
/* Is that check wanted of this node (NULL: the cluster's)? */
bool fp_site_wants(const struct fp_site *s, const struct fp_host *h,
		   const char *name);

/* site_feed.c: an answer came.  r is the caller's still, its view is taken. */
void fp_site_feed(struct fp_site *s, struct fp_site_check *c,
		  struct fp_reading *r, int64_t started_ms);
/* Its view becomes the node's, the one that was there that of the round before. */
void fp_site_take_view(struct fp_site_check *c, struct fp_reading *r);
/* What waits for a word whether we are cut off is judged as it is. */
void fp_site_let_go(struct fp_site *s);
/* What we say of it: judged, and told when that is something else. */
void fp_site_deliver(struct fp_site *s, struct fp_site_check *c,
		     struct fp_reading *r);

/* site.c: the engine or the filters have asked all of a round. */
void fp_site_asked(struct fp_site *s);

/* site_cluster.c: compare.  true: something looks bad that is read twice. */
bool fp_site_compare(struct fp_site *s);

#endif
