/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/steer_priv.h"
#include "io/clock.h"

#define LOOK_MIN_MS 1000
/* After a change, while late replies to probes may undo it: is it as we made it?
 * At first sooner than OpenSIPS asks again (ds_ping_interval), as far as that
 * goes; replies that are later than OFTEN_MS are rare. */
#define LOOK_MS 400
#define OFTEN_MS 6000
#define LOOK_LATE_MS 1000

static void next(struct fp_steer *s);

int64_t fp_steer_look_ms(const struct fp_steer *s)
{
	int64_t all_ms = LOOK_MIN_MS + s->o.settle_s * 1000;
	int64_t left_ms = s->look_until_ms - fp_clock_ms();

	return all_ms - left_ms < OFTEN_MS ? LOOK_MS : LOOK_LATE_MS;
}

/* ---- what is said once */

bool fp_steer_is_news(struct fp_steer *s, const char *key, const char *text)
{
	struct steer_heard *h;

	for (size_t i = 0; i < s->n_heard; i++) {
		h = &s->heard[i];
		if (strcmp(h->key, key) || strcmp(h->text, text))
			continue;
		h->is_new = true;
		return false;
	}
	h = realloc(s->heard, (s->n_heard + 1) * sizeof(*h));
	if (!h)
		return true;
	s->heard = h;
	h += s->n_heard;
	*h = (struct steer_heard){ strdup(key), strdup(text), true };
	if (h->key && h->text) {
		s->n_heard++;
	} else {
		free(h->key);
		free(h->text);
	}
	return true;
}

void fp_steer_heard_sweep(struct fp_steer *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_heard; i++) {
		if (s->heard[i].is_new) {
			s->heard[i].is_new = false;
			s->heard[n++] = s->heard[i];
			continue;
		}
		free(s->heard[i].key);
		free(s->heard[i].text);
	}
	s->n_heard = n;
}

static const char *uri_of(const struct steer_dest *x)
{
	return x->dest ? x->dest->uri : x->lease.uri;
}

static const char *set_of(const struct steer_dest *x)
{
	return x->dest ? x->dest->set : x->lease.set;
}

static enum fp_dest_kind kind_of(const struct steer_dest *x)
{
	return x->dest ? x->dest->kind : x->lease.kind;
}

static void say(struct fp_steer *s, const struct steer_dest *x, bool is_changed,
		int code, const struct fp_err *e)
{
	const struct fp_steer_said said = {
		.proxy = x->proxy->host->name,
		.kind = fp_dest_kind_name(kind_of(x)),
		.set = set_of(x),
		.uri = uri_of(x),
		.node = x->node ? x->node->name : NULL,
		.act = x->step.act,
		.why = x->step.why,
		.is_changed = is_changed,
		.code = code,
		.error = e ? e->text : "",
	};

	s->o.said(s->o.ctx, &said);
}

/* ---- one step */

static bool is_setting(enum fp_steer_act a)
{
	return a == FP_STEER_DISABLE || a == FP_STEER_AGAIN ||
	       a == FP_STEER_ENABLE;
}

static bool is_mine(const struct fp_steer *s, const struct steer_dest *x)
{
	return !strcmp(x->lease.owner, s->o.owner);
}

/* A new lease: it holds since now, whatever was before.  Also for what is disabled
 * again: between a late reply and that OpenSIPS may have asked once more, and that
 * reply is late as well. */
static int take_new(struct fp_steer *s, struct steer_dest *x, struct fp_err *e)
{
	struct fp_lease *l = &x->lease;
	int r = x->has_lease ? fp_steer_store_end(s->store, l, e) : 0;

	if (r)
		return r;
	*l = (struct fp_lease){ .kind = kind_of(x), .id = x->dest->id };
	snprintf(l->proxy, sizeof(l->proxy), "%s", x->proxy->host->name);
	snprintf(l->set, sizeof(l->set), "%s", x->dest->set);
	snprintf(l->uri, sizeof(l->uri), "%s", x->dest->uri);
	snprintf(l->owner, sizeof(l->owner), "%s", s->o.owner);
	snprintf(l->why, sizeof(l->why), "%s", x->why);
	return fp_steer_store_take(s->store, l, s->o.lease_s, e);
}

static int renew(struct fp_steer *s, struct steer_dest *x, struct fp_err *e)
{
	x->lease.is_confirmed = x->step.is_confirmed;
	x->lease.until_s = s->now_s + s->o.lease_s;
	return fp_steer_store_renew(s->store, &x->lease, s->o.lease_s, e);
}

/* One that was another controller's. */
static int take_over(struct fp_steer *s, struct steer_dest *x, struct fp_err *e)
{
	snprintf(x->lease.owner, sizeof(x->lease.owner), "%s", s->o.owner);
	x->lease.is_confirmed = x->step.is_confirmed;
	return fp_steer_store_take(s->store, &x->lease, s->o.lease_s, e);
}

/* What comes before MI is told: whose is it, and are we still the one? */
static int before(struct fp_steer *s, struct steer_dest *x, struct fp_err *e)
{
	switch (x->step.act) {
	case FP_STEER_DISABLE:
	case FP_STEER_AGAIN:
		return take_new(s, x, e);
	case FP_STEER_TAKE_OVER:
		return take_over(s, x, e);
	case FP_STEER_ENABLE:
		return is_mine(s, x) ? renew(s, x, e) : take_over(s, x, e);
	case FP_STEER_RENEW:
		return renew(s, x, e);
	case FP_STEER_LET_GO:
		x->lease.is_let_go = true;
		return fp_steer_store_let_go(s->store, &x->lease, e);
	case FP_STEER_FORGET:
		return fp_steer_store_end(s->store, &x->lease, e);
	default:
		return 0;
	}
}

/* What we know of it by ourselves, when fp_db took it. */
static void remember(struct fp_steer *s, const struct steer_dest *x)
{
	if (x->step.act == FP_STEER_FORGET)
		fp_steer_held_drop(s, &x->lease);
	else if (is_mine(s, x))
		fp_steer_held_add(s, &x->lease);
}

static int end(struct fp_steer *s, struct steer_dest *x, struct fp_err *e)
{
	int r = fp_steer_store_end(s->store, &x->lease, e);

	if (!r)
		fp_steer_held_drop(s, &x->lease);
	return r;
}

static void finish(struct fp_steer *s, struct steer_dest *x, int code,
		   const struct fp_err *e)
{
	bool is_set = is_setting(x->step.act);

	if (code)
		s->counts.n_failed++;
	else if (x->step.act != FP_STEER_RENEW && is_set)
		s->counts.n_changed++;
	if (is_set)
		s->look_until_ms =
			fp_clock_ms() + LOOK_MIN_MS + s->o.settle_s * 1000;
	if (code || x->step.act != FP_STEER_RENEW)
		say(s, x, !code && is_set, code, e);
	s->at++;
}

static void set(void *ctx, int code, const struct fp_err *e)
{
	struct fp_steer *s = ctx;
	struct steer_dest *x = &s->v[s->at];
	struct fp_err why = { .text = "" };

	if (code)
		why = *e;
	if (code && code != -EREMOTEIO) {
		/* silent: do not wait for it once more in this round */
		x->proxy->code = code;
		fp_steer_doubt_add(s, x);
	} else if (code && x->step.act == FP_STEER_DISABLE) {
		/* it was not done, so that there is nothing to hold */
		end(s, x, NULL);
	} else if (!code && x->step.act == FP_STEER_ENABLE) {
		code = end(s, x, &why);
	}
	finish(s, x, code, &why);
	next(s);
}

/* true: it is under way, set is called. */
static bool act(struct fp_steer *s, struct steer_dest *x)
{
	struct fp_err e = { .text = "" };
	int r;

	if (x->proxy->code && is_setting(x->step.act)) {
		s->at++;
		return false;
	}
	r = before(s, x, &e);
	if (!r)
		remember(s, x);
	if (!r && is_setting(x->step.act)) {
		r = fp_opensips_set(x->proxy->mi, x->dest,
				    x->step.act == FP_STEER_ENABLE,
				    s->o.timeout_ms, set, s, &e);
		if (!r)
			return true;
	}
	finish(s, x, r, &e);
	return false;
}

/* ---- all of them */

/* Enabling goes before disabling: a set is never smaller than it has to be. */
static int rank(const struct steer_dest *x)
{
	switch (x->step.act) {
	case FP_STEER_ENABLE:
	case FP_STEER_FORGET:
	case FP_STEER_LET_GO:
		return 0;
	case FP_STEER_RENEW:
	case FP_STEER_TAKE_OVER:
		return 1;
	default:
		return 2;
	}
}

static int by_rank(const void *a, const void *b)
{
	return rank(a) - rank(b);
}

static void held(struct fp_steer *s, const struct steer_dest *x)
{
	char key[900];

	snprintf(key, sizeof(key), "%s %d %s %s", x->proxy->host->name,
		 (int)kind_of(x), set_of(x), uri_of(x));
	s->counts.n_held++;
	if (fp_steer_is_news(s, key, x->step.why))
		say(s, x, false, 0, NULL);
}

static void count_down(struct fp_steer *s)
{
	s->counts.n_down = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct steer_dest *x = &s->v[i];
		enum fp_steer_act a = x->step.act;

		if (a == FP_STEER_DISABLE || a == FP_STEER_AGAIN ||
		    a == FP_STEER_RENEW || a == FP_STEER_TAKE_OVER ||
		    (a == FP_STEER_NONE && x->has_lease &&
		     !x->lease.is_let_go &&
		     !strcmp(x->lease.owner, s->o.owner)))
			s->counts.n_down++;
	}
}

/* What came of commands whose answer was lost. */
static void say_doubts(struct fp_steer *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct steer_dest x = s->v[i];
		struct steer_doubt d;

		if (!x.dest || !fp_steer_doubt_take(s, &x, &d) ||
		    x.dest->state != (d.act == FP_STEER_ENABLE
					      ? FP_DEST_ACTIVE
					      : FP_DEST_INACTIVE))
			continue;
		x.step.act = d.act;
		snprintf(x.step.why, sizeof(x.step.why),
			 "it was done, the answer was lost: %.190s", d.why);
		s->counts.n_failed--;
		s->counts.n_changed++;
		say(s, &x, true, 0, NULL);
	}
}

static void next(struct fp_steer *s)
{
	while (s->at < s->n) {
		struct steer_dest *x = &s->v[s->at];

		if (x->step.act == FP_STEER_NONE) {
			s->at++;
		} else if (x->step.act == FP_STEER_HELD) {
			held(s, x);
			s->at++;
		} else if (s->o.is_dry_run) {
			bool is_change = x->step.act != FP_STEER_RENEW;

			s->counts.n_changed += is_change;
			if (is_change)
				say(s, x, true, 0, NULL);
			s->at++;
		} else if (act(s, x)) {
			return;
		}
	}
	fp_steer_held_write(s);
	fp_steer_heard_sweep(s);
	fp_steer_round_done(s);
}

/* What we set again, or leave, is nobody's word: that is written down before the first command
 * goes out, or who comes after us, and sees some of a reloaded set done, would take
 * the rest for an operator's. */
static void doubt_all(struct fp_steer *s)
{
	for (size_t i = 0; i < s->n && !s->o.is_dry_run; i++) {
		struct steer_dest *x = &s->v[i];

		if ((x->step.act != FP_STEER_DISABLE &&
		     x->step.act != FP_STEER_AGAIN &&
		     x->step.act != FP_STEER_FORGET) ||
		    !x->dest || !x->has_lease || !x->lease.is_confirmed)
			continue;
		x->step.is_confirmed = false;
		/* when it fails, so does what comes next */
		if (is_mine(s, x))
			renew(s, x, NULL);
		else
			take_over(s, x, NULL);
	}
}

void fp_steer_act_all(struct fp_steer *s)
{
	qsort(s->v, s->n, sizeof(*s->v), by_rank);
	s->at = 0;
	s->counts.n_held = 0;
	count_down(s);
	say_doubts(s);
	doubt_all(s);
	next(s);
}
