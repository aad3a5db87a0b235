/* SPDX-License-Identifier: Apache-2.0 */
#include "recover/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/policy.h"
#include "io/clock.h"
#include "recover/preflight_priv.h"

/* ---- telling */

static void tell(struct recover_pf *f, const struct fp_condition *c,
		 bool may_lift)
{
	const struct fp_recover_check *p = f->p;
	struct fp_condition said = *c;
	char detail[640];

	if (c->state != FP_COND_REFUSE) {
		said.rule = "";
	} else if (may_lift && p->is_lifted && p->is_lifted(p->ctx, c->rule)) {
		snprintf(detail, sizeof(detail), "lifted by --override %s%s%s",
			 c->rule, *c->detail ? ": " : "", c->detail);
		said.state = FP_COND_WARN;
		said.rule = "";
		said.detail = detail;
	} else if (!f->is_refused) {
		f->is_refused = true;
		fp_refuse(&f->refusal, c->rule, "%s: %s: %s%s%s", c->node,
			  c->name, c->value, *c->detail ? ", " : "", c->detail);
	}
	if (p->each && !f->is_quiet)
		p->each(p->ctx, &said);
}

void recover_pf_say(struct recover_pf *f, const char *node, const char *name,
		    enum fp_condition_state state, const char *rule,
		    const char *value, const char *detail, ...)
{
	char text[560];
	const struct fp_condition c = { .node = node,
					.name = name,
					.rule = rule,
					.state = state,
					.value = value,
					.detail = text };
	va_list ap;

	va_start(ap, detail);
	vsnprintf(text, sizeof(text), detail, ap);
	va_end(ap);
	tell(f, &c, true);
}

void recover_pf_refuse(struct recover_pf *f, const char *node, const char *name,
		       const char *rule, const char *value, const char *detail)
{
	const struct fp_condition c = { .node = node,
					.name = name,
					.rule = rule,
					.state = FP_COND_REFUSE,
					.value = value,
					.detail = detail };

	tell(f, &c, false);
}

void recover_pf_tell(struct recover_pf *f, const char *node,
		     const struct fp_check *c)
{
	recover_pf_say(f, node, c->name, (enum fp_condition_state)c->state,
		       c->rule, c->value, "%s", c->detail);
}

const struct fp_mark *recover_pf_mark(const struct recover_pf *f,
				      const struct fp_switch *x)
{
	for (size_t i = 0; i < f->p->n_marks; i++)
		if (!strcmp(f->p->marks[i].node, x->name))
			return &f->p->marks[i];
	return NULL;
}

/* ---- the node */

static bool is_meant(const struct fp_recover_check *p, const char *run)
{
	for (size_t i = 0; i < p->n_runs; i++)
		if (!strcmp(p->runs[i], run))
			return true;
	return false;
}

/* At which other node a run that is meant answers; NULL: none. */
static const struct fp_switch *elsewhere(const struct fp_recover_check *p)
{
	const struct fp_switch *x;

	for (size_t i = 0; i < p->n_runs; i++) {
		x = fp_switches_by_run(p->switches, p->runs[i]);
		if (x && x != p->from)
			return x;
	}
	return NULL;
}

/* Nodes that answer under another's name: its rows are theirs, too, and what is said of
 * one is said of both. */
static void twins(struct recover_pf *f)
{
	const struct fp_switches *s = f->p->switches;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_switch *x = &s->v[i];
		bool is_ours =
			!strcmp(x->view.switchname, f->p->from->switchname);

		if (x == f->p->from || x->code != -ESTALE)
			continue;
		recover_pf_say(f, x->name, "switchname",
			       is_ours ? FP_COND_REFUSE : FP_COND_WARN,
			       is_ours ? "alive" : "", x->view.switchname,
			       "%s%s%s", x->err.text,
			       is_ours ? ": its live calls are among the rows "
					 "of "
				       : "",
			       is_ours ? f->p->from->name : "");
	}
}

/* Silence proves nothing: what will?  Where nothing is to be moved nothing need be. */
static void silent(struct recover_pf *f)
{
	const struct fp_recover_check *p = f->p;
	const struct fp_switch *x = p->from;

	if (!p->calls)
		recover_pf_say(f, x->name, "alive", FP_COND_WARN, "", "silent",
			       "%s; that is no proof: its next run is, or "
			       "--fence COMMAND",
			       x->err.text);
	else if (p->fence)
		recover_pf_say(f, x->name, "alive", FP_COND_WARN, "", "silent",
			       "%s; it will be fenced by the command",
			       x->err.text);
	else if (p->wait_ms > 0)
		recover_pf_say(f, x->name, "alive", FP_COND_WARN, "", "silent",
			       "%s; its restart is waited for, %llds",
			       x->err.text, (long long)p->wait_ms / 1000);
	else
		recover_pf_say(f, x->name, "alive", FP_COND_REFUSE, "alive",
			       "silent",
			       "%s; nothing answers, and nothing proves that "
			       "run %s is dead (--fence COMMAND; or its "
			       "restart, --wait)",
			       x->err.text, p->n_runs ? p->runs[0] : "-");
}

/* failover: of runs that are dead. */
static void dead(struct recover_pf *f)
{
	const struct fp_switch *x = f->p->from, *at = elsewhere(f->p);

	if (at)
		recover_pf_say(f, x->name, "alive", FP_COND_REFUSE, "alive",
			       at->view.run,
			       "this run answers at %s, and its calls live",
			       at->name);
	else if (x->code == -ESTALE)
		recover_pf_say(f, x->name, "alive", FP_COND_REFUSE, "alive",
			       "another answers", "%s", x->err.text);
	else if (x->code)
		silent(f);
	else if (is_meant(f->p, x->view.run))
		recover_pf_say(f, x->name, "alive", FP_COND_REFUSE, "alive",
			       x->view.run,
			       "this run answers, and its calls live: drain "
			       "and take are for those");
	else
		recover_pf_say(f, x->name, "alive", FP_COND_OK, "", x->view.run,
			       "another run answers: those before are dead");
}

/* drain, take: of the run that answers. */
static void lives(struct recover_pf *f)
{
	const struct fp_switch *x = f->p->from;

	if (x->code)
		recover_pf_say(f, x->name, "alive", FP_COND_REFUSE, "alive",
			       "no answer", "%s: failover is for dead runs",
			       x->err.text);
	else if (f->p->n_runs && !is_meant(f->p, x->view.run))
		recover_pf_say(f, x->name, "alive", FP_COND_REFUSE, "alive",
			       x->view.run,
			       "another run answers than the one whose calls "
			       "are meant: failover is for dead runs");
	else
		recover_pf_say(f, x->name, "alive", FP_COND_OK, "", x->view.run,
			       "it answers");
}

static void age(struct recover_pf *f)
{
	int64_t since_s = f->p->dead_since_s;
	int64_t age_s = since_s ? fp_clock_unix_s() - since_s : 0;
	char value[64];

	if (!recover_pf_is_failover(f))
		return;
	if (!since_s) {
		if (f->p->from->code && f->p->calls)
			recover_pf_say(f, f->p->from->name, "old", FP_COND_WARN,
				       "", "not known since when",
				       "nothing answers, and rows have no "
				       "date: after 10 minutes people have "
				       "hung up, and would be called and "
				       "billed again");
		return;
	}
	snprintf(value, sizeof(value), "dead for %llds", (long long)age_s);
	if (age_s > FP_DEAD_TOO_LONG_S)
		recover_pf_say(f, f->p->from->name, "old", FP_COND_REFUSE,
			       "old", value,
			       "people have hung up by now, and would be "
			       "called and billed again");
	else
		recover_pf_say(f, f->p->from->name, "old", FP_COND_OK, "",
			       value, "%s", "");
}

static void source(struct recover_pf *f)
{
	const struct fp_mark *m = recover_pf_mark(f, f->p->from);
	struct fp_check c;

	if (recover_pf_is_failover(f))
		dead(f);
	else
		lives(f);
	twins(f);
	age(f);
	if (!recover_pf_is_failover(f))
		return; /* it is drained because of it */
	fp_check_maintenance(&c, m ? m->why : NULL, m ? m->by : NULL);
	recover_pf_tell(f, f->p->from->name, &c);
}

/* ---- policies */

static void judge_policy(struct recover_pf *f, const struct fp_host *h,
			 const struct fp_policy *s)
{
	const struct fp_check_policy in = {
		.is_known = s->has_view,
		.is_in_step = s->has_view && s->view.is_in_step,
		.is_failover = recover_pf_is_failover(f),
		.digest = s->view.policy,
		.why = s->is_told ? s->detail : "no answer over SSH",
	};
	struct fp_check c;

	fp_check_policy(&c, &in);
	recover_pf_tell(f, h->name, &c);
	f->is_policy_old |= !in.is_in_step;
}

static int policies(struct recover_pf *f, struct fp_err *e)
{
	const struct fp_recover_check *p = f->p;
	const struct fp_host **hosts;
	struct fp_policy *said;
	size_t n = 0;
	int r = 0;

	if (!p->fleet)
		return 0;
	hosts = calloc(p->n_to + 1, sizeof(const struct fp_host *));
	said = calloc(p->n_to + 1, sizeof(*said));
	if (!hosts || !said)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->n_to && !r; i++)
		if (fp_inventory_var(p->to[i]->host, "fp_if"))
			hosts[n++] = p->to[i]->host;
	if (!r)
		r = fp_policy_ask(p->switches->loop, p->fleet, p->lists_dir,
				  hosts, n, said, e);
	for (size_t i = 0; i < n && !r; i++)
		judge_policy(f, hosts[i], &said[i]);
	free(hosts);
	free(said);
	return r;
}

/* ---- fp_db */

static int lock(struct recover_pf *f, struct fp_err *e)
{
	const struct fp_journal_opts *o = f->p->journal;
	const char *node = f->p->from ? f->p->from->name : "fp_db";
	struct fp_err why = { .text = "" };
	struct fp_job_head *h = NULL;
	size_t n = 0;
	int r;

	if (!o->conninfo) {
		recover_pf_say(f, node, "lock", FP_COND_REFUSE, "lock",
			       o->is_alone ? "fp_db is not asked" : "no fp_db",
			       "nothing keeps two controllers apart");
		return 0;
	}
	r = fp_journal_list(o, false, &h, &n, &why);
	free(h);
	if (r == -EINTR || r == -ENOMEM) {
		*e = why;
		return r;
	}
	if (r)
		recover_pf_say(f, node, "lock", FP_COND_REFUSE, "lock",
			       "fp_db is away", "%s", why.text);
	else
		recover_pf_say(f, node, "lock", FP_COND_OK, "", "fp_db answers",
			       "%s", "");
	return 0;
}

static int outcome(const struct recover_pf *f, struct fp_err *e)
{
	if (!f->is_refused)
		return 0;
	*e = f->refusal;
	return -EPERM;
}

int fp_recover_lock(const struct fp_recover_check *p, struct fp_err *e)
{
	struct recover_pf f = { .p = p };
	int r = lock(&f, e);

	return r ? r : outcome(&f, e);
}

/* ---- all of it */

int fp_recover_check(const struct fp_recover_check *p, bool *is_policy_old,
		     struct fp_err *e)
{
	struct recover_pf f = { .p = p };
	int r = 0;

	source(&f);
	/* a job that begins finds out itself */
	if (p->is_dry_run && p->journal)
		r = lock(&f, e);
	for (size_t i = 0; i < p->n_to && !r; i++)
		recover_pf_target(&f, p->to[i]);
	if (!r && p->calls)
		r = recover_pf_calls(&f, e);
	if (!r)
		r = policies(&f, e);
	if (r)
		return r;
	if (is_policy_old)
		*is_policy_old = f.is_policy_old;
	return outcome(&f, e);
}

/* ---- who may be a target */

/* Those that come up at the host itself need no change but one: facts-2 N2. */
static bool is_target(const struct fp_recover_check *p, struct fp_switch *x,
		      struct fp_err *why)
{
	struct recover_pf f = { .p = p, .is_quiet = true };

	recover_pf_target(&f, x);
	if (f.is_refused)
		*why = f.refusal;
	return !f.is_refused;
}

/* The restarted host alone can be one; of drain and take it is where calls are. */
static bool may_be(const struct fp_recover_check *p, const struct fp_switch *x)
{
	if (x != p->from)
		return true;
	if (p->kind != FP_RECOVER_FAILOVER || x->code)
		return false;
	return !is_meant(p, x->view.run);
}

static void try_one(const struct fp_recover_check *p, struct fp_switch *x,
		    struct fp_switch **v, size_t *n, struct fp_err *first)
{
	struct fp_err why;

	if (!may_be(p, x))
		return;
	if (is_target(p, x, &why)) {
		v[(*n)++] = x;
		return;
	}
	if (x->code) /* silence: nothing that could be lifted */
		*why.rule = 0;
	if (!*first->text || (!*first->rule && *why.rule))
		*first = why;
}

int fp_recover_auto(const struct fp_recover_check *p, struct fp_switch ***out,
		    size_t *n, struct fp_err *e)
{
	struct fp_switches *s = p->switches;
	struct fp_switch **v = calloc(s->n + 1, sizeof(struct fp_switch *));
	struct fp_err first = { .text = "" };
	size_t found = 0;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	if (p->from)
		try_one(p, p->from, v, &found, &first);
	for (size_t i = 0; i < s->n; i++)
		if (&s->v[i] != p->from)
			try_one(p, &s->v[i], v, &found, &first);
	if (!found) {
		free(v);
		if (*first.rule)
			return fp_refuse(e, first.rule,
					 "no node can take calls: %.300s",
					 first.text);
		return fp_err(e, -EAGAIN, "no node can take calls%s%.300s",
			      *first.text ? ": " : "", first.text);
	}
	*out = v;
	*n = found;
	return 0;
}
