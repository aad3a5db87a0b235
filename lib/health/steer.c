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

/* Say what changed of one matter. */
static void say(struct fp_steer *s, char *last, size_t size, const char *text)
{
	if (!strcmp(last, text))
		return;
	snprintf(last, size, "%s", text);
	if (*text)
		fp_steer_note(s, "%s", text);
}

int fp_steer_open(struct fp_steer **out, const struct fp_steer_setup *o,
		  struct fp_err *e)
{
	const struct fp_steer_store_opts store = {
		.conninfo = o->conninfo,
		.owner = o->owner,
		.timeout_ms = o->timeout_ms,
		.is_reading = o->is_dry_run,
	};
	const struct fp_host *all;
	const struct fp_host **list = NULL;
	struct fp_steer *s = calloc(1, sizeof(*s));
	size_t n = fp_inventory_hosts(o->inv, &all);
	int r = 0;

	list = calloc(n ? n : 1, sizeof(const struct fp_host *));
	if (!s || !list) {
		free(s);
		free(list);
		return fp_err_sys(e, -ENOMEM, "steering");
	}
	for (size_t i = 0; i < n; i++)
		list[i] = &all[i];
	s->o = *o;
	s->tick = (struct fp_timer){ .fire = tick, .ctx = s };
	r = fp_steer_store_open(&s->store, &store, e);
	if (!r)
		r = fp_names_open(&s->names, o->loop, o->work, e);
	if (!r)
		r = fp_proxies_init(&s->proxies, o->loop, o->resolver, list, n,
				    false, e);
	if (!r)
		r = fp_places_init(&s->places, s->names, list, n, e);
	free(list);
	if (r)
		fp_steer_close(s);
	else
		*out = s;
	return r;
}

void fp_steer_close(struct fp_steer *s)
{
	if (!s)
		return;
	fp_loop_timer_disarm(s->o.loop, &s->tick);
	fp_proxies_fini(&s->proxies);
	fp_places_fini(&s->places);
	fp_names_close(s->names);
	if (s->store)
		fp_steer_store_release(s->store);
	fp_steer_store_close(s->store);
	for (size_t i = 0; i < s->n_heard; i++) {
		free(s->heard[i].key);
		free(s->heard[i].text);
	}
	free(s->heard);
	free(s->v);
	fp_steer_held_free(s);
	free(s);
}

int fp_steer_begin(struct fp_steer *s, char who[128], struct fp_err *e)
{
	return fp_steer_store_begin(s->store, &s->lease, &s->n_leases,
				    &s->now_s, who, e);
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

/* Do we steer?  Says why not. */
static bool may_act(struct fp_steer *s)
{
	struct fp_err e = { .text = "" };
	char who[128] = "", text[sizeof(s->said_store)] = "";
	bool is_stale = fp_steer_view_is_stale(s->o.view, fp_clock_ms());
	int r;

	say(s, s->said_stale, sizeof(s->said_stale),
	    is_stale && s->o.view->has_alive
		    ? "the watcher says nothing any more: everything stays as it is"
		    : "");
	if (is_stale) {
		/* somebody who sees may steer */
		fp_steer_store_release(s->store);
		return false;
	}
	r = fp_steer_begin(s, who, &e);
	s->counts.is_standby = !r;
	if (!r)
		snprintf(text, sizeof(text), "standby: %s steers",
			 *who ? who : "another controller");
	else if (r < 0)
		snprintf(text, sizeof(text),
			 "%.500s: everything stays as it is", e.text);
	else if (*s->said_store)
		fp_steer_note(s, "this controller steers");
	say(s, s->said_store, sizeof(s->said_store), text);
	return r == 1;
}

static void tick(void *ctx)
{
	struct fp_steer *s = ctx;

	s->is_round = true;
	s->counts.is_blind = !may_act(s);
	if (s->counts.is_blind) {
		fp_steer_round_done(s);
		return;
	}
	fp_proxies_read(&s->proxies, FP_OS_BASE | FP_OS_DESTS, s->o.timeout_ms,
			proxies_read, s);
}
