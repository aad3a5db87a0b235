/* SPDX-License-Identifier: Apache-2.0 */
/* Before a node is shut down: has every leg a row that it can be had by? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/fschannels.h"
#include "io/clock.h"
#include "recover/takeover_priv.h"

#define LOOK_MS 200
/* A row is written 1.1 to 1.3 s after its leg was answered, and what changes in it is
 * queued as long: facts of FreeSWITCH 1.10.12. */
#define STABLE_MS 1500
#define LISTED 20     /* lines of what would be lost */
#define LIST_MAX 4000 /* sessions; above, their number has to do */

struct settling {
	struct fp_rescue *r;
	const struct fp_takeover *o;
	const char *run;
	int64_t settle_end_ms, wait_end_ms;
	int64_t even_ms; /* since when each session has its row; 0: not */
	int64_t sessions;
	int64_t bare;  /* of them, without a row */
	size_t n_lost; /* calls with rows, that cannot be had */
};

/* ---- what there is */

static bool is_stable(const struct settling *s)
{
	return s->even_ms && fp_clock_ms() - s->even_ms >= STABLE_MS;
}

/* Legs of its run that have a row; uuids NULL: of any. */
static int count_rows(struct settling *s, const char *const *uuids, size_t n,
		      int64_t *out, struct fp_err *e)
{
	const struct fp_store_pick p = {
		.hostname = s->r->o->from->switchname,
		.runs = &s->run,
		.n_runs = 1,
		.uuids = uuids,
		.n_uuids = n,
	};

	return fp_store_held(s->r->store, &p, out, e);
}

struct named {
	char **v;
	size_t n;
};

static int add_name(void *ctx, const struct fp_fschannel *c)
{
	struct named *l = ctx;
	char **v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n] = strdup(c->uuid);
	return v[l->n++] ? 0 : -ENOMEM;
}

/* As many rows as sessions say little: one may be of a leg that has ended. */
static int compare(struct settling *s, struct fp_err *e)
{
	struct named l = { .n = 0 };
	char *body = NULL;
	int64_t held = 0;
	int r = fp_switch_ask(s->r->o->from, "show channels as json", &body, e);

	if (!r) {
		r = fp_fschannels_read(body, add_name, &l, e);
		if (r == -ENOMEM)
			fp_err(e, r, "out of memory");
	}
	if (!r && l.n)
		r = count_rows(s, (const char *const *)l.v, l.n, &held, e);
	if (!r && held < s->sessions)
		s->bare = s->sessions - held;
	for (size_t i = 0; i < l.n; i++)
		free(l.v[i]);
	free(l.v);
	free(body);
	return r;
}

static int look(struct settling *s, struct fp_err *e)
{
	struct fp_switch *x = s->r->o->from;
	int64_t rows = 0;
	int r = fp_switch_read(x, FP_SWITCH_STATE, e);

	if (r)
		return r;
	if (x->code) {
		*e = x->err;
		return fp_err_prefix(e, x->code, "%s", x->name);
	}
	if (strcmp(x->view.run, s->run) != 0)
		return fp_err(e, -ESTALE,
			      "%s was started again: fp-recover failover saves "
			      "what it had",
			      x->name);
	s->sessions = x->view.sessions;
	r = count_rows(s, NULL, 0, &rows, e);
	if (r)
		return r;
	s->bare = s->sessions > rows ? s->sessions - rows : 0;
	/* at first, and at last */
	if (!s->bare && s->sessions && s->sessions <= LIST_MAX &&
	    (!s->even_ms || is_stable(s)))
		r = compare(s, e);
	if (s->bare)
		s->even_ms = 0;
	else if (!s->even_ms)
		s->even_ms = fp_clock_ms();
	return r;
}

/* Calls that have rows and would not come up. */
static int count_lost(struct settling *s, struct fp_err *e)
{
	int r = fp_rescue_reread(s->r, e);

	s->n_lost = 0;
	if (r == -ENODATA)
		return 0;
	for (size_t i = 0; !r && i < s->r->calls.n_calls; i++)
		s->n_lost += fp_call_is_left(&s->r->calls.call[i]);
	return r;
}

/* ---- what would be lost */

struct listing {
	struct settling *s;
	size_t n;
};

static bool has_row(const struct fp_rescue *r, const char *uuid)
{
	for (size_t i = 0; i < r->n_legs; i++)
		if (!strcmp(r->leg[i].uuid, uuid))
			return true;
	return false;
}

static int each_channel(void *ctx, const struct fp_fschannel *c)
{
	struct listing *l = ctx;

	if (has_row(l->s->r, c->uuid))
		return 0;
	if (l->n++ < LISTED)
		fp_takeover_say(l->s->r, "%s has no recovery row: %s, %s",
				c->uuid, c->name,
				strcmp(c->callstate, "ACTIVE")
					? c->callstate
					: "answered and not tracked");
	return 0;
}

static void list_sessions(struct settling *s)
{
	struct listing l = { .s = s };
	struct fp_err e = { .text = "" };
	char *body = NULL;

	if (!s->bare || s->sessions > LIST_MAX)
		return;
	if (!fp_rescue_reread(s->r, &e) || *e.text)
		e.text[0] = 0;
	if (!fp_switch_ask(s->r->o->from, "show channels as json", &body, &e) &&
	    !fp_fschannels_read(body, each_channel, &l, &e) && l.n > LISTED)
		fp_takeover_say(s->r, "... and %zu more", l.n - LISTED);
	free(body);
}

static void list_calls(struct settling *s)
{
	const struct fp_calls *c = &s->r->calls;

	for (size_t i = 0; i < c->n_calls && s->r->o->call; i++)
		if (fp_call_is_left(&c->call[i]))
			s->r->o->call(s->r->o->ctx, c, i, NULL, NULL);
}

static int refuse(struct settling *s, struct fp_err *e)
{
	const char *name = s->r->o->from->name;
	char what[120];

	list_sessions(s);
	if (s->n_lost)
		list_calls(s);
	snprintf(what, sizeof(what),
		 "%zu calls that cannot be had elsewhere, %lld legs without a "
		 "row (not answered, or not tracked)",
		 s->n_lost, (long long)s->bare);
	if (fp_takeover_is_lifted(s->r, "lost")) {
		fp_takeover_say(s->r, "%s: going on without %s", name, what);
		return 0;
	}
	return fp_refuse(e, "lost",
			 "%s: %s would be lost; --wait DUR waits for their end",
			 name, what);
}

/* ---- until */

static void progress(const struct settling *s)
{
	const struct fp_recovering_opts *o = &s->r->o->recovering;

	if (o->progress)
		o->progress(o->ctx, "waiting", (size_t)(s->sessions - s->bare),
			    (size_t)s->sessions);
}

/* 1: it is settled.  0: not yet.  Or what refuses. */
static int step(struct settling *s, struct fp_err *e)
{
	int64_t now_ms;
	int r = look(s, e);

	if (r)
		return r;
	progress(s);
	now_ms = fp_clock_ms();
	if (s->even_ms && !is_stable(s))
		return 0;
	if (!s->even_ms) {
		if (now_ms < s->settle_end_ms)
			return 0;
		r = refuse(s, e);
		return r ? r : 1;
	}
	r = count_lost(s, e);
	if (r || !s->n_lost)
		return r ? r : 1;
	if (now_ms < s->wait_end_ms) {
		s->even_ms = now_ms; /* not read anew ten times a second */
		return 0;
	}
	r = refuse(s, e);
	return r ? r : 1;
}

int fp_takeover_settle(const struct fp_takeover *o, struct fp_rescue *r,
		       const char *run, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms(),
		wait_ms = o->wait_ms > 0 ? o->wait_ms : 0,
		settle_ms = fp_takeover_settle_ms(o);
	struct settling s = {
		.r = r,
		.o = o,
		.run = run,
		.wait_end_ms = now_ms + wait_ms,
		.settle_end_ms =
			now_ms + (settle_ms > wait_ms ? settle_ms : wait_ms),
	};
	int code;

	while (!(code = step(&s, e))) {
		code = fp_takeover_pause(r, LOOK_MS, e);
		if (code)
			break;
	}
	if (r->o->recovering.progress)
		r->o->recovering.progress(r->o->recovering.ctx, NULL, 0, 0);
	return code == 1 ? 0 : code;
}
