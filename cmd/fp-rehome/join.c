/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome join: is a new or restarted node in step? */
#include "join.h"

#define WAIT_MS 10000

static void sum(const struct fr_join *j)
{
	fp_out_counts(j->v->c->out, j->was_asked, NULL, "conditions",
		      (uint64_t)j->n_said, "warnings", (uint64_t)j->n_warn,
		      "refusals", (uint64_t)j->n_refuse, NULL);
	if (j->was_asked && !j->v->c->is_dry_run)
		fp_log_change(NULL, "join %s: dlg_cluster_sync", j->x->name);
}

static int end(const struct fr_join *j, int code, const struct fp_err *e)
{
	if (!code || code == -EPERM || j->was_asked)
		sum(j);
	if (!code) {
		fp_log(FP_LOG_NOTICE, "%s is in step", j->x->name);
		return FP_EXIT_OK;
	}
	if (!fr_join_may_come(code, e))
		return fr_fail(j->v, code, e);
	fp_log(FP_LOG_NOTICE, "%s is not in step: %s%s", j->x->name, e->text,
	       j->was_asked && j->v->c->is_dry_run ? "; a sync may be asked for"
						   : "");
	return FP_EXIT_NO;
}

static int join(struct fr_env *v, struct fp_err *e)
{
	struct fr_join j = { .v = v, .is_sync = fp_cli_get(v->c, "sync") };
	int status, r = fr_prints(v, FR_CONDITION, e);

	j.wait_ms = v->wait_ms < 0 ? WAIT_MS : v->wait_ms;
	if (!r)
		r = fr_node(v, v->c->argv[0], &j.x, e);
	if (!r)
		r = fr_join_config(&j, e);
	if (r)
		return fr_fail(v, r, e);
	r = fr_join_prove(&j, e);
	status = end(&j, r, e);
	fr_join_fini(&j);
	return status;
}

int fr_join(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_env v;
	int r, status;

	if (c->argc != 1)
		return fp_cli_usage(c, "join wants one node");
	r = fr_open(&v, c, &e);
	if (r)
		return fr_fail(&v, r, &e);
	status = join(&v, &e);
	fr_close(&v);
	return status;
}
