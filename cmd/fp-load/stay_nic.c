/* SPDX-License-Identifier: Apache-2.0 */
/* fp-load attach --stay: one NIC that goes and comes back. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "io/clock.h"
#include "node/filter_keep.h"
#include "stay.h"

/* Pauses before a NIC that could not be attached is tried again. */
#define PAUSE_MS 1000
#define PAUSE_MAX_MS 60000

#define STOPPED "it was not confirmed in time and filters nothing"

void stay_say(struct stay *s, const char *text)
{
	uint64_t h = fp_fnv1a(FP_FNV1A_INIT, text, strlen(text));

	for (unsigned int i = 0; i < s->n_said && i < STAY_SAID; i++)
		if (s->said[i] == h) {
			fp_log(FP_LOG_INFO, "%s", text);
			return;
		}
	s->said[s->n_said++ % STAY_SAID] = h;
	fp_log(FP_LOG_WARN, "%s", text);
}

void stay_well(struct stay *s)
{
	s->n_said = 0;
}

static void on_notice(void *ctx, const char *text)
{
	stay_say(ctx, text);
}

int stay_open(struct stay *s, enum fl_open how, struct fp_filter *f,
	      struct fp_err *e)
{
	return fl_open_notice(s->c, how, on_notice, s, f, e);
}

static void record(struct stay *s, const struct stay_nic *n,
		   const struct fp_filter_nic *now, bool is_changed,
		   const struct fp_err *e)
{
	struct fp_attach a = s->how;
	int r;

	a.name = n->name;
	r = fl_attach_record(s->c, &a, now, is_changed, e);
	fp_out_flush(s->c->out);
	/* who reads them went away: no reason to leave NICs alone */
	if ((r || ferror(stdout)) && !s->is_mute) {
		s->is_mute = true;
		fp_log(FP_LOG_WARN,
		       "records cannot be written any more: the filter is kept on all the same");
	}
}

static void waits(struct stay *s, struct stay_nic *n)
{
	if (n->state == STAY_WAITS)
		return;
	n->state = STAY_WAITS;
	n->pause_ms = 0;
	if (n->other[0])
		fp_log(FP_LOG_NOTICE,
		       "%s: it is called %s now and filtered on; what gets this name next is attached",
		       n->name, n->other);
	else
		fp_log(FP_LOG_NOTICE,
		       "%s: no such interface here; attached when it %s",
		       n->name, n->pin[0] ? "comes back" : "comes");
	(void)s;
}

static void leave(struct stay_nic *n, const char *what)
{
	if (n->state != STAY_LEFT)
		fp_log(FP_LOG_WARN,
		       "%s: %s: left alone until fp-load attach %s", n->name,
		       what, n->name);
	n->state = STAY_LEFT;
}

static void leave_off(struct stay_nic *n)
{
	leave(n, "detached by hand");
	n->is_off = true;
	n->pin[0] = 0;
}

static void failed(struct stay *s, struct stay_nic *n, const struct fp_err *e)
{
	bool is_first = n->state != STAY_FAILED;

	n->state = STAY_FAILED;
	n->pause_ms = n->pause_ms ? n->pause_ms * 2 : PAUSE_MS;
	if (n->pause_ms > PAUSE_MAX_MS)
		n->pause_ms = PAUSE_MAX_MS;
	n->again_ms = fp_clock_ms() + n->pause_ms;
	stay_say(s, e->text);
	if (is_first)
		record(s, n, NULL, false, e);
}

static void filters(struct stay_nic *n, const struct fp_filter_nic *now)
{
	n->state = STAY_FILTERS;
	n->pause_ms = 0;
	n->is_gone = false;
	n->other[0] = 0;
	n->ifindex = now->link.ifindex;
	n->build = now->build;
	memcpy(n->pin, now->link.name, sizeof(n->pin));
}

static int attach(struct stay *s, struct stay_nic *n, struct fp_filter *f)
{
	bool is_first = n->state == STAY_NEW, is_changed = false;
	struct fp_attach a = s->how;
	struct fp_filter_nic now;
	struct fp_err e = { 0 };
	int r;

	a.name = n->name;
	r = fp_filter_attach(f, &a, &now, &is_changed, &e);
	if (!r) {
		filters(n, &now);
		s->n_attached += is_changed;
		if (is_changed || is_first)
			record(s, n, &now, is_changed, NULL);
		if (!now.confirm_s && (is_changed || is_first))
			n->state = STAY_LEFT; /* the record said it */
		else if (!now.confirm_s)
			leave(n, STOPPED);
	} else if (r == -ECANCELED) {
		leave_off(n);
	} else if (r == -ENODEV) {
		waits(s, n);
	} else {
		failed(s, n, &e);
	}
	if (fp_filter_is_partial(f))
		s->is_partial = true;
	return r;
}

int stay_first(struct stay *s, struct stay_nic *n, struct fp_filter *f)
{
	return attach(s, n, f);
}

/* Under the lock: who detaches it was before us or comes after. */
static void again(struct stay *s, struct stay_nic *n)
{
	struct fp_err e = { 0 };
	struct fp_filter f;
	bool is_dropped;
	int r = stay_open(s, FL_MAKE, &f, &e);

	if (r) {
		failed(s, n, &e);
		return;
	}
	if (attach(s, n, &f)) /* tables that were made for it */
		fp_filter_drop_unused(&f, &is_dropped, NULL);
	fp_filter_close(&f);
}

/* Another version's program was put there: the one that did so shall go on. */
static void outlived(struct stay *s, struct stay_nic *n,
		     const struct fp_filter_nic *now)
{
	if (!now->build || now->build == n->build)
		return;
	n->build = now->build;
	if (now->is_current)
		return;
	fp_log(FP_LOG_WARN,
	       "%s: another version's program runs there now: this one ends, for that version to go on",
	       n->name);
	s->end = FP_EXIT_REFUSED;
}

/* The NIC that it was attached to is there. */
static void still(struct stay *s, struct stay_nic *n,
		  const struct fp_filter_nic *now, struct fp_filter *f)
{
	if (now->is_attached) {
		if (n->state != STAY_FILTERS)
			filters(n, now);
		if (!now->confirm_s)
			leave(n, STOPPED);
		outlived(s, n, now);
	} else if (strcmp(now->link.name, n->pin) != 0) {
		return; /* renamed, and known by another of its names */
	} else if (!fp_filter_knows(f, n->pin)) {
		leave(n, "its pins were removed by hand");
	} else {
		leave(n, now->link.xdp_prog_id
				 ? "its program was replaced by hand"
				 : "its program was taken off by hand");
	}
}

/* Its filter was taken off; by now it may be on again. */
static bool is_left(struct stay_nic *n, const struct fp_filter_nic *now)
{
	if (now->is_attached && now->confirm_s) {
		fp_log(FP_LOG_NOTICE,
		       "%s: attached by hand: from now on it is kept so",
		       n->name);
		filters(n, now);
	} else if (!n->is_off) {
		return true;
	}
	n->is_off = false;
	return false;
}

/* Slots and pins follow the NIC to its new name; another one will have this. */
static void renamed(struct stay *s, struct stay_nic *n)
{
	struct fp_err e = { 0 };
	struct fp_filter f;

	if (stay_open(s, FL_CHANGE, &f, &e)) {
		stay_say(s, e.text);
		return; /* the next look */
	}
	fp_filter_close(&f);
	n->pin[0] = n->other[0] = 0;
}

void stay_look(struct stay *s, struct stay_nic *n, struct fp_filter *f,
	       bool is_news)
{
	struct fp_filter_nic now;
	struct fp_err e = { 0 };

	if (fp_filter_look(f, n->name, &now, &e)) {
		stay_say(s, e.text);
		return;
	}
	if (fp_filter_is_off(f, now.link.name)) {
		leave_off(n);
		return;
	}
	if (n->state == STAY_LEFT && is_left(n, &now))
		return;
	if (!now.link.ifindex) {
		waits(s, n);
		if (n->pin[0] && n->other[0])
			renamed(s, n);
	} else if (n->pin[0] && now.link.ifindex == n->ifindex && !n->is_gone)
		still(s, n, &now, f);
	else if (n->state != STAY_FAILED || is_news ||
		 fp_clock_ms() >= n->again_ms)
		again(s, n);
}
