/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/steer_priv.h"
#include "io/clock.h"

#define ROUND_MS 5000
/* Several changes at once are one round. */
#define GATHER_MS 50

static void tick(void *ctx);

void fp_steer_note(struct fp_steer *s, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->o.note(s->o.ctx, text);
}

/* All OpenSIPS of inv, and whom their destinations lead to. */
static int open_proxies(struct fp_steer *s, const struct fp_inventory *inv,
			struct fp_proxies *proxies, struct fp_places *places,
			struct fp_err *e)
{
	const struct fp_host *all;
	size_t n = fp_inventory_hosts(inv, &all);
	const struct fp_host **list =
		calloc(n ? n : 1, sizeof(const struct fp_host *));
	int r;

	if (!list)
		return fp_err_sys(e, -ENOMEM, "steering");
	for (size_t i = 0; i < n; i++)
		list[i] = &all[i];
	r = fp_proxies_init(proxies, s->o.loop, s->o.resolver, list, n, false,
			    e);
	if (!r)
		r = fp_places_init(places, s->names, list, n, e);
	free(list);
	return r;
}

int fp_steer_open(struct fp_steer **out, const struct fp_steer_setup *o,
		  struct fp_err *e)
{
	struct fp_steer *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fp_err_sys(e, -ENOMEM, "steering");
	s->o = *o;
	s->tick = (struct fp_timer){ .fire = tick, .ctx = s };
	r = fp_steer_open_store(s, e);
	if (!r)
		r = fp_names_open(&s->names, o->loop, o->work, e);
	if (!r)
		r = open_proxies(s, o->inv, &s->proxies, &s->places, e);
	if (r)
		fp_steer_close(s);
	else
		*out = s;
	return r;
}

static void forget_plan(struct fp_steer *s)
{
	free(s->v);
	s->v = NULL;
	s->n = s->at = 0;
}

int fp_steer_again(struct fp_steer *s, const struct fp_inventory *inv,
		   const struct fp_host *const *hosts, size_t n_hosts,
		   struct fp_err *e)
{
	struct fp_proxies proxies = { .v = NULL };
	struct fp_places places = { 0 };
	int r = open_proxies(s, inv, &proxies, &places, e);

	if (r) {
		fp_places_fini(&places);
		fp_proxies_fini(&proxies);
		return r;
	}
	forget_plan(s);
	fp_proxies_fini(&s->proxies);
	fp_places_fini(&s->places);
	/* they know where they are */
	s->proxies = proxies;
	s->proxies.end.ctx = &s->proxies;
	for (size_t i = 0; i < s->proxies.n; i++)
		s->proxies.v[i].all = &s->proxies;
	s->places = places;
	s->o.inv = inv;
	s->o.hosts = hosts;
	s->o.n_hosts = n_hosts;
	return 0;
}

void fp_steer_close(struct fp_steer *s)
{
	if (!s)
		return;
	fp_loop_timer_disarm(s->o.loop, &s->tick);
	fp_proxies_fini(&s->proxies);
	fp_places_fini(&s->places);
	fp_names_close(s->names);
	fp_steer_close_store(s);
	for (size_t i = 0; i < s->n_heard; i++) {
		free(s->heard[i].key);
		free(s->heard[i].text);
	}
	free(s->heard);
	free(s->v);
	fp_steer_held_free(s);
	free(s);
}

static void arm(struct fp_steer *s, int64_t in_ms)
{
	fp_loop_timer_arm(s->o.loop, &s->tick, fp_clock_ms() + in_ms);
}

void fp_steer_kick(struct fp_steer *s)
{
	if (s->is_round)
		s->is_again = true;
	else if (!s->tick.at_ms || s->tick.at_ms > fp_clock_ms() + GATHER_MS)
		arm(s, GATHER_MS);
}

void fp_steer_count(const struct fp_steer *s, struct fp_steer_counts *out)
{
	*out = s->counts;
	out->n_proxies = s->proxies.n;
	out->is_alone = s->is_alone || !s->o.conninfo;
	out->is_settled = fp_clock_ms() >= s->look_until_ms;
}

/* ---- a round */

void fp_steer_round_done(struct fp_steer *s)
{
	int64_t usual_ms = s->o.lease_s * 1000 / 3;
	bool is_again = s->is_again;

	/* a lease is renewed before a third of it is gone */
	if (usual_ms > ROUND_MS)
		usual_ms = ROUND_MS;
	s->is_round = s->is_again = false;
	s->counts.is_more = is_again;
	if (fp_clock_ms() < s->look_until_ms)
		usual_ms = fp_steer_look_ms(s);
	arm(s, is_again ? GATHER_MS : usual_ms);
	s->o.round(s->o.ctx);
}

static void named(void *ctx)
{
	struct fp_steer *s = ctx;
	struct fp_err e = { .text = "" };

	if (fp_steer_make_plan(s, &e)) {
		s->counts.is_blind = true;
		fp_steer_note(s, "%s", e.text);
		fp_steer_round_done(s);
	} else {
		fp_steer_act_all(s);
	}
}

static void proxies_read(void *ctx)
{
	struct fp_steer *s = ctx;
	struct fp_err e = { .text = "" };

	s->counts.n_unread = 0;
	for (size_t i = 0; i < s->proxies.n; i++) {
		const struct fp_proxy *x = &s->proxies.v[i];

		if (!x->code)
			continue;
		s->counts.n_unread++;
		if (fp_steer_is_news(s, x->host->name, "is away"))
			fp_steer_note(s, "%s cannot be asked: %s",
				      x->host->name, x->err.text);
	}
	if (fp_steer_add_names(s, &e))
		fp_steer_note(s, "%s", e.text);
	fp_names_resolve(s->names, s->o.timeout_ms, named, s);
}

static void tick(void *ctx)
{
	struct fp_steer *s = ctx;

	s->is_round = true;
	s->o.before(s->o.ctx);
	s->is_again = false; /* what was heard just now is of this round */
	s->counts.is_blind = !fp_steer_may_act(s);
	if (s->counts.is_blind) {
		fp_steer_round_done(s);
		return;
	}
	fp_proxies_read(&s->proxies, FP_OS_BASE | FP_OS_DESTS, s->o.timeout_ms,
			proxies_read, s);
}
