/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_LIST_H
#define FP_CMD_RECOVER_LIST_H

#include "recover.h"

struct fv_listing {
	struct fv_env *v;
	struct fp_switch **node; /* that are listed */
	size_t n_nodes;
	struct fp_words runs;               /* of --run */
	uint64_t n_calls, n_legs, n_unread; /* unread: nodes */
};
/* Is it one of --run, or is none named? */
static inline bool fv_list_wants(const struct fv_listing *l, const char *run)
{
	return !l->runs.n || fp_words_have(&l->runs, run);
}
/* Group these legs of one node, all of its live run or none of it, and print the calls.
 * leg[] is put into another order.  0; -ENOMEM. */
int fv_list_legs(struct fv_listing *l, const struct fp_switch *x,
		 struct fp_leg *leg, size_t n, struct fp_err *e);
/* --from-db: calls of a file.  0; errors of fp_coredb_open, -EINVAL. */
int fv_list_file(struct fv_listing *l, const char *file, struct fp_err *e);

#endif
