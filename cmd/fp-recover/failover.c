/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover failover: a node's run is dead, and its calls come up elsewhere. */
#include "failover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/moveplan.h"

struct failover {
	struct fv_env v;
	struct fp_rescue_opts o;
	struct fp_rescue_sum sum;
	struct fp_words runs; /* of --run */
};

/* ---- what the command line said */

static int read_options(struct failover *f, const char *node, struct fp_err *e)
{
	struct fv_env *v = &f->v;
	struct fp_rescue_opts *o = &f->o;
	struct fp_switch **to = NULL, *from;
	size_t n_to = 0;
	bool is_auto = false;
	int r = fv_node(v, node, &from, e);

	if (!r)
		r = fv_targets(v, &to, &n_to, &is_auto, e);
	if (r)
		return r;
	fv_rescue(v, FP_RECOVER_FAILOVER, o);
	o->from = from;
	o->to = to;
	o->n_to = n_to;
	o->is_auto = is_auto;
	o->wait_ms = v->wait_ms < 0 ? 0 : v->wait_ms;
	if (!n_to && !is_auto)
		return fp_err(e, -EINVAL,
			      "failover: which node gets them? (--to)");
	r = fp_words_of(&f->runs, v->c, "run", e);
	o->runs = f->runs.v;
	o->n_runs = f->runs.n;
	return r;
}

/* ---- proxies that died with it */

/* A proxy that hides topology answers 481 to the re-INVITE of a call whose dialog it
 * does not have: dialogs first. */
static int say_edges(struct failover *f, struct fp_err *e)
{
	struct fp_condition c = { .name = "dialogs",
				  .rule = "",
				  .state = FP_COND_WARN };
	const struct fp_hop_edge *v = NULL;
	char detail[300];
	size_t n = 0;
	int r = fv_edges(&f->v, false, &v, &n, e);

	for (size_t i = 0; i < n && !r; i++) {
		if (v[i].view)
			continue;
		snprintf(detail, sizeof(detail),
			 "dialogs first: fp-rehome failover %s",
			 v[i].host->name);
		c.node = v[i].host->name;
		c.value = "OpenSIPS does not answer";
		c.detail = detail;
		fv_condition(&f->v, &c);
	}
	return r;
}

/* ---- jobs of it that stopped */

static void add_sum(struct fp_rescue_sum *to, const struct fp_rescue_sum *s)
{
	for (size_t i = 0; i < FP_REC_VERDICTS; i++)
		to->legs.count[i] += s->legs.count[i];
	to->legs.n_legs += s->legs.n_legs;
	to->legs.n_moved_ports += s->legs.n_moved_ports;
	to->legs.n_killed += s->legs.n_killed;
	to->legs.took_ms += s->legs.took_ms;
	to->legs.asked_ms += s->legs.asked_ms;
	to->is_changed |= s->is_changed;
	to->is_policy_old |= s->is_policy_old;
	to->n_runs += s->n_runs;
	to->n_calls += s->n_calls;
	to->n_left += s->n_left;
	snprintf(to->job, sizeof(to->job), "%s", s->job);
}

static int empty(void *takeover, struct fp_rescue *r, struct fp_err *e)
{
	return r->o->kind == FP_RECOVER_DRAIN
		       ? fp_takeover_drain(takeover, r, e)
		       : fp_takeover_take(takeover, r, e);
}

static bool is_ours(const struct failover *f, const struct fp_job_head *h)
{
	return !strcmp(h->node, f->o.from->name);
}

static int go_on(struct failover *f, const struct fp_job_head *h,
		 struct fp_err *e)
{
	struct fp_takeover how = { .wait_ms = 0 };
	struct fp_rescue_opts o = f->o;
	struct fp_rescue_sum sum = { .n_runs = 0 };
	char text[400];
	int r;

	snprintf(text, sizeof(text),
		 "%s: job %s (%s %.200s) has calls that are not proven: it "
		 "goes on",
		 f->o.from->name, h->id, h->verb, h->node);
	fv_say(&f->v, text);
	o.empty = empty;
	o.empty_ctx = &how;
	o.is_node_dead = is_ours(f, h);
	r = fp_rescue_resume(&o, h->id, &sum, e);
	if (r == -EALREADY)
		return 0;
	add_sum(&f->sum, &sum);
	return r;
}

/* What a controller that died had taken is staged: nobody else sees these rows. */
static int our_job(struct failover *f, const struct fp_job_head *h,
		   struct fp_err *e)
{
	bool is_failover = !strcmp(h->verb, "failover");
	int r = go_on(f, h, e);

	/* a drain or a take of a run that lives is left to resume */
	if (is_failover || r != -EPERM || strcmp(e->rule, "alive") != 0)
		return r;
	fv_say(&f->v, e->text);
	return 0;
}

struct put_here {
	const char *node;
	bool is;
};

static int is_put_here(void *ctx, const char *item, const char *state,
		       const char *detail, int64_t at_s)
{
	struct put_here *p = ctx;
	char to[64] = "";

	(void)at_s;
	if (strncmp(item, "call:", 5) ||
	    (strcmp(state, "put") != 0 && strcmp(state, "unknown") != 0) ||
	    !detail)
		return 0;
	fp_moveplan_text(detail, "to", to, sizeof(to));
	p->is |= !strcmp(to, p->node);
	return 0;
}

/* Another node's job had put calls here, and has not proven them: they are its, or
 * they would come up twice. */
static int others_job(struct failover *f, const struct fp_job_head *h,
		      struct fp_err *e)
{
	struct put_here p = { .node = f->o.from->name };
	struct fp_job_head head = { .plan = NULL };
	struct fp_err why = { .text = "" };
	int r = fp_journal_read(&f->o.journal, h->id, &head, is_put_here, &p,
				e);

	free(head.plan);
	if (r == -ENOENT)
		return 0;
	if (r || !p.is)
		return r;
	r = go_on(f, h, &why);
	if (r == -EINTR || r == -ENOMEM)
		return fp_err(e, r, "%s", why.text);
	if (r)
		fv_say(&f->v, why.text);
	return 0;
}

static int open_jobs(struct failover *f, struct fp_err *e)
{
	struct fp_job_head *h = NULL;
	size_t n = 0;
	int r = fp_journal_list(&f->o.journal, false, &h, &n, e);

	if (r && f->o.is_dry_run)
		return 0;
	for (size_t i = n; i-- && !r;) /* the oldest first */
		if (!strcmp(h[i].tool, "fp-recover") && is_ours(f, &h[i]))
			r = our_job(f, &h[i], e);
	for (size_t i = n; i-- && !r;)
		if (!strcmp(h[i].tool, "fp-recover") && !is_ours(f, &h[i]))
			r = others_job(f, &h[i], e);
	free(h);
	/* as begin: no lock to be had is refused */
	return r && r != -EBUSY && r != -EINTR && e->rule[0] ? -EPERM : r;
}

/* ---- the verb */

/* Of two controllers the second finds nothing left. */
static void say_who_did_it(struct failover *f)
{
	struct fp_job_head *h = NULL;
	struct fp_err e;
	size_t n = 0;

	if (fp_journal_list(&f->o.journal, true, &h, &n, &e))
		return; /* who asks for open jobs has said so */
	for (size_t i = 0; i < n; i++) {
		char text[600];

		if (strcmp(h[i].tool, "fp-recover") != 0 || !is_ours(f, &h[i]))
			continue;
		snprintf(text, sizeof(text),
			 "%.200s: its last job was %s (%s, %s), of %s",
			 h[i].node, h[i].id, h[i].verb, h[i].state, h[i].owner);
		fv_say(&f->v, text);
		break;
	}
	free(h);
}

static int rescue(struct failover *f, struct fp_err *e)
{
	struct fp_rescue_sum sum;
	int r;

	r = say_edges(f, e);
	if (!r)
		r = open_jobs(f, e);
	if (r)
		return r;
	r = fp_rescue_run(&f->o, &sum, e);
	add_sum(&f->sum, &sum);
	if (r == -EALREADY) {
		fv_say(&f->v, e->text);
		say_who_did_it(f);
		r = 0;
	}
	return r;
}

static int failover(struct failover *f, const char *node, bool is_piped,
		    struct fp_err *e)
{
	struct fp_cli *c = f->v.c;
	int r = is_piped ? 0 : fp_loop_signals(f->v.nodes.loop, NULL, NULL, e);

	if (!r)
		r = fv_prints(&f->v, FV_CALL, e);
	if (!r)
		r = read_options(f, node, e);
	if (r)
		return r;
	r = rescue(f, e);
	if (r || !c->is_dry_run)
		return fv_end(&f->v, r, &f->sum, e);
	fp_out_counts(c->out, f->sum.is_changed, NULL, "runs",
		      (uint64_t)f->sum.n_runs, "calls",
		      (uint64_t)f->sum.n_calls, "left", (uint64_t)f->sum.n_left,
		      NULL);
	return f->sum.is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

int fv_failover_node(struct fp_cli *c, const char *node, bool is_piped)
{
	struct fp_err e = { .text = "" };
	struct failover f = { .runs = { .n = 0 } };
	int r = fv_open(&f.v, c, &e);

	if (r)
		return fv_fail(&f.v, r, &e);
	r = failover(&f, node, is_piped, &e);
	if (r < 0)
		r = fv_fail(&f.v, r, &e);
	fv_close(&f.v);
	free(f.o.to);
	fp_words_fini(&f.runs);
	return r;
}

int fv_failover(struct fp_cli *c)
{
	if (c->argc != 1)
		return fp_cli_usage(c, "failover takes one node, or -");
	if (!strcmp(c->argv[0], "-"))
		return fv_failover_pipe(c);
	return fv_failover_node(c, c->argv[0], false);
}
