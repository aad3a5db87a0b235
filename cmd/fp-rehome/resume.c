/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome resume: go on where a job stopped. */
#include <stdlib.h>
#include <string.h>

#include "codec/moveplan.h"
#include "move.h"

#define LINK_WAIT_MS 10000
#define WAIT_MS 60000
#define RATE_ANY 1e6

/* What the command line does not say is as the job has it. */
static void forget_defaults(struct fr_move *m)
{
	const struct fp_cli *c = m->v.c;
	struct fp_moving_opts *o = &m->o.moving;
	const char *rate = fp_cli_get(c, "rate");

	if (!fp_cli_get(c, "window"))
		o->mover.window = 0;
	if (!rate)
		o->mover.rate = 0;
	else if (o->mover.rate <= 0)
		o->mover.rate = RATE_ANY;
	if (!fp_cli_get(c, "retries"))
		o->mover.retries = 0;
	if (!fp_cli_get(c, "call-timeout"))
		o->call_timeout_ms = 0;
	if (!fp_cli_get(c, "verify"))
		o->verify = FP_VERIFY_NONE;
	m->o.link_wait_ms = LINK_WAIT_MS;
	m->o.settle_ms = m->v.wait_ms = WAIT_MS;
	m->o.fence = m->v.fence;
	m->o.fence_ms = m->v.fence_ms;
}

/* ---- what a job of its kind does beside calls */

static int ignore(void *ctx, const char *item, const char *state,
		  const char *detail, int64_t at_s)
{
	(void)ctx;
	(void)item;
	(void)state;
	(void)detail;
	(void)at_s;
	return 0;
}

static int add_target(struct fr_move *m, const char *name, struct fp_err *e)
{
	struct fp_edge *x = fp_edges_find(&m->v.edges, name), **more;

	for (size_t i = 0; i < m->n_to; i++)
		if (m->to[i] == x)
			return 0;
	more = reallocarray(m->to, m->n_to + 1, sizeof(struct fp_edge *));
	if (!more)
		return fp_err(e, -ENOMEM, "out of memory");
	m->to = more;
	if (x)
		m->to[m->n_to++] = x;
	return 0;
}

static int read_plan(struct fr_move *m, const char *plan, struct fp_err *e)
{
	struct fp_moveplan p;
	int r = fp_moveplan_parse(&p, plan, strlen(plan), e);

	if (r)
		return r;
	m->from = fp_edges_find(&m->v.edges, p.from);
	for (size_t i = 0; i < p.n_tags && !r; i++)
		r = add_target(m, p.tag[i].to, e);
	if (m->from && m->from->view && !strcmp(p.kind, "drain")) {
		m->o.begun = fr_drain_begun;
		m->o.worked = fr_drain_worked;
	} else if (!strcmp(p.kind, "failover") || !strcmp(p.kind, "drain")) {
		m->o.worked = fr_failover_worked;
	}
	fp_moveplan_fini(&p);
	return r;
}

static int read_job(struct fr_move *m, const char *job, struct fp_err *e)
{
	struct fp_job_head h = { .plan = NULL };
	int r = fp_journal_read(&m->o.journal, job, &h, ignore, NULL, e);

	if (!r && h.plan)
		r = read_plan(m, h.plan, e);
	free(h.plan);
	return r;
}

int fr_move_resume(struct fr_move *m, const char *job,
		   struct fp_campaign_sum *out, struct fp_err *e)
{
	const struct fp_campaign_opts was = m->o;
	int64_t wait_ms = m->v.wait_ms;
	int r;

	forget_defaults(m);
	m->o.link_wait_ms = was.link_wait_ms;
	m->o.select = (struct fp_select){ .count = 0 };
	r = read_job(m, job, e);
	if (!r)
		r = fp_campaign_resume(&m->o, job, NULL, out, e);
	free(m->to);
	m->to = NULL;
	m->n_to = 0;
	m->o = was;
	m->o.past = m->past;
	m->v.wait_ms = wait_ms;
	return r;
}

/* ---- the verb */

static int target(struct fr_move *m, struct fp_edge **to, struct fp_err *e)
{
	int r = 0;

	*to = NULL;
	if (!fp_cli_get(m->v.c, "to"))
		return 0;
	r = fr_move_targets(m, e);
	if (!r && m->n_to != 1)
		r = fp_err(e, -EINVAL, "resume goes on to one node (--to)");
	if (!r)
		*to = m->to[0];
	return r;
}

static int resume(struct fr_move *m, struct fp_err *e)
{
	struct fp_campaign_sum sum = { .n_tags = 0 };
	struct fp_edge *to;
	int r = target(m, &to, e), status;

	if (!r)
		r = read_job(m, m->v.c->argv[0], e);
	if (!r && m->from)
		r = fr_move_past(m, e);
	if (r)
		return r;
	r = fp_campaign_resume(&m->o, m->v.c->argv[0], to, &sum, e);
	if (r == -EALREADY) {
		fr_move_say(m, "%s", e->text);
		r = 0;
		sum = (struct fp_campaign_sum){ .n_tags = 0 };
	}
	if (!r && m->o.is_dry_run)
		return fr_move_would(m, &sum);
	status = fr_end(&m->v, r, &sum, e);
	return !status && m->is_partial ? FP_EXIT_PARTIAL : status;
}

int fr_resume(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_move m;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "resume takes one job");
	r = fr_move_open(&m, c, FP_MOVE_FAILOVER, false, &e);
	if (r) {
		m.v.c = c;
		return fr_fail(&m.v, r, &e);
	}
	forget_defaults(&m);
	r = resume(&m, &e);
	if (r < 0)
		r = fr_fail(&m.v, r, &e);
	fr_move_close(&m);
	return r;
}
