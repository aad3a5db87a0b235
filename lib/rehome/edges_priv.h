/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_EDGES_PRIV_H
#define FP_REHOME_EDGES_PRIV_H

#include "logic/rehome_signs.h"
#include "rehome/edges.h"

/* Reports that are read of each node: of tags, of syncs, of nodes. */
#define EDGE_SIGNS 3

struct fp_edge_report {
	int64_t at_s;
	struct fp_report r;
};
/* Reports of one identifier, being read. */
struct fp_edges_sign {
	struct fp_edge *edge;
	struct fp_edge_report *v;
	size_t n;
};

struct fp_edges_reading {
	void (*done)(void *ctx); /* NULL: nobody waits */
	void *ctx;
	int64_t timeout_ms;
	bool has_signs, is_busy, is_again;
	bool is_heard; /* those that are mute are left out */
	size_t n_asked;
	struct fp_edges_sign sign[]; /* EDGE_SIGNS a node */
};

/* The cluster of a tag that x knows; 0: it does not. */
uint32_t fp_edge_tag_cluster(const struct fp_edge *x, const char *tag);

/* Is v, read at the address of that variable, x's own?  -EINVAL: another node's. */
int edges_check_id(const struct fp_edge *x, const struct fp_view_opensips *v,
		   const char *variable, struct fp_err *e);

/* Without the node's name in front. */
const char *edges_unnamed(const struct fp_edge *x, const char *why);

/* -EAGAIN: it does not answer, and why. */
int fp_edge_silent(const struct fp_edge *x, struct fp_err *e);

/* What the reports tell, into x->signs; sign[EDGE_SIGNS] are x's. */
void edges_judge(struct fp_edge *x, const struct fp_edges_sign *sign);

#endif
