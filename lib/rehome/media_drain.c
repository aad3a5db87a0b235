/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/media_drain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/media_priv.h"
#include "rehome/preflight_priv.h"

#define PROOF_MS 1000
#define PROOFS 6 /* packets that were on their way still come */

void media_say(const struct media_drain *d, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!d->o->c.say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->o->c.say(d->o->c.ctx, text);
}

int media_refused(const struct media_drain *d, int code, struct fp_err *e)
{
	if (code != -EPERM || !d->o->c.is_lifted ||
	    !d->o->c.is_lifted(d->o->c.ctx, e->rule))
		return code;
	media_say(d, "%s; rule %s is lifted: it goes on", e->text, e->rule);
	e->rule[0] = 0;
	return 0;
}

/* ---- OpenSIPS' use of it */

static bool is_used(const struct fp_media_use *u)
{
	return u->dest.state != FP_DEST_INACTIVE || !u->dest.is_forever;
}

static int read_uses(struct media_drain *d, struct fp_err *e)
{
	size_t n_silent;

	free(d->use);
	d->use = NULL;
	d->n_uses = 0;
	return fp_media_uses(d->o->media, d->o->c.edges, d->o->old, d->o->to,
			     &d->use, &d->n_uses, &n_silent, e);
}

static int judge_uses(struct media_drain *d, struct fp_err *e)
{
	const char *old = d->o->old->name;
	int r = 0;

	for (size_t i = 0; i < d->n_uses && !r; i++) {
		const struct fp_media_use *u = &d->use[i];

		if (!u->n_others && (is_used(u) || d->n))
			r = fp_refuse(e, "last",
				      "%s: %s is the last enabled engine of "
				      "set %s",
				      u->x->name, old, u->dest.set);
		else if (d->o->to && !u->has_to)
			r = fp_err(e, -EINVAL,
				   "%s has not enabled %s in set %s, beside %s",
				   u->x->name, d->o->to->name, u->dest.set,
				   old);
		else if (d->o->to && u->n_others > 1)
			media_say(d,
				  "%s: %zu engines are enabled in set %s: it "
				  "chooses among them, not %s alone",
				  u->x->name, u->n_others, u->dest.set,
				  d->o->to->name);
		r = media_refused(d, r, e);
	}
	for (size_t i = 0; i < d->o->c.edges->n && !r; i++)
		if (!d->o->c.edges->v[i].view)
			media_say(d, "%s does not answer: it may use %s still",
				  d->o->c.edges->v[i].name, old);
	if (!r && !d->n_uses)
		media_say(d, "no OpenSIPS that answers uses %s", old);
	return r;
}

static size_t count_used(const struct media_drain *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_uses; i++)
		n += is_used(&d->use[i]);
	return n;
}

/* ---- no new calls there */

static int disable(struct media_drain *d, struct fp_err *e)
{
	char item[400];
	int r = 0;

	for (size_t i = 0; i < d->n_uses && !r; i++) {
		const struct fp_media_use *u = &d->use[i];

		if (!is_used(u))
			continue;
		snprintf(item, sizeof(item), "engine:%s:%s:%s", u->x->name,
			 u->dest.set, u->dest.uri);
		r = fp_media_disable(d->o->media, u, e);
		if (!r)
			r = fp_journal_add(d->journal, item, "disabled", NULL,
					   e);
		if (r)
			return r;
		d->out->n_disabled++;
		d->out->s.is_changed = true;
		media_say(d,
			  "%s uses %s no more; rtpengine_enable url=%s "
			  "enable=1 setid=%s undoes that",
			  u->x->name, d->o->old->name, u->dest.uri,
			  u->dest.set);
	}
	r = d->out->n_disabled ? read_uses(d, e) : 0;
	for (size_t i = 0; i < d->n_uses && !r; i++)
		if (is_used(&d->use[i]))
			r = fp_err(e, -EAGAIN,
				   "%s says OK, and has %s enabled still",
				   d->use[i].x->name, d->use[i].dest.uri);
	return r;
}

/* ---- calls */

/* Once a second: is it still the owner of what it is asked to move? */
static int check(void *ctx, struct fp_err *e)
{
	const struct media_drain *d = ctx;

	for (size_t i = 0; i < d->n_moves; i++) {
		const struct fp_tag_move *m = &d->move[i];
		int is = m->to == d->running && *m->tag
				 ? fp_edge_tag(m->to, m->tag)
				 : 1;

		if (is == 0 || is == -ENOENT)
			return fp_err(e, -EBUSY,
				      "tag %s is not active on %s any more",
				      m->tag, m->to->name);
	}
	return 0;
}

static void progress(void *ctx, size_t done, size_t total, double rate,
		     int64_t left_s)
{
	const struct media_drain *d = ctx;

	if (d->o->c.progress)
		d->o->c.progress(d->o->c.ctx, "moving", done, total, rate,
				 left_s);
}

static void say(void *ctx, const char *text)
{
	media_say(ctx, "%s", text);
}

static void add_sum(struct fp_moving_sum *to, const struct fp_moving_sum *s)
{
	to->n_lost += s->n_lost;
	to->took_ms += s->took_ms;
	if (s->shm_min_free &&
	    (!to->shm_min_free || s->shm_min_free < to->shm_min_free))
		to->shm_min_free = s->shm_min_free;
	to->rate_limit = s->rate_limit;
}

/* v[first .. first + n), which are of one owner. */
static int move_some(struct media_drain *d, size_t first, size_t n,
		     struct fp_err *e)
{
	struct fp_moving_call *calls = calloc(n + 1, sizeof(*calls));
	struct fp_moving_opts o = d->o->c.moving;
	struct fp_moving_sum sum = { .took_ms = 0 };
	int r;

	if (!calls)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		calls[i] = d->v[first + i].call;
	o.is_memory_told = d->running == d->v[first].owner;
	d->running = d->v[first].owner;
	o.edges = d->o->c.edges;
	o.to = d->running;
	o.journal = d->journal;
	o.check = check;
	o.verdict = NULL;
	o.progress = progress;
	o.say = say;
	o.ctx = d;
	r = fp_moving_run(&o, calls, n, &sum, e);
	add_sum(&d->out->s.calls, &sum);
	for (size_t i = 0; i < n; i++) {
		d->v[first + i].call = calls[i];
		d->out->s.is_changed |= calls[i].verdict == FP_MOVE_MOVED;
	}
	free(calls);
	return r;
}

/* The first call that moves tells whether local_route offers: without that, media
 * goes past every engine, and OpenSIPS says 200.  Source: facts/freeswitch-2.md 3. */
static int canary(struct media_drain *d, size_t *done, struct fp_err *e)
{
	size_t n = 0;
	int r = 0;

	while (n < d->n && !r) {
		r = move_some(d, n, 1, e);
		if (d->v[n++].call.verdict == FP_MOVE_MOVED)
			break;
	}
	*done = n;
	if (r || !n || d->v[n - 1].call.verdict != FP_MOVE_MOVED)
		return r;
	for (int i = 0; i < 3; i++) {
		r = media_where(d, n - 1, 1, e);
		if (r || media_is_elsewhere(d, n - 1))
			return r;
		r = fp_edges_pause(d->o->c.edges, PROOF_MS / 2, e);
		if (r)
			return r;
	}
	r = fp_refuse(e, "local-route",
		      "%s was re-INVITEd and no other engine had an offer of "
		      "it: local_route of %s lacks rtpengine_offer(), or its "
		      "engine is not in the cluster file",
		      d->v[n - 1].call.callid, d->v[n - 1].owner->name);
	return media_refused(d, r, e);
}

static int move_all(struct media_drain *d, struct fp_err *e)
{
	size_t first = 0, n;
	int r = canary(d, &first, e);

	if (!r && d->n)
		r = media_plan_all(d, e);
	for (; first < d->n && !r; first += n) {
		for (n = 1; first + n < d->n &&
			    d->v[first + n].owner == d->v[first].owner;
		     n++)
			;
		r = move_some(d, first, n, e);
	}
	return r;
}

/* ---- proof */

static bool is_moved(const struct media_drain *d, size_t i)
{
	return d->v[i].call.verdict == FP_MOVE_MOVED;
}

static size_t index_of(const struct media_drain *d)
{
	return (size_t)(d->o->old - d->o->media->v);
}

/* Which of the moved are elsewhere, and send the old engine nothing since before. */
static size_t count_proven(struct media_drain *d, const int64_t *before)
{
	size_t n_open = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct fp_media_seen *old =
			&d->seen[(size_t)(d->where[i].seen - d->seen) +
				 index_of(d)];

		if (!is_moved(d, i))
			continue;
		d->v[i].call.is_verified =
			media_is_elsewhere(d, i) &&
			(old->packets < 0 || old->packets == before[i]);
		n_open += !d->v[i].call.is_verified;
	}
	return n_open;
}

static int prove(struct media_drain *d, struct fp_err *e)
{
	int64_t *before = calloc(d->n + 1, sizeof(*before));
	size_t n_open = 1;
	int r = before ? media_where(d, 0, d->n, e)
		       : fp_err(e, -ENOMEM, "out of memory");

	for (int round = 0; round < PROOFS && n_open && !r; round++) {
		for (size_t i = 0; i < d->n; i++)
			before[i] = d->where[i].seen[index_of(d)].packets;
		r = fp_edges_pause(d->o->c.edges, PROOF_MS, e);
		if (!r)
			r = media_where(d, 0, d->n, e);
		if (!r)
			n_open = count_proven(d, before);
	}
	free(before);
	return r;
}

/* ---- the end */

static void tell(struct media_drain *d)
{
	struct fp_media_drain_sum *s = d->out;

	for (size_t i = 0; i < d->n; i++) {
		const struct fp_moving_call *c = &d->v[i].call;

		if (!d->o->c.is_dry_run)
			s->s.calls.count[c->verdict]++;
		s->s.calls.n_verified += c->is_verified;
		if (c->verdict != FP_MOVE_GONE && !c->is_verified)
			s->n_left++;
		if (d->o->c.call)
			d->o->c.call(d->o->c.ctx, c, d->v[i].owner);
	}
	s->n_left += s->s.n_early + s->s.n_left + s->n_orphans;
}

static int work(struct media_drain *d, struct fp_err *e)
{
	struct fp_err ignored;
	const char *state = "stopped";
	int r = media_begin(d, e);

	if (!r)
		r = disable(d, e);
	if (!r)
		r = move_all(d, e);
	if (!r && d->n)
		r = prove(d, e);
	/* to go on with it would do harm: begun anew it is judged anew */
	if (r == -EPERM)
		state = "aborted";
	if (d->journal && r)
		fp_journal_state(d->journal, state, &ignored);
	else if (d->journal)
		r = fp_journal_state(d->journal, "done", e);
	fp_journal_close(d->journal);
	return r;
}

static int conditions(const struct media_drain *d, struct fp_err *e)
{
	const struct fp_campaign_opts *o = &d->o->c;
	struct fp_select q = { .media = d->o->old->media[0] };
	const struct fp_preflight p = {
		.kind = FP_MOVE_MEDIA,
		.edges = o->edges,
		.move = d->move,
		.n_moves = d->n_moves,
		.body = FP_BODY_INBOUND,
		.select = d->o->old->n_media == 1 ? &q : NULL,
		.cfg = o->cfg,
		.is_lifted = o->is_lifted,
		.each = o->condition,
		.ctx = o->ctx,
	};

	return fp_preflight(&p, NULL, e);
}

int fp_media_drain(const struct fp_media_drain_opts *o,
		   struct fp_media_drain_sum *out, struct fp_err *e)
{
	struct media_drain d = { .o = o, .out = out };
	int r;

	*out = (struct fp_media_drain_sum){ .n_left = 0 };
	r = fp_edges_read(o->c.edges, e);
	if (!r)
		r = read_uses(&d, e);
	if (!r)
		r = media_find(&d, e);
	if (!r)
		r = judge_uses(&d, e);
	if (!r && d.n)
		r = conditions(&d, e);
	if (!r && o->c.is_dry_run)
		out->s.is_changed = d.n || count_used(&d);
	else if (!r && (d.n || count_used(&d)))
		r = work(&d, e);
	tell(&d);
	media_forget(&d);
	return r;
}
