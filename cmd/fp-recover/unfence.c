/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover unfence: a run that is proven to be new gets its traffic again. */
#include "fence.h"

int fv_unfence(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fv_fencing x = { .is_changed = false };
	bool is_changed;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "unfence: which node?");
	r = fv_fencing_open(&x, c, &e);
	if (r)
		r = fv_fail(&x.v, r, &e);
	else
		r = fv_fencing_end(&x, fp_unfence(&x.fence, &is_changed, &e),
				   "unfence", &e);
	fv_fencing_close(&x);
	return r;
}
