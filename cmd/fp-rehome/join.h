/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_JOIN_H
#define FP_CMD_REHOME_JOIN_H

#include "rehome.h"

/* What join and activate share: the proof that a node is in step. */
struct fr_join {
	struct fr_env *v;
	struct fp_edge *x;
	struct fp_os_cfg cfg;
	bool has_cfg;
	int64_t wait_ms;
	bool is_sync;         /* ask for a sync when that is what lacks */
	bool was_asked;       /* it was; or it would be, under --dry-run */
	struct fr_said *said; /* conditions of the last look */
	size_t n_said, n_warn, n_refuse;
};
/* --config into j.  0; -EINVAL, -errno: the file. */
int fr_join_config(struct fr_join *j, struct fp_err *e);
/* Look, as often as there is time, until it is in step; the conditions of the last
 * look are printed.  0.  -EPERM: refused, or (fr_join_may_come) not in step yet.
 * -EAGAIN: it does not answer.  Other errors of fp_preflight_join. */
int fr_join_prove(struct fr_join *j, struct fp_err *e);
/* Is it what time may bring, and not a refusal? */
bool fr_join_may_come(int code, const struct fp_err *e);
void fr_join_fini(struct fr_join *j);

#endif
