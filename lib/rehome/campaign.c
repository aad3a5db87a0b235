/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/campaign.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "rehome/campaign_priv.h"

/* ---- what the parts share */

void fp_campaign_say(const struct fp_campaign *c, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!c->o.say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->o.say(c->o.ctx, text);
}

int fp_campaign_refused(const struct fp_campaign *c, int code, struct fp_err *e)
{
	if (!e->rule[0])
		return code;
	if (!c->o.is_lifted || !c->o.is_lifted(c->o.ctx, e->rule))
		return -EPERM;
	fp_campaign_say(c, "%s; rule %s is lifted: it goes on", e->text,
			e->rule);
	e->rule[0] = 0;
	return 0;
}

struct pause {
	struct fp_loop *loop;
	bool is_over;
};

static void over(void *ctx)
{
	struct pause *p = ctx;

	p->is_over = true;
	fp_loop_stop(p->loop);
}

int fp_campaign_pause(const struct fp_campaign *c, int64_t ms, struct fp_err *e)
{
	struct pause p = { .loop = c->o.edges->o.loop };
	struct fp_timer t = { .fire = over, .ctx = &p };
	int r = fp_loop_timer_arm(p.loop, &t, fp_clock_ms() + ms);

	if (r)
		return fp_err(e, r, "out of memory");
	r = fp_loop_wait(p.loop, &p.is_over, e);
	fp_loop_timer_disarm(p.loop, &t);
	return r;
}

int fp_campaign_flush(struct fp_campaign *c, struct fp_err *e)
{
	int r = fp_journal_flush_wait(c->journal, e);

	if (r == -EBUSY)
		c->is_lost = true;
	return r;
}

static void listing(void *ctx, uint64_t done, uint64_t total)
{
	struct fp_campaign *c = ctx;

	if (c->o.progress)
		c->o.progress(c->o.ctx, "listing", done, total, 0, -1);
}

int fp_campaign_list(struct fp_campaign *c, struct fp_edge *const *which,
		     size_t n, struct fp_err *e)
{
	struct fp_edge **v = calloc(n + 1, sizeof(struct fp_edge *));
	size_t n_v = 0;
	int r;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		bool has = !which[i] || !which[i]->view;

		for (size_t k = 0; k < n_v && !has; k++)
			has = v[k] == which[i];
		if (!has)
			v[n_v++] = which[i];
	}
	r = n_v ? fp_edges_list(c->o.edges, v, n_v, listing, c, e) : 0;
	for (size_t i = 0; i < n_v && !r; i++)
		if (!v[i]->dialogs)
			r = fp_err(e, v[i]->code ? v[i]->code : -EAGAIN,
				   "%s: its dialogs: %s", v[i]->name,
				   v[i]->err.text);
	free(v);
	return r;
}

/* ---- before */

int fp_campaign_init(struct fp_campaign *c, const struct fp_campaign_opts *o,
		     struct fp_campaign_sum *out)
{
	*out = (struct fp_campaign_sum){ .n_tags = 0 };
	*c = (struct fp_campaign){ .o = *o,
				   .out = out,
				   .at_s = fp_clock_unix_s() };
	return 0;
}

void fp_campaign_fini(struct fp_campaign *c)
{
	fp_journal_close(c->journal);
	fp_seen_fini(&c->seen);
	fp_seen_fini(&c->before);
	free(c->move);
	free(c->state);
	free(c->head.plan);
}

const char **fp_campaign_locks(const struct fp_campaign *c)
{
	const size_t each = sizeof("rehome tag:") + sizeof(c->move->tag);
	size_t head = (c->n_moves + 1) * sizeof(char *);
	const char **v = malloc(head + (c->n_moves + 1) * each);
	char *text = (char *)v + head;

	for (size_t i = 0; v && i < c->n_moves; i++, text += each) {
		snprintf(text, each, "rehome tag:%s", c->move[i].tag);
		v[i] = text;
	}
	return v;
}

/* Under its lock: has somebody moved a tag since it was planned? */
static int check_owners(struct fp_campaign *c, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->n_moves && !r; i++) {
		const struct fp_tag_move *m = &c->move[i];
		struct fp_edge *is = NULL, *other = NULL;

		r = fp_edges_owner(c->o.edges, m->tag, &is, &other);
		if (r || is == m->from || is == m->to)
			r = 0; /* the giving judges */
		else
			r = fp_refuse(e, "active",
				      "tag %s went to %s meanwhile", m->tag,
				      is ? is->name : "nobody");
		if (r)
			r = fp_campaign_refused(c, r, e);
	}
	return r;
}

/* Two controllers may bring a node back: what the other gave it since this was planned,
 * with its calls, is not done again.  Of a node that is left the journals know more. */
static void drop_done(struct fp_campaign *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_moves; i++) {
		const struct fp_tag_move *m = &c->move[i];
		struct fp_edge *is = NULL, *other = NULL;

		if (!c->o.past_now && fp_campaign_gives(c, i) &&
		    !fp_edges_owner(c->o.edges, m->tag, &is, &other) &&
		    is == m->to)
			continue;
		c->move[n] = *m;
		c->state[n++] = c->state[i];
	}
	if (n < c->n_moves)
		fp_campaign_say(c, "%zu tags are where they shall be by now",
				c->n_moves - n);
	c->n_moves = n;
}

/* Dialogs of targets, and of owners that live, that nobody listed yet. */
static int list_missing(struct fp_campaign *c, struct fp_err *e)
{
	size_t n = 0;
	struct fp_edge **v =
		calloc(2 * c->n_moves + 2, sizeof(struct fp_edge *));
	int r;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_moves; i++) {
		if (!c->move[i].to->dialogs)
			v[n++] = c->move[i].to;
		if (c->move[i].from && !c->move[i].from->dialogs)
			v[n++] = c->move[i].from;
	}
	if (c->from && !c->from->dialogs)
		v[n++] = c->from;
	r = fp_campaign_list(c, v, n, e);
	free(v);
	return r;
}

static int preflight(struct fp_campaign *c, enum fp_move_kind kind,
		     void (*each)(void *ctx, const struct fp_condition *x),
		     bool (*is_lifted)(void *ctx, const char *rule), void *ctx,
		     struct fp_err *e)
{
	const struct fp_campaign_opts *o = &c->o;
	const struct fp_preflight p = {
		.kind = kind,
		.edges = o->edges,
		.from = c->from,
		.move = c->move,
		.n_moves = c->n_moves,
		.body = o->body,
		.select = &o->select,
		.marks = o->marks,
		.n_marks = o->n_marks,
		.cfg = o->cfg,
		.link_wait_ms = o->link_wait_ms,
		.is_fenced = fp_campaign_is_fenced(c),
		.fleet = o->fleet,
		.lists_dir = o->lists_dir,
		.is_lifted = is_lifted,
		.each = each,
		.ctx = ctx,
	};
	int r = list_missing(c, e);

	for (size_t i = 0; i < c->n_moves; i++)
		c->state[i].n_starts = c->move[i].to->n_starts;
	return r ? r : fp_preflight(&p, &c->out->is_policy_old, e);
}

int fp_campaign_preflight(struct fp_campaign *c, enum fp_move_kind kind,
			  struct fp_err *e)
{
	return preflight(c, kind, c->o.condition, c->o.is_lifted, c->o.ctx, e);
}

static void told_again(void *campaign, const struct fp_condition *x)
{
	const struct fp_campaign *c = campaign;

	if (x->state == FP_COND_REFUSE && c->o.condition)
		c->o.condition(c->o.ctx, x);
}

static bool is_lifted_again(void *campaign, const char *rule)
{
	const struct fp_campaign *c = campaign;

	return c->o.is_lifted && c->o.is_lifted(c->o.ctx, rule);
}

int fp_campaign_preflight_again(struct fp_campaign *c, struct fp_err *e)
{
	int r = fp_edges_read(c->o.edges, e);

	for (size_t i = 0; i < c->o.edges->n; i++) {
		fp_dialogs_free(c->o.edges->v[i].dialogs);
		c->o.edges->v[i].dialogs = NULL;
	}
	if (!r && c->o.marks_now)
		r = c->o.marks_now(c->o.ctx, &c->o.marks, &c->o.n_marks, e);
	if (!r)
		r = check_owners(c, e);
	return r ? r
		 : preflight(c, c->o.kind, told_again, is_lifted_again, c, e);
}

void fp_campaign_planned(struct fp_campaign *c)
{
	for (size_t i = 0; i < c->n_moves; i++) {
		if (c->o.tag)
			c->o.tag(c->o.ctx, &c->move[i], "planned", "");
		c->out->n_tags += fp_campaign_gives(c, i);
		c->out->n_would += fp_campaign_would(c, i);
	}
	c->out->is_changed = c->out->n_tags || c->out->n_would;
}

/* ---- begin */

/* Of whom it is. */
static const char *node_of(const struct fp_campaign *c)
{
	if (c->from)
		return c->from->name;
	return c->o.kind == FP_MOVE_ACTIVATE && c->n_moves ? c->move[0].to->name
							   : "";
}

static int begin(struct fp_campaign *c, struct fp_err *e)
{
	const char **locks = fp_campaign_locks(c);
	struct fp_buf plan = { .data = NULL };
	struct fp_job_head *h = &c->head;
	int r = locks ? fp_campaign_plan(c, &plan, e)
		      : fp_err(e, -ENOMEM, "out of memory");

	if (!r) {
		snprintf(h->tool, sizeof(h->tool), "fp-rehome");
		snprintf(h->verb, sizeof(h->verb), "%s", c->o.verb);
		snprintf(h->node, sizeof(h->node), "%s", node_of(c));
		snprintf(h->by, sizeof(h->by), "%s", c->o.by);
		snprintf(h->owner, sizeof(h->owner), "%s", c->o.journal.owner);
		h->plan = (char *)fp_buf_str(&plan);
		r = fp_journal_begin(&c->journal, &c->o.journal, h, locks,
				     c->n_moves, e);
		h->plan = NULL;
	}
	/* one who holds it: later; no lock to be had: refused */
	if (r && r != -EBUSY && r != -EINTR && e->rule[0])
		r = -EPERM;
	fp_buf_fini(&plan);
	free(locks);
	return r;
}

static int copy_moves(struct fp_campaign *c, const struct fp_tag_move *move,
		      size_t n, struct fp_err *e)
{
	c->move = calloc(n + 1, sizeof(*c->move));
	c->state = calloc(n + 1, sizeof(*c->state));
	if (!c->move || !c->state)
		return fp_err(e, -ENOMEM, "out of memory");
	memcpy(c->move, move, n * sizeof(*move));
	c->n_moves = n;
	return 0;
}

static int run(struct fp_campaign *c, struct fp_err *e)
{
	int r = fp_campaign_preflight(c, c->o.kind, e);
	struct fp_err why;

	if (!r && c->o.is_dry_run) {
		fp_campaign_planned(c);
		return fp_campaign_fence(c, e);
	}
	if (!r)
		r = begin(c, e);
	if (r)
		return r;
	/* with a command: it reads all nodes, before and after */
	r = fp_campaign_is_fenced(c) ? fp_campaign_fence(c, e)
				     : fp_edges_read(c->o.edges, e);
	if (!r)
		r = fp_campaign_since(c, e);
	if (!r)
		r = check_owners(c, e);
	if (r) {
		fp_journal_state(c->journal, "aborted", &why);
		return r;
	}
	drop_done(c);
	return fp_campaign_do(c, e);
}

int fp_campaign_run(const struct fp_campaign_opts *o, struct fp_edge *from,
		    struct fp_tag_move *move, size_t n_moves,
		    struct fp_campaign_sum *out, struct fp_err *e)
{
	struct fp_campaign c;
	int r = fp_campaign_init(&c, o, out);

	c.from = from;
	if (!r)
		r = copy_moves(&c, move, n_moves, e);
	if (!r)
		r = fp_campaign_paths(&c, e);
	if (!r)
		r = run(&c, e);
	fp_campaign_fini(&c);
	return r;
}
