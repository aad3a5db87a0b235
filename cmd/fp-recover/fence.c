/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover fence: a run is dead, and stays so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fence.h"

/* ---- what both verbs begin with */

/* The node, and as all are now: a run may answer at another's address. */
static int find_node(struct fv_fencing *x, struct fp_err *e)
{
	int r = fv_node(&x->v, x->v.c->argv[0], &x->node, e);

	if (!r)
		r = fp_switches_read(&x->v.switches, FP_SWITCH_STATE, e);
	return r;
}

/* While it is away there is nothing to be ended in it, and that is no reason to let a
 * dead node be half alive. */
static int open_store(struct fv_fencing *x, struct fp_err *e)
{
	const struct fp_store_opts o = { .conninfo = x->node->db,
					 .app = x->v.app,
					 .timeout_ms = x->v.c->timeout_ms };
	struct fp_condition c = { .node = x->node->name,
				  .name = "store",
				  .rule = "",
				  .state = FP_COND_WARN,
				  .value = "none",
				  .detail = "it has no fp_recovery_db" };
	int r = x->node->db ? fp_store_open(&x->store, &o, e) : -ENOENT;

	if (!r || r == -ENOMEM || r == -EINTR)
		return r;
	if (x->node->db) {
		c.value = r == -ENOENT ? "none" : "away";
		c.detail = e->text;
	}
	fv_condition(&x->v, &c);
	return 0;
}

static int named_run(struct fv_fencing *x, struct fp_err *e)
{
	const char *run = fp_cli_get(x->v.c, "run");

	if (!run)
		return 0;
	if (!*run || strchr(run, ',') || strlen(run) >= sizeof(x->run))
		return fp_err(e, -EINVAL, "--run %s: one run (Core-UUID)", run);
	snprintf(x->run, sizeof(x->run), "%s", run);
	return 0;
}

int fv_fencing_open(struct fv_fencing *x, struct fp_cli *c, struct fp_err *e)
{
	int r = fv_open(&x->v, c, e);

	if (!r)
		r = fv_prints(&x->v, FV_CONDITION, e);
	if (!r)
		r = named_run(x, e);
	if (!r)
		r = find_node(x, e);
	if (!r)
		r = open_store(x, e);
	if (r)
		return r;
	fv_fence_of(&x->v, x->node, &x->fence);
	x->fence.store = x->store;
	x->fence.run = x->run;
	x->fence.is_changed = &x->is_changed;
	return 0;
}

int fv_fencing_end(struct fv_fencing *x, int r, const char *what,
		   const struct fp_err *e)
{
	struct fp_cli *c = x->v.c;

	fp_out_summary(c->out, x->is_changed, NULL, NULL);
	if (x->is_changed && !c->is_dry_run)
		fp_log_change(fp_cli_get(c, "why"), "%s %s: run %s", what,
			      x->node->name, *x->run ? x->run : "not known");
	if (r)
		return fv_fail(&x->v, r, e);
	return c->is_dry_run && x->is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

void fv_fencing_close(struct fv_fencing *x)
{
	fp_store_close(x->store);
	fv_close(&x->v);
}

/* ---- fence */

/* What answers is it; else the run that has most rows: of several dead ones, the last
 * that took calls. */
static int find_run(struct fv_fencing *x, struct fp_err *e)
{
	struct fp_store_run *v = NULL;
	int64_t most = 0;
	size_t n = 0;
	int r;

	if (*x->run)
		return 0;
	if (!x->node->code) {
		snprintf(x->run, sizeof(x->run), "%s", x->node->view.run);
		return 0;
	}
	r = x->store ? fp_store_runs(x->store, &v, &n, e) : 0;
	for (size_t i = 0; i < n && !r; i++)
		if (!strcmp(v[i].hostname, x->node->switchname) &&
		    !fp_switches_by_run(&x->v.switches, v[i].run) &&
		    v[i].rows > most) {
			most = v[i].rows;
			snprintf(x->run, sizeof(x->run), "%s", v[i].run);
		}
	free(v);
	return r;
}

/* Somebody works on it: it is not dead, whatever it looks like. */
static int check_marks(struct fv_fencing *x, struct fp_err *e)
{
	int r = fv_marks(&x->v, e);

	for (size_t i = 0; i < x->v.n_marks && !r; i++) {
		const struct fp_mark *m = &x->v.marks[i];
		struct fp_condition c = { .node = x->node->name,
					  .name = "maintenance",
					  .rule = "maintenance",
					  .state = FP_COND_REFUSE,
					  .value = m->by,
					  .detail = m->why };

		if (strcmp(m->node, x->node->name) != 0)
			continue;
		if (!fv_is_lifted(&x->v, c.rule))
			r = fp_refuse(e, c.rule, "%s is in maintenance (%s)",
				      x->node->name, m->why);
		else
			c.state = FP_COND_WARN, c.rule = "";
		fv_condition(&x->v, &c);
	}
	return r;
}

int fv_fence(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fv_fencing x = { .is_changed = false };
	enum fp_death how;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "fence: which node?");
	r = fv_fencing_open(&x, c, &e);
	if (r) {
		r = fv_fail(&x.v, r, &e);
		goto out;
	}
	r = find_run(&x, &e);
	if (!r)
		r = check_marks(&x, &e);
	if (!r)
		r = fp_fence(&x.fence, &how, &e);
	r = fv_fencing_end(&x, r, "fence", &e);
out:
	fv_fencing_close(&x);
	return r;
}
