/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_CLUSTER_H
#define FP_LOGIC_HEALTH_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/health.h"

/* Checks that compare what nodes say.  Source: facts in the headers of the rules
 * (OpenSIPS 3.6.8 clusterer, FreeSWITCH 1.10.12 recovery). */

struct fp_cluster_opts {
	int64_t dialog_tolerance;        /* of counts of peers, absolute */
	double dialog_tolerance_percent; /* ... or this, the larger counts */
	double shm_floor_percent; /* CRITICAL below; WARNING below twice */
	int64_t skew_max_ms;      /* WARNING above; CRITICAL at ten times */
	double protected_percent; /* rows of live sessions: WARNING below */
};
#define FP_CLUSTER_DEFAULT                                                     \
	{                                                                      \
		10, 2.0, 12.5, 1000, 80.0                                      \
	}

/* One node: its views of this round, and of the round before where a rule reads
 * twice (dialog counts, rows); NULL: it said nothing. */
struct fp_cluster_node {
	const char *name;
	bool is_opensips; /* it should have a view: without one it may own a tag */
	const struct fp_view *opensips, *opensips_before;
	const struct fp_view *freeswitch, *freeswitch_before;
	const struct fp_view *filter;
	const struct fp_view *store, *store_before; /* of the recovery DB */
};

/* One answer.  node: whose it is; "" for the cluster's.
 * check: tags, taking, sync, links, dialogs, shm, rows, rtp-ports, versions,
 * clock.  A check that has nothing to compare gives no answer. */
struct fp_cluster_answer {
	const char *node, *check;
	struct fp_reading reading; /* no view */
};
/* The rules:
 *  tags      (cluster) for each tag: exactly one node says active, and no node's
 *            view differs; two active: split brain, CRITICAL; none: CRITICAL
 *  taking    (node) dialogs come (create_sent grows between two rounds; without
 *            a link that is Up: processed_dialogs) although it owns no active tag:
 *            CRITICAL.  Owns none, takes none: WARNING.  Both is_refusing while
 *            another node owns one: routing should keep new calls away
 *  sync      (node) every enabled capability Ok; not one under way; when the last
 *            one had 0 chunks, or none is known: no dialogs missing, as below
 *  links     (node) each Up with next_hop == node_id; Probe or another hop:
 *            WARNING; Down to a node that answers us: CRITICAL, both named
 *  dialogs   (cluster) of nodes that replicate with one another: none whose
 *            counts of both rounds are below both of a peer, by more than what
 *            is tolerated (they are read at other moments of an interval)
 *  shm       (node) free share of shared memory
 *  rows      (node) FreeSWITCH: rows of its run against its sessions; both rounds
 *  rtp-ports (cluster) disjoint ranges of FreeSWITCH nodes that share a recovery
 *            database: WARNING
 *  versions  (cluster) all FreeSWITCH the same: WARNING
 *  clock     (node) skew; several nodes that are off alike: it is our clock,
 *            UNKNOWN
 * 0: *out is an array of *n_out, free with fp_cluster_answers_free.  -ENOMEM. */
int fp_cluster_judge(const struct fp_cluster_opts *o,
		     const struct fp_cluster_node *v, size_t n,
		     struct fp_cluster_answer **out, size_t *n_out,
		     struct fp_err *e);
void fp_cluster_answers_free(struct fp_cluster_answer *v, size_t n);

#endif
