/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/health_steer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one destination by itself */

/* What a lease means to this controller. */
enum hold {
	HOLD_NONE,   /* nobody's */
	HOLD_OTHERS, /* another controller's, and it lives */
	HOLD_MINE,
	HOLD_EXPIRED, /* another's, and it is overdue: anyone's */
};

/* What its set says of it. */
struct mark {
	bool is_reloaded; /* its table was, which undid its lease */
	bool is_twin;     /* its URI is in the set more than once */
	bool is_shadow;   /* ... and another one of them stands for the lease */
};

struct plan {
	const struct fp_steer_opts *o;
	const struct fp_steer_dest *v;
	struct fp_steer_step *step;
	struct mark *mark;
};

static enum hold hold_of(const struct plan *p, const struct fp_lease *l)
{
	if (!l)
		return HOLD_NONE;
	if (!strcmp(l->owner, p->o->owner))
		return HOLD_MINE;
	return l->until_s > p->o->now_s ? HOLD_OTHERS : HOLD_EXPIRED;
}

static void __attribute__((format(printf, 4, 5)))
decide(struct plan *p, size_t i, enum fp_steer_act act, const char *fmt, ...)
{
	va_list ap;

	p->step[i].act = act;
	va_start(ap, fmt);
	vsnprintf(p->step[i].why, sizeof(p->step[i].why), fmt, ap);
	va_end(ap);
}

static const char *why(const struct fp_steer_dest *d)
{
	return d->why ? d->why : "";
}

/* a - b, and 0 when a clock jumped below. */
static int64_t since(int64_t a, int64_t b)
{
	int64_t d;

	return a < b || __builtin_sub_overflow(a, b, &d) ? 0 : d;
}

/* Our lease ends later than a third of its time from now: let it be, so that a
 * plan that changes nothing writes nothing. */
static bool is_fresh(const struct plan *p, const struct fp_lease *l)
{
	return since(l->until_s, p->o->now_s) >
	       p->o->lease_s - p->o->lease_s / 3;
}

static bool is_confirmed(const struct plan *p, const struct fp_steer_dest *d)
{
	return d->lease->is_confirmed ||
	       (d->dest->state == FP_DEST_INACTIVE &&
		since(p->o->now_s, d->lease->since_s) > p->o->settle_s);
}

static void renew(struct plan *p, size_t i)
{
	const struct fp_steer_dest *d = &p->v[i];

	p->step[i].is_confirmed = is_confirmed(p, d);
	if (is_fresh(p, d->lease) &&
	    p->step[i].is_confirmed == d->lease->is_confirmed)
		decide(p, i, FP_STEER_NONE, "out: %s", why(d));
	else
		decide(p, i, FP_STEER_RENEW, "still out: %s", why(d));
}

/* Another's that expired: hold it, until it is known that the node is well. */
static void take_over(struct plan *p, size_t i)
{
	const struct fp_steer_dest *d = &p->v[i];

	p->step[i].is_confirmed = is_confirmed(p, d);
	if (d->want == FP_WANT_OUT)
		decide(p, i, FP_STEER_TAKE_OVER, "the lease of %s expired: %s",
		       d->lease->owner, why(d));
	else
		decide(p, i, FP_STEER_TAKE_OVER,
		       "the lease of %s expired, and whether %s is well is not "
		       "known",
		       d->lease->owner, d->node);
}

/* No lease: an operator's, OpenSIPS' own, or a candidate. */
static void plan_free(struct plan *p, size_t i)
{
	const struct fp_steer_dest *d = &p->v[i];

	if (d->want != FP_WANT_OUT)
		return;
	if (d->dest->state == FP_DEST_INACTIVE)
		decide(p, i, FP_STEER_NONE, "an operator disabled it");
	else if (d->dest->state == FP_DEST_PROBING)
		decide(p, i, FP_STEER_NONE, "OpenSIPS itself sees it down");
	else
		decide(p, i, FP_STEER_DISABLE, "%s", why(d));
}

/* We hold it and it is Inactive: so we disabled it. */
static void plan_out(struct plan *p, size_t i, enum hold h)
{
	const struct fp_steer_dest *d = &p->v[i];

	if (!d->node)
		decide(p, i, FP_STEER_ENABLE,
		       "it leads to no node of the cluster file any more");
	else if (d->want == FP_WANT_IN)
		decide(p, i, FP_STEER_ENABLE, "%s is well", d->node);
	else if (h == HOLD_MINE)
		renew(p, i);
	else
		take_over(p, i);
}

/* OpenSIPS holds it out by itself, which ends when it sees it alive. */
static void plan_probing(struct plan *p, size_t i, enum hold h)
{
	const struct fp_steer_dest *d = &p->v[i];

	if (!d->node || d->want == FP_WANT_IN)
		decide(p, i, FP_STEER_FORGET, "OpenSIPS itself decides of it");
	else if (h == HOLD_MINE)
		renew(p, i);
	else
		take_over(p, i);
}

/* What we set was not done, or undone: by a lost command, a late 200 to a probe
 * that was under way when it became Inactive (OpenSIPS 3.6.8 dispatch.c
 * ds_options_callback), a restart of the proxy or a reload of its table. */
static void plan_again(struct plan *p, size_t i, enum hold h)
{
	const struct fp_steer_dest *d = &p->v[i];

	if (d->want == FP_WANT_KEEP)
		decide(p, i, FP_STEER_FORGET,
		       "it is enabled, and whether %s is well is not known",
		       d->node);
	else if (d->proxy_start_s > d->lease->since_s &&
		 d->proxy_start_s < p->o->now_s)
		decide(p, i, FP_STEER_DISABLE, "%s started anew: %s", d->proxy,
		       why(d));
	else if (d->lease->is_confirmed && p->mark[i].is_reloaded)
		decide(p, i, FP_STEER_DISABLE, "set %s of %s was reloaded: %s",
		       d->dest->set, d->proxy, why(d));
	else
		decide(p, i, h == HOLD_MINE ? FP_STEER_AGAIN : FP_STEER_DISABLE,
		       "a late probe reply enabled it, or the command was "
		       "lost: %s",
		       why(d));
}

/* We hold it and it is Active. */
static void plan_undone(struct plan *p, size_t i, enum hold h)
{
	const struct fp_steer_dest *d = &p->v[i];

	if (!d->node || d->want == FP_WANT_IN)
		decide(p, i, FP_STEER_FORGET, "it is enabled");
	else if (!d->lease->is_confirmed)
		plan_again(p, i, h);
	else if (d->proxy_start_s >= p->o->now_s)
		decide(p, i, FP_STEER_NONE,
		       "%s has just started, or does not say when", d->proxy);
	else if (d->proxy_start_s > d->lease->since_s || p->mark[i].is_reloaded)
		plan_again(p, i, h);
	else
		decide(p, i, FP_STEER_LET_GO, "an operator enabled it");
}

/* Its URI is in the set more than once, and our command reaches one of them: what
 * is Inactive is held or given back, nothing else. */
static void plan_twin(struct plan *p, size_t i, enum hold h)
{
	const struct fp_steer_dest *d = &p->v[i];

	if (h != HOLD_NONE && !p->mark[i].is_shadow) {
		if (d->dest->state == FP_DEST_INACTIVE)
			plan_out(p, i, h);
		else
			decide(p, i, FP_STEER_FORGET, "it is enabled");
	} else if (d->want == FP_WANT_OUT && d->dest->state == FP_DEST_ACTIVE) {
		decide(p, i, FP_STEER_HELD,
		       "stays in, set %s of %s has it more than once and "
		       "ds_set_state reaches one of them: %s",
		       d->dest->set, d->proxy, why(d));
	}
}

static void plan_one(struct plan *p, size_t i)
{
	const struct fp_steer_dest *d = &p->v[i];
	enum hold h = hold_of(p, d->lease);

	p->step[i].index = i;
	if (p->mark[i].is_twin && h != HOLD_OTHERS && d->want != FP_WANT_NONE &&
	    !(d->lease && d->lease->is_let_go)) {
		plan_twin(p, i, h);
	} else if (h == HOLD_NONE) {
		plan_free(p, i);
	} else if (h == HOLD_OTHERS) {
		decide(p, i, FP_STEER_NONE, "%s steers it", d->lease->owner);
	} else if (d->want == FP_WANT_NONE) {
		decide(p, i, FP_STEER_NONE, "nothing is known of it");
	} else if (d->lease->is_let_go) {
		if (!d->node || d->want == FP_WANT_IN)
			decide(p, i, FP_STEER_FORGET, "it is an operator's");
		else
			decide(p, i, FP_STEER_NONE, "an operator enabled it");
	} else if (d->dest->state == FP_DEST_INACTIVE) {
		plan_out(p, i, h);
	} else if (d->dest->state == FP_DEST_PROBING) {
		plan_probing(p, i, h);
	} else {
		plan_undone(p, i, h);
	}
}

/* ---- what a set can bear */

struct set {
	const size_t *order; /* its destinations */
	size_t n, n_usable, n_down;
};

/* It takes calls now, is not wanted out, and nobody is about to take it out. */
static bool is_usable(const struct fp_steer_dest *d, enum fp_steer_act a)
{
	/* a weight of 0 keeps nothing away from a dispatcher's destination */
	return d->dest->state == FP_DEST_ACTIVE && d->want != FP_WANT_OUT &&
	       (!*d->dest->resource || *d->dest->capacities) &&
	       (!d->lease || d->lease->is_let_go || a == FP_STEER_FORGET ||
		a == FP_STEER_LET_GO);
}

/* Held out by steering, ours or another's, as far as it can be seen: what this
 * plan enables is out until it is seen enabled, since enabling may fail. */
static bool is_down(const struct fp_steer_dest *d, enum fp_steer_act a)
{
	if (!d->lease || d->lease->is_let_go)
		return false;
	if (d->dest->state == FP_DEST_INACTIVE)
		return true;
	return d->dest->state == FP_DEST_ACTIVE &&
	       (a == FP_STEER_AGAIN || a == FP_STEER_NONE);
}

/* A guard says no.  What has a lease and is enabled loses it: when the guard
 * lets go later, nobody shall take it for an operator's. */
static void refuse(struct plan *p, size_t i, const char *guard)
{
	enum fp_steer_act act = p->v[i].lease ? FP_STEER_FORGET : FP_STEER_HELD;

	decide(p, i, act, "stays in, %s: %s", guard, why(&p->v[i]));
}

/* Another that can take calls has capacity for it; name: "calls,..." */
static bool has_other(const struct plan *p, const struct set *s,
		      const char *name)
{
	char word[sizeof(p->v->dest->capacities) + 2];

	snprintf(word, sizeof(word), ",%.*s,", (int)strcspn(name, ","), name);
	for (size_t k = 0; k < s->n; k++) {
		size_t i = s->order[k];

		if (is_usable(&p->v[i], p->step[i].act) &&
		    strstr(p->v[i].dest->capacities, word))
			return true;
	}
	return false;
}

/* A resource that no other has capacity for, or NULL. */
static const char *last_of(const struct plan *p, const struct set *s,
			   const struct fp_view_dest *d)
{
	for (const char *c = d->capacities; *c && c[1];
	     c += 1 + strcspn(c + 1, ","))
		if (!has_other(p, s, c + 1))
			return c + 1;
	return NULL;
}

static void guard(struct plan *p, struct set *s, size_t i)
{
	const struct fp_steer_dest *d = &p->v[i];
	bool is_counted = is_down(d, p->step[i].act);
	size_t n_down = s->n_down + !is_counted;
	const char *last = s->n_usable ? last_of(p, s, d->dest) : NULL;
	char text[160];

	if (last) {
		snprintf(text, sizeof(text),
			 "group %s of %s has no other with capacity for %.*s",
			 d->dest->set, d->proxy, (int)strcspn(last, ","), last);
		refuse(p, i, text);
	} else if (!s->n_usable) {
		snprintf(text, sizeof(text),
			 "set %s of %s has no other that can take calls",
			 d->dest->set, d->proxy);
		refuse(p, i, text);
	} else if (!((double)n_down * 100 <=
		     p->o->max_down_percent * (double)s->n)) {
		snprintf(text, sizeof(text),
			 "%zu of %zu in set %s of %s are out (at most %g%%)",
			 n_down - 1, s->n, d->dest->set, d->proxy,
			 p->o->max_down_percent);
		refuse(p, i, text);
	} else {
		s->n_down = n_down;
		return;
	}
	s->n_down -= is_counted;
}

static int set_cmp(const struct fp_steer_dest *a, const struct fp_steer_dest *b)
{
	int c = strcmp(a->proxy, b->proxy);

	if (!c)
		c = (a->dest->kind > b->dest->kind) -
		    (a->dest->kind < b->dest->kind);
	return c ? c : strcmp(a->dest->set, b->dest->set);
}

/* By set, then by URI: who stays in does not depend on the order in which
 * destinations came. */
static int dest_cmp(const void *a, const void *b, void *ctx)
{
	const struct plan *p = ctx;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	int c = set_cmp(&p->v[i], &p->v[j]);

	if (!c)
		c = strcmp(p->v[i].dest->uri, p->v[j].dest->uri);
	return c ? c : (i > j) - (i < j);
}

/* One of equal URIs stands for their lease: an Inactive one, else the first. */
static void mark_twins(struct plan *p, const size_t *order, size_t n)
{
	size_t leader = order[0];

	if (n < 2 || p->v[leader].dest->kind != FP_DEST_DISPATCHER)
		return;
	for (size_t k = n; k-- > 0;)
		if (p->v[order[k]].dest->state == FP_DEST_INACTIVE)
			leader = order[k];
	for (size_t k = 0; k < n; k++) {
		p->mark[order[k]].is_twin = true;
		p->mark[order[k]].is_shadow = order[k] != leader;
	}
}

/* Before its destinations are planned: was its table reloaded? */
static void mark_set(struct plan *p, const size_t *order, size_t n)
{
	size_t n_held = 0, n_undone = 0;

	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n; j++)
			if (strcmp(p->v[order[i]].dest->uri,
				   p->v[order[j]].dest->uri) != 0)
				break;
		mark_twins(p, order + i, j - i);
	}
	for (size_t k = 0; k < n; k++) {
		const struct fp_steer_dest *d = &p->v[order[k]];
		enum hold h = hold_of(p, d->lease);

		if ((h != HOLD_MINE && h != HOLD_EXPIRED) ||
		    d->lease->is_let_go || p->mark[order[k]].is_shadow)
			continue;
		n_held++;
		n_undone += d->dest->state == FP_DEST_ACTIVE;
	}
	for (size_t k = 0; k < n; k++)
		p->mark[order[k]].is_reloaded =
			n_held > 1 && n_undone == n_held;
}

/* What was disabled before goes first: then a new one cannot take its place. */
static void guard_set(struct plan *p, const size_t *order, size_t n)
{
	struct set s = { .order = order, .n = n };

	for (size_t k = 0; k < n; k++) {
		const struct fp_steer_dest *d = &p->v[order[k]];

		s.n_usable += is_usable(d, p->step[order[k]].act);
		s.n_down += is_down(d, p->step[order[k]].act);
	}
	for (size_t k = 0; k < n; k++)
		if (p->step[order[k]].act == FP_STEER_AGAIN)
			guard(p, &s, order[k]);
	for (size_t k = 0; k < n; k++)
		if (p->step[order[k]].act == FP_STEER_DISABLE)
			guard(p, &s, order[k]);
}

/* A set. */
static void plan_set(struct plan *p, const size_t *order, size_t n)
{
	mark_set(p, order, n);
	for (size_t k = 0; k < n; k++)
		plan_one(p, order[k]);
	guard_set(p, order, n);
}

int fp_steer_plan(const struct fp_steer_opts *o, const struct fp_steer_dest *v,
		  size_t n, struct fp_steer_step **out, struct fp_err *e)
{
	struct plan p = { .o = o, .v = v };
	size_t *order = calloc(n ? n : 1, sizeof(*order));

	p.step = calloc(n ? n : 1, sizeof(*p.step));
	p.mark = calloc(n ? n : 1, sizeof(*p.mark));
	if (!order || !p.step || !p.mark) {
		free(order);
		free(p.step);
		free(p.mark);
		return fp_err_sys(e, -ENOMEM, "plan of %zu destinations", n);
	}
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), dest_cmp, &p);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n; j++)
			if (set_cmp(&v[order[i]], &v[order[j]]))
				break;
		plan_set(&p, order + i, j - i);
	}
	free(order);
	free(p.mark);
	*out = p.step;
	return 0;
}
