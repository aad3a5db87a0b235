/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_FENCE_H
#define FP_CMD_RECOVER_FENCE_H

/* What fence and unfence share. */

#include "recover.h"

struct fv_fencing {
	struct fv_env v;
	struct fp_switch *node;
	struct fp_store *store; /* NULL: none, or away */
	struct fp_fence fence;
	char run[64]; /* "": not known */
	bool is_changed;
};
/* The node that the command line names, as it is now, and its store. */
int fv_fencing_open(struct fv_fencing *x, struct fp_cli *c, struct fp_err *e);
/* The summary, and r as an exit status. */
int fv_fencing_end(struct fv_fencing *x, int r, const char *what,
		   const struct fp_err *e);
void fv_fencing_close(struct fv_fencing *x);

#endif
