/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_PREFLIGHT_H
#define FP_REHOME_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/condition.h"
#include "base/err.h"
#include "codec/opensips_cfg.h"
#include "control/fleet.h"
#include "db/db.h"
#include "rehome/edges.h"

/* How the reason of a mark begins that drain made. */
#define FP_DRAIN_WHY "fp-rehome drain"

/* Everything that must be so before a call is touched, by name and with its value.
 * Rules (--override RULE):
 *   alive     the node to fail over answers (MI, SIP), or a peer's link to it is Up
 *   link      a link is not Up, or by way of another node (Probe)
 *   in-sync   replication of the target is not Ok, or it lacks dialogs
 *   bind      dialogs are bound to sockets that are not the target's own
 *   tag       no node, or not the target, knows the tag
 *   active    the tag is active elsewhere, at a node that lives
 *   split     two nodes say active
 *   version   another version of OpenSIPS
 *   memory    too little shared memory
 *   policy    the target's policy differs (planned moves; failover warns)
 *   maintenance  the target is in maintenance; failover: the node is
 *   new-calls new calls still come to the node (drain)
 *   body      the body that was named is wrong for some of the calls
 *   sync      dlg_cluster_sync would destroy dialogs
 *   local-route  media is anchored, and local_route offers no re-INVITE to rtpengine
 *   last      the last enabled rtpengine of a set would be disabled */

enum fp_move_kind {
	FP_MOVE_FAILOVER,
	FP_MOVE_DRAIN,
	FP_MOVE_BALANCE,
	FP_MOVE_TAKE,
	FP_MOVE_MEDIA,
	FP_MOVE_JOIN,
	FP_MOVE_ACTIVATE,
};

/* A tag and where it goes. */
struct fp_tag_move {
	char tag[64];
	struct fp_edge *from; /* its owner; NULL: nobody that lives */
	struct fp_edge *to;
	size_t calls; /* that are up */
};

struct fp_preflight {
	enum fp_move_kind kind;
	struct fp_edges *edges; /* read; dialogs of targets (and of a living
				 * source) listed */
	struct fp_edge *from;   /* NULL: balance */
	const struct fp_tag_move *move;
	size_t n_moves;
	enum fp_body body;
	const struct fp_select *select;
	const struct fp_mark *marks; /* of maintenance */
	size_t n_marks;
	const struct fp_os_cfg *cfg; /* --config, or NULL */
	int64_t link_wait_ms; /* how long a link may still be Up or Probe of a node
			       * that died just now; views are read again */
	bool is_fenced; /* failover: a command proves it dead, before anything is
			 * touched: a link that is Up refuses nothing */
	/* asks targets for their policy: NULL: not asked (no fp_if) */
	const struct fp_fleet_opts *fleet;
	const char *lists_dir;
	/* is a rule lifted? */
	bool (*is_lifted)(void *ctx, const char *rule);
	void (*each)(void *ctx, const struct fp_condition *c);
	void *ctx;
};
/* Judge them all.  0: nothing refuses.  -EPERM: e has the first refusal and its rule.
 * *is_policy_old (may be NULL): failover: a target's policy differs, push it after.
 * -EAGAIN: a target does not answer; -errno. */
int fp_preflight(const struct fp_preflight *p, bool *is_policy_old,
		 struct fp_err *e);

/* Nodes that may be targets of p (views of p->edges are read; moves are not looked
 * at): they answer, replicate, lack no dialogs, and are neither p->from nor in
 * maintenance.  0: *out is an array of *n, in the order of the cluster file, free(3).
 * -EAGAIN: there is none, e says why the first is not one.  -ENOMEM. */
int fp_preflight_auto(const struct fp_preflight *p, struct fp_edge ***out,
		      size_t *n, struct fp_err *e);

/* Is x proven in step (facts/opensips-3nodes.md 4)?  Its last sync is finished and
 * was not of an empty donor, links are Up both ways, its dialogs are those of all
 * others twice 1 s apart.  0.  -EPERM: e says what lacks, and the rule.
 * Conditions go to p->each as above. */
int fp_preflight_join(const struct fp_preflight *p, struct fp_edge *x,
		      struct fp_err *e);

/* May x ask for a sync (dlg_cluster_sync)?  It drops what the donor lacks, and the
 * donor cannot be chosen.  Views and dialogs are new afterwards.
 * 0.  -EPERM rule "sync": e says which dialog, or which node. */
int fp_preflight_sync(const struct fp_preflight *p, struct fp_edge *x,
		      struct fp_err *e);

#endif
