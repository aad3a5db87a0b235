/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_PREFLIGHT_H
#define FP_CMD_REHOME_PREFLIGHT_H

#include "rehome.h"

/* node_timeout and some.  Source: facts/opensips-3nodes.md 1. */
#define FR_LINK_WAIT_MS 6000

/* Which tags would go where, if a node were failed over or drained. */
struct fr_outlook {
	struct fr_env *v;
	struct fp_edge *from;
	bool is_dead; /* it does not answer: failover; else drain */
	struct fp_edge **to;
	size_t n_to;
	struct fp_tag_move *move;
	size_t n_moves;
};
/* The tags that `from` owns, or (dead) that are its own or nobody's, those of --tag
 * alone, over targets.  Dialogs of targets, and of a living `from`, are listed.
 * 0: fr_outlook_fini. */
int fr_outlook(struct fr_outlook *out, struct fr_env *v, struct fp_edge *from,
	       struct fp_edge *const *to, size_t n_to, struct fp_err *e);
void fr_outlook_fini(struct fr_outlook *o);
/* What fp_preflight wants of it; callbacks and ctx are the caller's. */
void fr_outlook_preflight(const struct fr_outlook *o, struct fp_preflight *out);

/* preflight --all: what would be saved of a node if it died now. */
struct fr_outcome {
	const char *node, *state;
	uint64_t calls, saved, early, lost;
	char to[256], refusals[160], detail[300];
	bool is_unknown;
};
struct fr_judging {
	struct fr_env *v;
	struct fp_edge *from;
	int64_t since_s; /* when it was started; 0: not known */
	const struct fr_outlook *look;
	struct fr_outcome *out;
	/* targets whose dialogs are bound to foreign sockets, by index */
	bool *is_unbound;
};
void fr_outcome_refused(struct fr_outcome *o, const char *rule);
/* calls, saved, early, lost: by what is listed, the node's own and copies of it. */
void fr_outcome_count(struct fr_judging *j);
int fr_preflight_all(struct fr_env *v);

#endif
