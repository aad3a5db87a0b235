/* SPDX-License-Identifier: Apache-2.0 */
/* Who steers: the lock in fp_db; and fp_db that was away, when it is back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/steer_priv.h"
#include "io/clock.h"

/* A round that goes well says something to fp_db at least this often: it waits
 * for who is silent, for timeout_ms of a few seconds, in three places. */
#define IDLE_MIN_S 15
/* fp_db that is away is looked for this often: it may take timeout_ms. */
#define LOOK_DB_MS 5000

/* Say what changed of one matter. */
static void say(struct fp_steer *s, char *last, size_t size, const char *text)
{
	if (!strcmp(last, text))
		return;
	snprintf(last, size, "%s", text);
	if (*text)
		fp_steer_note(s, "%s", text);
}

/* ---- the store */

static int open_store(struct fp_steer *s, struct fp_steer_store **out,
		      const char *conninfo, struct fp_err *e)
{
	const struct fp_steer_store_opts o = {
		.conninfo = conninfo,
		.owner = s->o.owner,
		.timeout_ms = s->o.timeout_ms,
		.idle_s = s->o.lease_s > IDLE_MIN_S ? s->o.lease_s : IDLE_MIN_S,
		.is_reading = s->o.is_dry_run,
	};

	return fp_steer_store_open(out, &o, e);
}

int fp_steer_open_store(struct fp_steer *s, struct fp_err *e)
{
	s->is_alone = s->o.is_alone && s->o.conninfo;
	s->looked_ms = fp_clock_ms();
	return open_store(s, &s->store, s->is_alone ? NULL : s->o.conninfo, e);
}

void fp_steer_close_store(struct fp_steer *s)
{
	if (s->store)
		fp_steer_store_release(s->store);
	fp_steer_store_close(s->store);
	free(s->kept);
}

/* ---- what was disabled without fp_db */

static int keep_leases(struct fp_steer *s, struct fp_err *e)
{
	const struct fp_lease *v = NULL;
	int64_t now_s;
	char who[128];
	size_t n = 0;
	int r = fp_steer_store_begin(s->store, &v, &n, &now_s, who, e);

	if (r < 0 || !n)
		return r < 0 ? r : 0;
	s->kept = calloc(n, sizeof(*v));
	if (!s->kept)
		return fp_err_sys(e, -ENOMEM, "leases");
	memcpy(s->kept, v, n * sizeof(*v));
	s->n_kept = n;
	return 0;
}

/* Under the lock.  One that another controller has stays its own. */
static int move_in(struct fp_steer *s, struct fp_err *e)
{
	while (s->n_kept) {
		struct fp_lease *l = &s->kept[s->n_kept - 1];
		int r;

		l->epoch = 0; /* memory's say nothing there */
		r = fp_steer_store_take(s->store, l, s->o.lease_s, e);
		if (r && r != -EBUSY)
			return r;
		if (r)
			fp_steer_note(s, "%s: %s: %s", l->proxy, l->uri,
				      e->text);
		s->n_kept--;
	}
	free(s->kept);
	s->kept = NULL;
	return 0;
}

int fp_steer_begin(struct fp_steer *s, char who[128], struct fp_err *e)
{
	int r = fp_steer_store_begin(s->store, &s->lease, &s->n_leases,
				     &s->now_s, who, e);

	if (r != 1)
		return r;
	if (*who)
		fp_steer_note(s,
			      "%s did nothing any more: its session with fp_db "
			      "is ended, this controller steers",
			      who);
	*who = 0;
	if (!s->n_kept || s->is_alone)
		return r;
	r = move_in(s, e);
	return r ? r
		 : fp_steer_store_begin(s->store, &s->lease, &s->n_leases,
					&s->now_s, who, e);
}

/* Is fp_db back?  Then all is as it should be: its lock, and what was disabled
 * meanwhile is a lease there. */
static void look_for_db(struct fp_steer *s)
{
	struct fp_steer_store *store = NULL;
	struct fp_err e = { .text = "" };
	const struct fp_lease *v;
	char who[128] = "";
	int64_t now_s;
	size_t n;
	int r;

	if (!s->is_alone || fp_clock_ms() - s->looked_ms < LOOK_DB_MS)
		return;
	s->looked_ms = fp_clock_ms();
	r = open_store(s, &store, s->o.conninfo, &e);
	if (!r)
		r = fp_steer_store_begin(store, &v, &n, &now_s, who, &e);
	if (r >= 0 && keep_leases(s, &e))
		r = -ENOMEM;
	if (r < 0) {
		fp_steer_store_close(store);
		say(s, s->said_db, sizeof(s->said_db), e.text);
		return;
	}
	fp_steer_store_close(s->store);
	s->store = store;
	s->is_alone = false;
	fp_steer_note(s, "fp_db is back");
	if (!r && s->n_kept)
		fp_steer_note(s,
			      "%zu destinations that were disabled without it "
			      "stay so until this controller steers, or are "
			      "enabled by hand",
			      s->n_kept);
}

/* ---- a round */

bool fp_steer_may_act(struct fp_steer *s)
{
	struct fp_err e = { .text = "" };
	char who[128] = "", text[sizeof(s->said_store)] = "";
	bool is_stale = fp_steer_view_is_stale(s->o.view, fp_clock_ms());
	int r;

	if (is_stale && s->o.view->has_alive && s->o.view->old_ms)
		snprintf(
			text, sizeof(text),
			"what the watcher says is %lld s old: everything stays "
			"as it is",
			(long long)s->o.view->old_ms / 1000);
	else if (is_stale && s->o.view->has_alive)
		snprintf(text, sizeof(text),
			 "the watcher says nothing any more: everything stays "
			 "as it is");
	/* how old it is changes all the time */
	if (!*text || !*s->said_stale)
		say(s, s->said_stale, sizeof(s->said_stale), text);
	*text = 0;
	look_for_db(s);
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
