/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_PREFLIGHT_H
#define FP_CMD_REHOME_PREFLIGHT_H

#include "rehome.h"

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

int fr_preflight_all(struct fr_env *v);

#endif
