/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover drain: a node that lives is emptied, without a BYE. */
#include <stdio.h>
#include <stdlib.h>

#include "recover.h"

#define RING_MS 60000 /* for what rings to be answered, or to end */

static int drain(struct fv_env *v, struct fp_switch *from,
		 struct fp_switch **to, size_t n_to, bool is_auto,
		 struct fp_err *e)
{
	struct fp_takeover t = { .wait_ms = v->wait_ms,
				 .settle_ms = v->wait_ms >= 0 ? v->wait_ms
							      : RING_MS };
	struct fp_rescue_sum sum = { .n_runs = 0 };
	struct fp_rescue_opts o;
	int r, status;

	fv_rescue(v, FP_RECOVER_DRAIN, &o);
	o.from = from;
	o.to = to;
	o.n_to = n_to;
	o.is_auto = is_auto;
	o.wait_ms = v->wait_ms < 0 ? 0 : v->wait_ms;
	o.empty = fp_takeover_drain;
	o.empty_ctx = &t;
	r = fp_rescue_run(&o, &sum, e);
	if (r == -EALREADY) {
		fp_log(FP_LOG_NOTICE, "%s is empty: %s", from->name, e->text);
		r = 0;
	} else if (!r && !v->c->is_dry_run && !sum.n_left) {
		fp_log(FP_LOG_NOTICE, "%s is empty", from->name);
	}
	status = fv_end(v, r, &sum, e);
	if (!r && v->c->is_dry_run)
		status = sum.is_changed ? FP_EXIT_NO : FP_EXIT_OK;
	return status;
}

static int run(struct fv_env *v, struct fp_err *e)
{
	struct fp_switch **to = NULL, *from = NULL;
	bool is_auto = false;
	size_t n_to = 0;
	int r = fp_loop_signals(v->nodes.loop, NULL, NULL, e);

	if (!r)
		r = fv_prints(v, FV_CALL, e);
	if (!r)
		r = fv_node(v, v->c->argv[0], &from, e);
	if (!r)
		r = fv_targets(v, &to, &n_to, &is_auto, e);
	if (!r && !n_to && !is_auto)
		r = fp_err(e, -EINVAL,
			   "drain goes to nodes: --to NODE,... or "
			   "--to auto");
	for (size_t i = 0; i < n_to && !r; i++)
		if (to[i] == from)
			r = fp_err(e, -EINVAL,
				   "--to %s: that is the node itself",
				   from->name);
	r = r ? fv_fail(v, r, e) : drain(v, from, to, n_to, is_auto, e);
	free(to);
	return r;
}

int fv_drain(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fv_env v;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "drain takes one node");
	r = fv_open(&v, c, &e);
	if (r)
		return fv_fail(&v, r, &e);
	r = run(&v, &e);
	fv_close(&v);
	return r;
}
