/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health status: what one types first. */
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

#define DIGEST_SHORT 12
#define NAMES 256
#define LEASE_NAME 330

/* ---- nodes */

struct node_rec {
	const char *what, *node, *health, *in_step;
	char problems[NAMES], tags[NAMES], policy[65], fence[NAMES];
	int64_t since_s, until_s;
	double calls;
	bool takes_calls;
};
static const struct fp_field node_fields[] = {
	{ "what", offsetof(struct node_rec, what), FP_F_STR, NULL, "node" },
	{ "node", offsetof(struct node_rec, node), FP_F_STR, NULL, "node" },
	{ "health", offsetof(struct node_rec, health), FP_F_STR, NULL,
	  "the worst of its checks" },
	{ "since", offsetof(struct node_rec, since_s), FP_F_TIME, NULL,
	  "since when" },
	{ "problems", offsetof(struct node_rec, problems), FP_F_TEXT, NULL,
	  "its checks that are not OK" },
	{ "takes_calls", offsetof(struct node_rec, takes_calls), FP_F_BOOL,
	  NULL, "a new call would be taken" },
	{ "tags", offsetof(struct node_rec, tags), FP_F_TEXT, NULL,
	  "sharing tags that are active there" },
	{ "calls", offsetof(struct node_rec, calls), FP_F_DOUBLE, NULL,
	  "dialogs, or sessions" },
	{ "policy", offsetof(struct node_rec, policy), FP_F_TEXT, NULL,
	  "its policy digest" },
	{ "in_step", offsetof(struct node_rec, in_step), FP_F_STR, NULL,
	  "its filter has our lists" },
	{ "fence", offsetof(struct node_rec, fence), FP_F_TEXT, NULL,
	  "lists that fence it" },
	{ "maintenance", offsetof(struct node_rec, until_s), FP_F_TIME, NULL,
	  "until when" },
};
static const struct fp_type node_type = { "status", node_fields,
					  FH_COUNT(node_fields) };

/* "a,b", as far as it goes */
static void add_name(char out[NAMES], const char *name)
{
	size_t n = strlen(out);

	snprintf(out + n, NAMES - n, "%s%s", n ? "," : "", name);
}

static void fill_views(const struct fp_cli *c, const struct fp_site_node *n,
		       struct node_rec *r)
{
	const struct fp_view *os = n->view[FP_VIEW_OPENSIPS];
	const struct fp_view *fs = n->view[FP_VIEW_FREESWITCH];
	const struct fp_view *rtp = n->view[FP_VIEW_RTPENGINE];
	const struct fp_view *filter = n->view[FP_VIEW_FILTER];

	for (size_t i = 0; os && i < os->opensips.n_tags; i++)
		if (os->opensips.tag[i].is_active)
			add_name(r->tags, os->opensips.tag[i].name);
	if (os && os->opensips.dialogs >= 0)
		r->calls = (double)os->opensips.dialogs;
	else if (fs)
		r->calls = (double)fs->freeswitch.sessions;
	else if (rtp)
		r->calls = (double)rtp->rtpengine.sessions;
	if (!filter)
		return;
	r->in_step = filter->filter.is_in_step ? "yes" : "no";
	snprintf(r->policy, sizeof(r->policy), "%.*s",
		 c->is_json ? 64 : DIGEST_SHORT, filter->filter.policy);
}

/* When its state began: that of the check that makes it so. */
static int64_t since_ms(const struct fp_site_node *n)
{
	int64_t at_ms = 0;

	for (size_t i = 0; i < n->n_checks; i++) {
		const struct fp_site_check *c = n->check[i];

		if (c->is_shown && !c->is_hidden && c->state == n->state &&
		    (!at_ms || (n->state == FP_OK) == (c->since_ms > at_ms)))
			at_ms = c->since_ms;
	}
	return at_ms;
}

static int print_node(struct fh_status *s, const struct fp_site_node *n,
		      struct fp_err *e)
{
	struct node_rec r = {
		.what = "node",
		.node = n->name,
		.health = n->is_shown ? fp_health_name(n->state) : NULL,
		.since_s = n->is_shown ? since_ms(n) / 1000 : 0,
		.takes_calls = fp_node_takes_calls(n),
		.calls = NAN,
		.until_s = n->mark ? n->mark->until_s : 0,
	};

	for (size_t i = 0; i < n->n_checks; i++) {
		const struct fp_site_check *c = n->check[i];

		if (c->is_shown && !c->is_hidden && c->state != FP_OK &&
		    c->state != FP_MAINT)
			add_name(r.problems, c->name);
	}
	fill_views(s->ask.c, n, &r);
	for (size_t i = 0; i < s->n_fences; i++)
		if (s->fence[i].host == n->host)
			add_name(r.fence, s->fence[i].list);
	return fp_out_record(s->ask.c->out, &node_type, &r, e);
}

/* ---- problems, and what is going on */

struct event_rec {
	const char *what, *node, *state, *name, *detail, *by;
	int64_t since_s, until_s;
};
static const struct fp_field event_fields[] = {
	{ "what", offsetof(struct event_rec, what), FP_F_STR, NULL,
	  "problem, maintenance, fence, lease or job" },
	{ "node", offsetof(struct event_rec, node), FP_F_STR, NULL,
	  "whom it is about" },
	{ "state", offsetof(struct event_rec, state), FP_F_STR, NULL, "state" },
	{ "since", offsetof(struct event_rec, since_s), FP_F_TIME, NULL,
	  "since when" },
	{ "name", offsetof(struct event_rec, name), FP_F_STR, NULL,
	  "check, list, destination or job" },
	{ "detail", offsetof(struct event_rec, detail), FP_F_STR, NULL, "why" },
	{ "by", offsetof(struct event_rec, by), FP_F_STR, NULL, "who" },
	{ "until", offsetof(struct event_rec, until_s), FP_F_TIME, NULL,
	  "until when" },
};

#define EVENT_TYPE(NAME)                                                       \
	{                                                                      \
		NAME, event_fields, FH_COUNT(event_fields)                     \
	}
static const struct fp_type event_types[] = {
	EVENT_TYPE("problem"), EVENT_TYPE("maintenance"), EVENT_TYPE("fence"),
	EVENT_TYPE("lease"),   EVENT_TYPE("job"),
};

static int print_event(struct fh_status *s, const struct event_rec *r,
		       struct fp_err *e)
{
	const struct fp_type *type = event_types;

	while (strcmp(type->name, r->what) != 0)
		type++;
	return fp_out_record(s->ask.c->out, type, r, e);
}

struct printing {
	struct fh_status *s;
	struct fp_err *e;
};

static int print_problem(void *ctx, const struct fp_site_check *c)
{
	struct printing *p = ctx;
	const struct event_rec r = { .what = "problem",
				     .node = c->node->name,
				     .state = fp_health_name(c->state),
				     .since_s = c->since_ms / 1000,
				     .name = c->name,
				     .detail = fp_site_check_detail(c) };

	if (c->state == FP_OK || c->state == FP_MAINT)
		return 0;
	return print_event(p->s, &r, p->e);
}

static int print_mark(struct fh_status *s, const struct fp_site_node *n,
		      struct fp_err *e)
{
	const struct fp_mark *m = n->mark;
	const struct event_rec r = { .what = "maintenance",
				     .node = n->name,
				     .since_s = m ? m->since_s : 0,
				     .detail = m ? m->why : NULL,
				     .by = m ? m->by : NULL,
				     .until_s = m ? m->until_s : 0 };

	return m ? print_event(s, &r, e) : 0;
}

static int print_fence(struct fh_status *s, const struct fh_fence *f,
		       struct fp_err *e)
{
	const struct event_rec r = { .what = "fence",
				     .node = f->host ? f->host->name : NULL,
				     .state = f->prefix,
				     .name = f->list,
				     .detail = f->why,
				     .by = f->by,
				     .until_s = f->until_s };

	return print_event(s, &r, e);
}

static int print_lease(struct fh_status *s, const struct fp_lease *l,
		       struct fp_err *e)
{
	char name[LEASE_NAME];
	const struct event_rec r = {
		.what = "lease",
		.node = l->proxy,
		.state = l->is_let_go ? "let-go" : "disabled",
		.since_s = l->since_s,
		.name = name,
		.detail = l->why,
		.by = l->owner,
		.until_s = l->until_s,
	};

	snprintf(name, sizeof(name), "%s %s", l->set, l->uri);
	return print_event(s, &r, e);
}

static int print_job(struct fh_status *s, const struct fp_job_row *j,
		     struct fp_err *e)
{
	char name[120];
	const struct event_rec r = { .what = "job",
				     .node = j->node,
				     .state = j->state,
				     .since_s = j->started_s,
				     .name = name,
				     .by = j->by };

	snprintf(name, sizeof(name), "%s %s %s", j->tool, j->verb, j->id);
	return print_event(s, &r, e);
}

/* ---- the verb */

static int print(struct fh_status *s, struct fp_err *e)
{
	struct printing p = { s, e };
	struct fp_site_node *v;
	size_t n = fp_site_nodes(s->ask.site, &v) - 1;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = print_node(s, &v[i], e);
	if (r || s->ask.c->fields) /* chosen of nodes' fields */
		return r;
	r = fh_each_check(s->ask.site, print_problem, &p);
	for (size_t i = 0; i < n && !r; i++)
		r = print_mark(s, &v[i], e);
	for (size_t i = 0; i < s->n_fences && !r; i++)
		r = print_fence(s, &s->fence[i], e);
	for (size_t i = 0; i < s->n_leases && !r; i++)
		r = print_lease(s, &s->lease[i], e);
	for (size_t i = 0; i < s->n_jobs && !r; i++)
		r = print_job(s, &s->job[i], e);
	return r;
}

static int status(struct fh_status *s, struct fh_tally *t, struct fp_err *e)
{
	int r = fh_round(&s->ask, e);

	if (r)
		return r;
	fh_status_fences(s);
	fh_status_db(s);
	fh_tally(s->ask.site, t);
	r = print(s, e);
	if (!r)
		fp_out_counts(s->ask.c->out, false, NULL, "nodes",
			      (uint64_t)s->ask.n_hosts, "checks",
			      (uint64_t)t->n, "warning",
			      (uint64_t)t->n_of[FP_WARNING], "critical",
			      (uint64_t)t->n_of[FP_CRITICAL], "unknown",
			      (uint64_t)t->n_of[FP_UNKNOWN], "leases",
			      (uint64_t)s->n_leases, "jobs",
			      (uint64_t)s->n_jobs, NULL);
	return r;
}

int fh_status(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fh_status s = { .n_fences = 0 };
	struct fh_tally t;
	int r = c->fields ? fp_out_check(c->out, &node_type, &e) : 0;

	if (!r)
		r = fh_ask_open(&s.ask, c, NULL, NULL, &e);
	if (!r) {
		r = status(&s, &t, &e);
		fh_ask_close(&s.ask);
	}
	fh_status_fini(&s);
	if (!r)
		return t.n ? fp_health_exit(t.worst, FP_WARNING) : FP_UNKNOWN;
	fp_cli_fail(c, r, &e);
	return FP_UNKNOWN;
}
