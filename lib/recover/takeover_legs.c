/* SPDX-License-Identifier: Apache-2.0 */
/* Legs at the node that has them: billing, parking, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/takeover_priv.h"

#define LOOK_MS 20
#define PARK_MS 2000
#define PARKED "park"

static void note(struct fp_take *k, const struct fp_take_leg *t,
		 const char *state, const char *detail)
{
	struct fp_err e;
	char item[FP_LEG_UUID_MAX + 8];

	if (!k->r->journal)
		return;
	snprintf(item, sizeof(item), "leg:%s", t->l->uuid);
	fp_journal_add(k->r->journal, item, state, detail, &e);
}

/* ---- billing */

/* Its value, "" when not set. */
static int get(struct fp_take *k, const struct fp_take_leg *t, const char *name,
	       char *out, size_t size, struct fp_err *e)
{
	char *said;
	int r = fp_takeover_ask(k->x, &k->is_interrupted, &said, e,
				"uuid_getvar %s %s", t->l->uuid, name);

	if (r)
		return r;
	snprintf(out, size, "%s", strcmp(said, "_undef_") ? said : "");
	free(said);
	return 0;
}

/* What stands there may be ours, of a run of this job that was killed: the row is of
 * before it. */
static int remember(struct fp_take *k, struct fp_take_leg *t, struct fp_err *e)
{
	int r = get(k, t, "process_cdr", t->cdr, sizeof(t->cdr), e);

	if (!r && !strcmp(t->cdr, "false") &&
	    strcmp(t->l->row.process_cdr, "false") != 0)
		snprintf(t->cdr, sizeof(t->cdr), "%s", t->l->row.process_cdr);
	return r;
}

int fp_takeover_quiet(struct fp_take *k, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < k->n && !r; i++) {
		struct fp_take_leg *t = &k->leg[i];

		if (t->is_gone)
			continue;
		r = remember(k, t, e);
		if (!r)
			r = fp_takeover_ours(k->r, &k->is_interrupted, e);
		t->is_quiet = !r;
		if (!r)
			r = fp_takeover_ask(k->x, &k->is_interrupted, NULL, e,
					    "uuid_setvar %s process_cdr false",
					    t->l->uuid);
	}
	return r;
}

/* ---- park */

static int is_parked(struct fp_take *k, const struct fp_take_leg *t, bool *out,
		     struct fp_err *e)
{
	char bond[FP_LEG_UUID_MAX + 1], app[64];
	int r = get(k, t, "signal_bond", bond, sizeof(bond), e);

	if (!r)
		r = get(k, t, "current_application", app, sizeof(app), e);
	if (!r)
		*out = !*bond && !strcmp(app, PARKED);
	return r;
}

static int until_parked(struct fp_take *k, const struct fp_take_leg *a,
			const struct fp_take_leg *b, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + PARK_MS;
	bool is_a = false, is_b = false;
	int r = 0;

	for (;;) {
		if (!is_a)
			r = is_parked(k, a, &is_a, e);
		if (!r && !is_b)
			r = is_parked(k, b, &is_b, e);
		if (r || (is_a && is_b))
			return r;
		if (fp_clock_ms() >= end_ms)
			return fp_err(e, -ETIMEDOUT,
				      "%s: %s was not parked within %d ms",
				      k->x->name, (is_a ? b : a)->l->uuid,
				      PARK_MS);
		r = fp_takeover_pause(k->r, LOOK_MS, e);
		if (r == -EINTR) {
			k->is_interrupted = true;
			r = 0;
		}
		if (r)
			return r;
	}
}

int fp_takeover_park(struct fp_take *k, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < k->n && !r; i++) {
		struct fp_take_leg *a = &k->leg[i], *b;

		if (a->partner == FP_TAKE_NONE || a->is_parked)
			continue;
		b = &k->leg[a->partner];
		if (a->is_gone || b->is_gone)
			continue;
		r = fp_takeover_ours(k->r, &k->is_interrupted, e);
		if (r)
			break;
		a->is_parked = b->is_parked = true;
		note(k, a, "parked", NULL);
		r = fp_takeover_ask(k->x, &k->is_interrupted, NULL, e,
				    "uuid_transfer %s -both park: inline",
				    a->l->uuid);
		if (!r)
			r = until_parked(k, a, b, e);
	}
	return r;
}

int fp_takeover_see(struct fp_take *k, struct fp_err *e)
{
	bool is_a = false, is_b = false;
	char now[64];
	int r = 0;

	for (size_t i = 0; i < k->n && !r; i++) {
		struct fp_take_leg *t = &k->leg[i], *b;

		if (t->is_gone)
			continue;
		r = get(k, t, "process_cdr", now, sizeof(now), e);
		if (!r)
			r = remember(k, t, e);
		t->is_quiet = !r && strcmp(now, t->cdr) != 0;
		if (r || t->partner == FP_TAKE_NONE ||
		    k->leg[t->partner].is_gone)
			continue;
		b = &k->leg[t->partner];
		r = is_parked(k, t, &is_a, e);
		if (!r)
			r = is_parked(k, b, &is_b, e);
		t->is_parked = !r && is_a && is_b;
	}
	return r;
}

/* ---- and back */

static int bridge(struct fp_take *k, struct fp_take_leg *a,
		  struct fp_take_leg *b, struct fp_err *e)
{
	struct fp_take_leg *first = b->l->row.is_originator ? b : a;
	int r = fp_takeover_ours_yet(k->r, &k->is_interrupted, e);

	if (!r)
		r = fp_takeover_ask(k->x, &k->is_interrupted, NULL, e,
				    "uuid_bridge %s %s", first->l->uuid,
				    (first == a ? b : a)->l->uuid);
	if (!r)
		a->is_parked = b->is_parked = false;
	return r;
}

static int bill(struct fp_take *k, struct fp_take_leg *t, struct fp_err *e)
{
	int r = fp_takeover_ours_yet(k->r, &k->is_interrupted, e);

	if (!r)
		r = fp_takeover_ask(k->x, &k->is_interrupted, NULL, e,
				    "uuid_setvar %s process_cdr%s%s",
				    t->l->uuid, *t->cdr ? " " : "", t->cdr);
	if (!r)
		t->is_quiet = false;
	return r;
}

int fp_takeover_as_it_was(struct fp_take *k, struct fp_err *e)
{
	struct fp_err why;
	int code = 0, r;

	for (size_t i = 0; i < k->n; i++) {
		struct fp_take_leg *a = &k->leg[i];

		if (!a->is_parked || a->is_gone || k->leg[a->partner].is_gone)
			continue;
		r = bridge(k, a, &k->leg[a->partner], &why);
		if (r && !code) {
			code = r;
			*e = why;
		}
	}
	for (size_t i = 0; i < k->n; i++) {
		if (!k->leg[i].is_quiet || k->leg[i].is_gone)
			continue;
		r = bill(k, &k->leg[i], &why);
		if (r && !code) {
			code = r;
			*e = why;
		}
		note(k, &k->leg[i], r ? "parked" : "back", NULL);
	}
	return code;
}

/* ---- rows */

int fp_takeover_rows_gone(struct fp_take *k, int64_t *n_left, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + fp_takeover_settle_ms(k->o);
	const char **uuids = calloc(k->n + 1, sizeof(*uuids));
	size_t n = 0;
	int r = 0;

	if (!uuids)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < k->n; i++)
		if (k->leg[i].is_gone)
			uuids[n++] = k->leg[i].l->uuid;
	for (;;) {
		r = fp_store_count(k->r->store, uuids, n, n_left, e);
		if (r || !*n_left || fp_clock_ms() >= end_ms)
			break;
		r = fp_takeover_pause(k->r, LOOK_MS, e);
		if (r == -EINTR) {
			k->is_interrupted = true;
			r = 0;
		}
		if (r)
			break;
	}
	free(uuids);
	return r;
}
