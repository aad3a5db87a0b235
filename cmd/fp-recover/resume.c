/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover resume: go on where a job stopped. */
#include <stdlib.h>

#include "recover.h"

static int empty(void *takeover, struct fp_rescue *r, struct fp_err *e)
{
	return r->o->kind == FP_RECOVER_DRAIN
		       ? fp_takeover_drain(takeover, r, e)
		       : fp_takeover_take(takeover, r, e);
}

/* What the command line does not say is as the job has it. */
static void forget_defaults(const struct fp_cli *c, struct fp_rescue_opts *o)
{
	if (!fp_cli_get(c, "orphans"))
		o->calls.orphans = FP_FATE_MOVE;
	if (!fp_cli_get(c, "batch"))
		o->recovering.batch = 0;
	if (!fp_cli_get(c, "prove"))
		o->recovering.prove_ms = 0;
}

static int resume(struct fv_env *v, struct fp_err *e)
{
	struct fp_takeover how = { .wait_ms = 0 };
	struct fp_rescue_sum sum = { .n_runs = 0 };
	struct fp_rescue_opts o;
	struct fp_switch **to = NULL;
	bool is_auto;
	size_t n_to;
	int r = fv_targets(v, &to, &n_to, &is_auto, e);

	if (r)
		return r;
	fv_rescue(v, FP_RECOVER_FAILOVER, &o);
	forget_defaults(v->c, &o);
	o.to = to;
	o.n_to = n_to; /* auto: those that it had chosen */
	o.empty = empty;
	o.empty_ctx = &how;
	r = fp_rescue_resume(&o, v->c->argv[0], &sum, e);
	free(to);
	if (r == -EALREADY) {
		fv_say(v, e->text);
		sum = (struct fp_rescue_sum){ .n_runs = 0 };
		r = 0;
	}
	if (r || !v->c->is_dry_run)
		return fv_end(v, r, &sum, e);
	fp_out_counts(v->c->out, sum.is_changed, NULL, "left",
		      (uint64_t)sum.n_left, NULL);
	return sum.is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

int fv_resume(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fv_env v;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "resume takes one job");
	r = fv_open(&v, c, &e);
	if (r)
		return fv_fail(&v, r, &e);
	r = fp_loop_signals(v.nodes.loop, NULL, NULL, &e);
	if (!r)
		r = fv_prints(&v, FV_CALL, &e);
	if (!r)
		r = resume(&v, &e);
	if (r < 0)
		r = fv_fail(&v, r, &e);
	fv_close(&v);
	return r;
}
