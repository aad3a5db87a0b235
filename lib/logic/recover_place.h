/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_RECOVER_PLACE_H
#define FP_LOGIC_RECOVER_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/recover_groups.h"

/* Which call goes to which node, and which RTP ports its legs get there.  Pure. */

#define FP_PLACE_NONE SIZE_MAX

struct fp_place_node {
	const char *name;
	bool is_self; /* the restarted host itself: gets all, while it has room */
	double weight;       /* 1; 0: gets nothing */
	int64_t room;        /* sessions it may still take; < 0: no limit */
	int64_t sessions;    /* that it has */
	double idle_percent; /* of its CPU; below min: gets nothing */
	double min_idle_percent;
	const char *const *profiles; /* that run there */
	size_t n_profiles;
	bool is_v4_only;
};
/* Largest calls first, to the node with the most free of its capacity by weight; ties
 * by index, so that two controllers place alike.  Calls that are not to be brought up
 * (SKIP, LOST) have to[i] == FP_PLACE_NONE, as has what fits nowhere.
 * not[i] (may be NULL): a bit set of nodes where call i was tried in vain.
 * 0.  -ENOSPC: some fit nowhere; what fits is placed.  -EINVAL: no node. */
int fp_place_calls(const struct fp_calls *c, const struct fp_place_node *node,
		   size_t n_nodes, const uint64_t *not_there, size_t *to,
		   struct fp_err *e);

/* ---- RTP ports: FreeSWITCH binds a port twice without a word, and two calls hear
 * each other (facts-2 N3). */

struct fp_ports; /* those in use at one node's address */
int fp_ports_open(struct fp_ports **out, struct fp_err *e);
void fp_ports_close(struct fp_ports *p);
/* In use: by a live call, or a leg that was placed.  RTCP's, the next, too. */
int fp_ports_use(struct fp_ports *p, const char *ip, uint16_t port);
bool fp_ports_is_used(const struct fp_ports *p, const char *ip, uint16_t port);
struct fp_ports_opts {
	/* fp_recovery_ports: every leg gets one of these, while there are some;
	 * 0: none named */
	uint16_t recovery_first, recovery_last;
	/* else where a colliding leg may go: the dead host's range, even ports
	 * outside of the target's own; 0: none */
	uint16_t spare_first, spare_last;
	uint16_t own_first, own_last; /* the target's pool */
	bool is_self; /* its own calls come back: a free port of its own pool may stay
		       * (elsewhere only when no spare one is free) */
};
/* A leg's ports at ip: kept when free (and no recovery range is named), else even
 * ones that are, of the target's own pool when there are no others; then they are in
 * use.  0: *media, *video, *text (0: it has none).
 * -ENOSPC: none is free. */
int fp_ports_give(struct fp_ports *p, const struct fp_ports_opts *o,
		  const char *ip, const struct fp_fsrow *row, uint16_t *media,
		  uint16_t *video, uint16_t *text);

#endif
