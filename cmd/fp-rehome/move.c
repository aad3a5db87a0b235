/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that move tags share. */
#include "move.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

/* ---- telling */

void fr_move_say(struct fr_move *m, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fr_say(&m->v, text);
}

void fr_move_tell(struct fr_move *m, const char *name,
		  enum fp_condition_state state, const char *value,
		  const char *detail)
{
	const struct fp_condition c = { .node = m->from ? m->from->name : "",
					.name = name,
					.rule = "",
					.state = state,
					.value = value,
					.detail = detail };

	fr_condition(&m->v, &c);
}

struct nap {
	struct fp_loop *loop;
	bool is_over;
};

static void nap_over(void *ctx)
{
	struct nap *n = ctx;

	n->is_over = true;
	fp_loop_stop(n->loop);
}

int fr_move_pause(struct fr_move *m, int64_t ms, struct fp_err *e)
{
	struct nap n = { .loop = m->v.nodes.loop };
	struct fp_timer t = { .fire = nap_over, .ctx = &n };
	int r = fp_loop_timer_arm(n.loop, &t, fp_clock_ms() + ms);

	if (r)
		return fp_err_sys(e, r, "waiting");
	r = fp_loop_wait(n.loop, &n.is_over, e);
	fp_loop_timer_disarm(n.loop, &t);
	return r;
}

/* ---- which tags there are */

struct fr_tag_now *fr_move_find(const struct fr_move *m, const char *tag)
{
	for (size_t i = 0; i < m->n_now; i++)
		if (!strcmp(m->now[i].name, tag))
			return &m->now[i];
	return NULL;
}

bool fr_move_is_meant(const struct fr_move *m, const char *tag)
{
	const struct fp_select *q = &m->v.select;

	for (size_t i = 0; i < q->n_tags; i++)
		if (!strcmp(q->tags[i], tag))
			return true;
	return !q->n_tags;
}

bool fr_move_is_part(const struct fr_move *m)
{
	const struct fp_select *q = &m->v.select;

	return q->n_tags || q->n_callids || q->from_prefix || q->to_prefix ||
	       q->media || q->older_s || q->younger_s || q->count;
}

static int add_now(struct fr_move *m, const char *name, struct fp_err *e)
{
	struct fr_tag_now *more, *t;
	struct fp_edge *other;

	if (fr_move_find(m, name))
		return 0;
	more = reallocarray(m->now, m->n_now + 1, sizeof(*more));
	if (!more)
		return fp_err(e, -ENOMEM, "out of memory");
	m->now = more;
	t = &more[m->n_now++];
	*t = (struct fr_tag_now){ .calls = 0 };
	snprintf(t->name, sizeof(t->name), "%s", name);
	fp_edges_owner(&m->v.edges, name, &t->owner, &other);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct fr_tag_now *x = a, *y = b;

	return strverscmp(x->name, y->name);
}

static int read_now(struct fr_move *m, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->v.edges.n && !r; i++) {
		const struct fp_view_opensips *x = m->v.edges.v[i].view;

		for (size_t k = 0; x && k < x->n_tags && !r; k++)
			r = add_now(m, x->tag[k].name, e);
	}
	if (!r && m->n_now)
		qsort(m->now, m->n_now, sizeof(*m->now), by_name);
	return r;
}

/* ---- open */

static int read_all(struct fr_move *m, struct fp_err *e)
{
	struct fp_cli *c = m->v.c;
	int r = fp_loop_signals(m->v.nodes.loop, NULL, NULL, e);

	if (!r)
		r = fr_prints(&m->v, c->is_dry_run ? FR_TAG : FR_CALL, e);
	if (!r)
		r = fr_marks(&m->v, e);
	/* what is dead is asked at all its addresses from the start */
	if (m->o.kind == FP_MOVE_FAILOVER && m->from)
		fp_edges_suspect(&m->v.edges, m->from);
	if (!r)
		r = fp_edges_read(&m->v.edges, e);
	return r ? r : read_now(m, e);
}

/* As a line for a person, what changed is enough. */
static void tag(void *move, const struct fp_tag_move *t, const char *state,
		const char *detail)
{
	const struct fr_move *m = move;
	const struct fp_cli *c = m->v.c;

	if (c->is_json || c->is_dry_run || c->verbose ||
	    !strcmp(state, "given"))
		fr_tag(move, t, state, detail);
}

int fr_move_open(struct fr_move *m, struct fp_cli *c, enum fp_move_kind kind,
		 bool has_node, struct fp_err *e)
{
	int r;

	*m = (struct fr_move){ .new_calls = -1, .o = { .kind = kind } };
	r = fr_open(&m->v, c, e);
	if (r)
		return r;
	if (has_node)
		r = fr_node(&m->v, c->argv[0], &m->from, e);
	if (!r)
		r = read_all(m, e);
	if (r) {
		fr_move_close(m);
		return r;
	}
	fr_campaign(&m->v, kind, &m->o);
	m->o.why = fp_cli_get(c, "why");
	m->o.marks = m->v.marks;
	m->o.marks_now = fr_marks_now;
	m->o.n_marks = m->v.n_marks;
	m->o.is_dry_run = c->is_dry_run;
	if (fr_fleet(&m->v, &m->fleet, &m->o.lists_dir))
		m->o.fleet = &m->fleet;
	m->o.tag = tag;
	m->o.ctx = m; /* its first member is the env that callbacks want */
	return 0;
}

void fr_move_close(struct fr_move *m)
{
	fr_close(&m->v);
	free(m->to);
	free(m->now);
	free(m->plan);
	free(m->left);
	fp_past_free(m->past);
}

int fr_move_again(struct fr_move *m, struct fp_err *e)
{
	int r = fp_edges_read_heard(&m->v.edges, e);

	free(m->now);
	m->now = NULL;
	m->n_now = 0;
	return r ? r : read_now(m, e);
}

/* ---- targets */

int fr_move_targets(struct fr_move *m, struct fp_err *e)
{
	const struct fp_preflight p = { .kind = m->o.kind,
					.edges = &m->v.edges,
					.from = m->from,
					.marks = m->v.marks,
					.n_marks = m->v.n_marks };
	bool is_auto;
	int r = fr_targets(&m->v, &m->to, &m->n_to, &is_auto, e);

	if (!r && is_auto) {
		free(m->to);
		m->to = NULL;
		r = fp_preflight_auto(&p, &m->to, &m->n_to, e);
	}
	if (!r && !m->n_to)
		r = fp_err(e, -EINVAL, "%s: which node gets them? (--to)",
			   m->v.c->verb->name);
	for (size_t i = 0; i < m->n_to && !r; i++)
		if (m->to[i] == m->from)
			r = fp_err(e, -EINVAL,
				   "--to %s: that is the node itself",
				   m->from->name);
	for (size_t i = 0; i < m->n_to && !r; i++)
		if (!m->to[i]->view)
			r = fp_err(e, -EAGAIN, "%s does not answer: %s",
				   m->to[i]->name, m->to[i]->err.text);
	return r;
}

static void progress(void *move, uint64_t done, uint64_t total)
{
	fr_progress(move, "listing", done, total, 0, -1);
}

int fr_move_count(struct fr_move *m, struct fp_err *e)
{
	struct fp_edge **v = calloc(m->n_to + 1, sizeof(struct fp_edge *));
	const struct fp_dialogs *s;
	int r;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	memcpy(v, m->to, m->n_to * sizeof(struct fp_edge *));
	v[m->n_to] = m->from;
	r = fp_edges_list(&m->v.edges, v, m->n_to + (m->from && m->from->view),
			  progress, m, e);
	free(v);
	for (size_t i = 0; i < m->n_to && !r; i++)
		if (!m->to[i]->dialogs)
			r = fp_err(e, m->to[i]->code ? m->to[i]->code : -EAGAIN,
				   "%s: its dialogs: %s", m->to[i]->name,
				   m->to[i]->err.text);
	if (r || !m->n_to)
		return r;
	s = m->to[0]->dialogs;
	for (size_t i = 0; i < fp_dialogs_n(s); i++) {
		const struct fp_dialog *d = fp_dialogs_at(s, i);
		struct fr_tag_now *t = fr_move_find(m, d->tag);

		if (t && fp_dialog_is_up(d))
			t->calls++;
	}
	return 0;
}

/* ---- the plan */

int fr_move_add(struct fr_move *m, const char *tag, struct fp_edge *from,
		struct fp_edge *to, struct fp_err *e)
{
	const struct fr_tag_now *t = fr_move_find(m, tag);
	struct fp_tag_move *more;

	for (size_t i = 0; i < m->n_plan; i++)
		if (!strcmp(m->plan[i].tag, tag))
			return 0;
	if (strlen(tag) >= sizeof(more->tag))
		return fp_err(e, -EINVAL, "%.40s...: longer than a sharing tag",
			      tag);
	more = reallocarray(m->plan, m->n_plan + 1, sizeof(*more));
	if (!more)
		return fp_err(e, -ENOMEM, "out of memory");
	m->plan = more;
	more += m->n_plan++;
	*more = (struct fp_tag_move){ .from = from,
				      .to = to,
				      .calls = t ? t->calls : 0 };
	snprintf(more->tag, sizeof(more->tag), "%s", tag);
	return 0;
}

bool fr_move_is_planned(const struct fr_move *m, const char *tag)
{
	for (size_t i = 0; i < m->n_plan; i++)
		if (!strcmp(m->plan[i].tag, tag))
			return true;
	return false;
}

void fr_move_calls(struct fr_move *m, const char *tag, size_t n)
{
	for (size_t i = 0; i < m->n_plan; i++)
		if (!strcmp(m->plan[i].tag, tag))
			m->plan[i].calls = n;
}

bool fr_move_gives(const struct fr_move *m)
{
	for (size_t i = 0; i < m->n_plan; i++)
		if (!m->plan[i].from || m->plan[i].from != m->plan[i].to)
			return true;
	return false;
}

/* Planned, and not to stay where it is. */
static bool leaves(const struct fr_move *m, const char *tag)
{
	for (size_t i = 0; i < m->n_plan; i++)
		if (!strcmp(m->plan[i].tag, tag))
			return !m->plan[i].to ||
			       m->plan[i].to != m->plan[i].from;
	return false;
}

size_t fr_move_load(const struct fr_move *m, const struct fp_edge *x)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_now; i++)
		if (m->now[i].owner == x && !leaves(m, m->now[i].name))
			n += m->now[i].calls;
	return n;
}

double fr_move_weight(const struct fr_move *m, const struct fp_edge *x)
{
	int64_t most = 0;

	for (size_t i = 0; i < m->n_to; i++)
		if (m->to[i]->view && m->to[i]->view->shm_free_bytes > most)
			most = m->to[i]->view->shm_free_bytes;
	if (!most || !x->view || x->view->shm_free_bytes < 0)
		return 1;
	return fmax(round(4.0 * (double)x->view->shm_free_bytes /
			  (double)most) /
			    4.0,
		    0.25);
}

/* Those without a target, as fp_plan_spread wants them. */
static size_t open_tags(const struct fr_move *m, struct fp_plan_tag *t)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_plan; i++) {
		if (m->plan[i].to)
			continue;
		t[n] = (struct fp_plan_tag){ .calls = m->plan[i].calls,
					     .from = FP_PLAN_NONE };
		snprintf(t[n].name, sizeof(t[n].name), "%s", m->plan[i].tag);
		n++;
	}
	return n;
}

int fr_move_spread(struct fr_move *m, struct fp_err *e)
{
	struct fp_plan_tag *t = calloc(m->n_plan + 1, sizeof(*t));
	struct fp_plan_node *node = calloc(m->n_to + 1, sizeof(*node));
	size_t k = 0;
	int r = 0;

	if (!t || !node)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < m->n_to && !r; i++)
		node[i] = (struct fp_plan_node){
			.calls = fr_move_load(m, m->to[i]),
			.weight = fr_move_weight(m, m->to[i]),
		};
	if (!r && fp_plan_spread(t, open_tags(m, t), node, m->n_to))
		r = fp_err(e, -EINVAL, "no node can take them");
	for (size_t i = 0; i < m->n_plan && !r; i++)
		if (!m->plan[i].to)
			m->plan[i].to = m->to[t[k++].to];
	free(t);
	free(node);
	return r;
}

/* ---- the end */

int fr_move_would(struct fr_move *m, const struct fp_campaign_sum *s)
{
	fr_progress(&m->v, NULL, 0, 0, 0, 0);
	fp_out_counts(m->v.c->out, s->is_changed, NULL, "tags",
		      (uint64_t)s->n_tags, "calls", (uint64_t)s->n_would, NULL);
	return s->is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

static void add_sum(struct fp_campaign_sum *s, const struct fp_campaign_sum *b)
{
	for (size_t i = 0; i < FP_MOVE_VERDICTS; i++)
		s->calls.count[i] += b->calls.count[i];
	s->calls.n_verified += b->calls.n_verified;
	s->calls.n_lost += b->calls.n_lost;
	s->calls.took_ms += b->calls.took_ms;
	s->n_tags += b->n_tags;
	s->n_given += b->n_given;
	s->n_early += b->n_early;
	s->n_left += b->n_left;
	s->is_changed |= b->is_changed;
	s->is_left |= b->is_left;
	if (!*s->job)
		memcpy(s->job, b->job, sizeof(s->job));
}

void fr_move_before(struct fr_move *m, const struct fp_campaign_sum *s)
{
	add_sum(&m->before, s);
}

int fr_move_run(struct fr_move *m)
{
	struct fp_campaign_sum sum;
	struct fp_err e = { .text = "" };
	int status, r = fp_campaign_run(&m->o, m->from, m->plan, m->n_plan,
					&sum, &e);

	if (!r && m->o.is_dry_run)
		return fr_move_would(m, &sum);
	add_sum(&sum, &m->before);
	status = fr_end(&m->v, r, &sum, &e);
	if (status)
		return status;
	return m->is_partial ? FP_EXIT_PARTIAL : FP_EXIT_OK;
}

int fr_move_nothing(struct fr_move *m, const char *why)
{
	struct fp_campaign_sum none = { .n_tags = 0 };
	const struct fp_err e = { .text = "" };
	int status;

	add_sum(&none, &m->before);
	fr_move_say(m, "%s", why);
	status = fr_end(&m->v, 0, &none, &e);
	return status ? status : m->is_partial ? FP_EXIT_PARTIAL : FP_EXIT_OK;
}
