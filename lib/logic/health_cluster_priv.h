/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_CLUSTER_PRIV_H
#define FP_LOGIC_HEALTH_CLUSTER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/health_cluster.h"

/* One judgement under way. */
struct fp_rules {
	const struct fp_cluster_opts *o;
	const struct fp_cluster_node *v;
	size_t n;
	struct fp_cluster_answer *out;
	size_t n_out, cap;
	struct fp_reading scratch; /* when there is no memory for an answer */
	bool is_failed;
};

/* A new answer; until the next one. */
struct fp_reading *fp_rules_answer(struct fp_rules *r, const char *node,
				   const char *check);

/* "a, b, c"; what does not fit ends in "...". */
struct fp_cluster_names {
	char text[120];
	size_t n;
};
void fp_cluster_say(struct fp_cluster_names *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- what views say; NULL: nothing, or not of that kind */

const struct fp_view_opensips *fp_opensips_of(const struct fp_view *v);
const struct fp_view_freeswitch *fp_freeswitch_of(const struct fp_view *v);
const struct fp_view_store *fp_store_of(const struct fp_view *v);
/* ... of node i in this round, when it has the clusterer. */
const struct fp_view_opensips *fp_member(const struct fp_rules *r, size_t i);
/* Is it in that cluster? */
bool fp_is_in(const struct fp_view_opensips *v, uint32_t cluster);
/* All clusters there are, in order; 0: *out is the caller's. */
int fp_clusters(const struct fp_rules *r, uint32_t **out, size_t *n);
/* The node that answers as node_id in that cluster, or NULL. */
const struct fp_cluster_node *fp_answering(const struct fp_rules *r,
					   uint32_t cluster, uint32_t node_id);
/* Does it replicate dialogs there? */
bool fp_replicates(const struct fp_view_opensips *v, uint32_t cluster,
		   bool *is_ready);
/* More than what is tolerated is missing from a, which should be as b. */
bool fp_is_short(const struct fp_cluster_opts *o, int64_t a, int64_t b);

/* ---- the rules, by groups */

int fp_rules_tags(struct fp_rules *r);
void fp_rules_taking(struct fp_rules *r);
int fp_rules_dialogs(struct fp_rules *r);
void fp_rules_sync(struct fp_rules *r);
void fp_rules_links(struct fp_rules *r);
void fp_rules_shm(struct fp_rules *r);
void fp_rules_rows(struct fp_rules *r);
void fp_rules_ports(struct fp_rules *r);
void fp_rules_versions(struct fp_rules *r);
void fp_rules_clock(struct fp_rules *r);

#endif
