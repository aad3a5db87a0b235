/* SPDX-License-Identifier: Apache-2.0 */
#include "control/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/fleet_host.h"
#include "io/clock.h"
#include "peer/remote.h"

#define QUEUE_BYTES (256 << 10) /* with the transport, of one node */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define LOOKS 8 /* within a deadline, whether bytes move */

/* A member on its way.  What ended is ENDED until it is closed outside of its
 * own callbacks, then DONE, or WAITING for the next attempt. */
enum state { WAITING, CONNECTING, OPEN, ENDED, DONE };

struct seat {
	struct fp_member m; /* first: what the caller sees */
	struct fp_fleet *fleet;
	enum state state;
	struct fp_remote *remote;
	struct fp_sender *sender;
	struct fp_timer timer; /* a deadline, or the next attempt */
	int64_t due_ms;        /* when that is armed */
	size_t untaken;   /* bytes with the transport when we last looked */
	int64_t moved_ms; /* when there were fewer than before */
	int64_t retry_ms; /* the last wait; 0: it did not fail lately */
	bool has_slot;    /* of those that may be busy at once */
};

struct fp_fleet {
	struct fp_loop *loop;
	struct fp_fleet_opts opts;
	struct fp_fleet_ops ops;
	struct seat *seat;
	size_t n, n_busy, n_done;
	struct fp_timer sweep;
	struct fp_buf scratch; /* bytes between a sender and its remote */
};

static void arm(struct seat *s, int64_t at_ms)
{
	if (s->due_ms == at_ms)
		return;
	s->due_ms = at_ms;
	if (at_ms)
		fp_loop_timer_arm(s->fleet->loop, &s->timer, at_ms);
	else
		fp_loop_timer_disarm(s->fleet->loop, &s->timer);
}

/* ---- ending */

static void end(struct seat *s, int code, const struct fp_err *why)
{
	struct fp_fleet *f = s->fleet;

	if (s->state != CONNECTING && s->state != OPEN)
		return;
	s->state = ENDED;
	s->m.code = code;
	s->m.err = why ? *why : (struct fp_err){ .text = "" };
	s->m.ended_ms = fp_clock_ms();
	s->m.is_ended = !f->opts.is_lasting;
	if (s->sender)
		fp_sender_bytes(s->sender, &s->m.sent, &s->m.received);
	s->m.sender = NULL;
	arm(s, 0);
	f->ops.ended(f->ops.ctx, &s->m);
	fp_loop_timer_arm(f->loop, &f->sweep, fp_clock_ms());
}

/* Half of it by chance, so that nodes do not come back all at once. */
static int64_t jitter(int64_t ms)
{
	uint32_t x = 0;

	if (getrandom(&x, sizeof(x), GRND_NONBLOCK) != sizeof(x))
		x = (uint32_t)fp_clock_ms();
	return ms / 2 + x % (ms / 2 + 1);
}

static void give_slot(struct seat *s)
{
	s->fleet->n_busy -= s->has_slot;
	s->has_slot = false;
}

static void sweep_one(struct seat *s)
{
	struct fp_fleet *f = s->fleet;

	fp_remote_close(s->remote);
	fp_sender_free(s->sender);
	s->remote = NULL;
	s->sender = NULL;
	give_slot(s);
	s->state = f->opts.is_lasting ? WAITING : DONE;
	if (!f->opts.is_lasting) {
		f->n_done++;
		return;
	}
	s->retry_ms = s->retry_ms ? s->retry_ms * 2 : RETRY_MIN_MS;
	if (s->retry_ms > RETRY_MAX_MS)
		s->retry_ms = RETRY_MAX_MS;
	arm(s, fp_clock_ms() + jitter(s->retry_ms));
}

/* ---- a session */

static void start_more(struct fp_fleet *f);

/* The deadline of what is awaited, 0: nothing is.  A slow way is no silence: what
 * is on it counts as long as it gets less. */
static int64_t deadline_ms(struct seat *s)
{
	size_t untaken = fp_remote_untaken(s->remote);
	int64_t due_ms = fp_sender_due_ms(s->sender), moved_ms;

	if (untaken < s->untaken)
		s->moved_ms = fp_clock_ms();
	s->untaken = untaken;
	moved_ms = s->moved_ms + s->fleet->opts.timeout_ms;
	return due_ms && due_ms < moved_ms ? moved_ms : due_ms;
}

static void watch(struct seat *s, int64_t due_ms)
{
	int64_t look_ms = fp_clock_ms() + s->fleet->opts.timeout_ms / LOOKS;

	arm(s, s->untaken && due_ms > look_ms ? look_ms : due_ms);
}

/* Bytes as long as the transport takes them; without anything that is awaited,
 * the session has done its work. */
static void pump(struct seat *s)
{
	struct fp_fleet *f = s->fleet;
	struct fp_err e = { .text = "" };
	size_t queued;
	int r = 0;

	if (s->state != OPEN)
		return;
	while (!r && (queued = fp_remote_queued(s->remote)) < QUEUE_BYTES) {
		f->scratch.len = 0;
		fp_sender_take(s->sender, &f->scratch, QUEUE_BYTES - queued,
			       fp_clock_ms());
		if (!f->scratch.len)
			break;
		r = fp_remote_write(s->remote, f->scratch.data, f->scratch.len,
				    &e);
	}
	if (r)
		end(s, r, &e);
	else if (fp_sender_is_idle(s->sender) && !f->opts.is_lasting)
		end(s, 0, NULL);
	else
		watch(s, deadline_ms(s));
}

static void on_opened(void *ctx)
{
	struct seat *s = ctx;
	struct fp_fleet *f = s->fleet;

	s->state = OPEN;
	s->m.sender = s->sender;
	s->retry_ms = 0;
	fp_sender_hello(s->sender, fp_clock_unix_ms());
	f->ops.opened(f->ops.ctx, &s->m);
	pump(s);
	if (f->opts.is_lasting) {
		give_slot(s);
		start_more(f);
	}
}

static void on_data(void *ctx, const void *data, size_t n)
{
	struct seat *s = ctx;
	struct fp_fleet *f = s->fleet;
	struct fp_err e = { .text = "out of memory" };
	struct fp_event ev;
	int r;

	if (s->state != OPEN)
		return;
	r = fp_sender_feed(s->sender, data, n, fp_clock_ms());
	while (!r && s->state == OPEN &&
	       (r = fp_sender_next(s->sender, &ev, &e)) > 0) {
		f->ops.event(f->ops.ctx, &s->m, &ev);
		if (ev.kind == FP_EVENT_FAILED && ev.is_over)
			end(s, ev.error, &ev.err);
		r = 0;
	}
	if (r)
		end(s, r, &e);
	pump(s);
}

static void on_drained(void *ctx)
{
	pump(ctx);
}

static void on_closed(void *ctx, int code, const struct fp_err *e)
{
	struct fp_err ended = { .text = "the session ended before its answer" };
	struct seat *s = ctx;

	end(s, code ? code : -ECONNRESET, code ? e : &ended);
}

static int open_remote(struct seat *s, struct fp_err *e)
{
	const struct fp_fleet_opts *o = &s->fleet->opts;
	const struct fp_remote_events events = {
		.opened = on_opened,
		.data = on_data,
		.drained = on_drained,
		.closed = on_closed,
		.ctx = s,
	};
	struct fp_remote_config config;
	const char *command;
	int r = fp_fleet_config(&config, &command, s->m.host, o, e);

	if (!r)
		r = fp_sender_new(&s->sender, o->name, o->timeout_ms, e);
	if (!r)
		r = fp_remote_open(&s->remote, s->fleet->loop, &config,
				   o->transport, command, o->timeout_ms,
				   &events, e);
	return r;
}

static void connect_seat(struct seat *s)
{
	struct fp_err e = { .text = "" };
	int r;

	s->state = CONNECTING;
	s->has_slot = true;
	s->fleet->n_busy++;
	s->m.started_ms = fp_clock_ms();
	arm(s, 0);
	r = open_remote(s, &e);
	if (r)
		end(s, r, &e);
}

/* Whoever waits and is not to wait for a time yet. */
static void start_more(struct fp_fleet *f)
{
	for (size_t i = 0; i < f->n && f->n_busy < f->opts.parallel; i++)
		if (f->seat[i].state == WAITING && !f->seat[i].due_ms)
			connect_seat(&f->seat[i]);
}

static void on_timer(void *ctx)
{
	struct fp_err e = { .text = "" };
	struct seat *s = ctx;
	struct fp_fleet *f = s->fleet;

	s->due_ms = 0;
	if (s->state == WAITING) {
		start_more(f);
	} else if (s->state == OPEN) {
		int64_t due_ms = deadline_ms(s);

		if (!due_ms || due_ms > fp_clock_ms()) {
			watch(s, due_ms);
			return;
		}
		fp_err(&e, 0, "no answer within %lld ms",
		       (long long)f->opts.timeout_ms);
		end(s, -ETIMEDOUT, &e);
	}
}

static void on_sweep(void *ctx)
{
	struct fp_fleet *f = ctx;

	for (size_t i = 0; i < f->n; i++)
		if (f->seat[i].state == ENDED)
			sweep_one(&f->seat[i]);
	start_more(f);
	if (f->n_done == f->n)
		fp_loop_stop(f->loop);
}

/* ---- all of them */

int fp_fleet_open(struct fp_fleet **out, struct fp_loop *l,
		  const struct fp_fleet_opts *opts,
		  const struct fp_host *const *hosts, size_t n,
		  const struct fp_fleet_ops *ops, struct fp_err *e)
{
	struct fp_fleet *f = calloc(1, sizeof(*f));

	if (!f)
		return fp_err(e, -ENOMEM, "out of memory");
	f->seat = calloc(n + 1, sizeof(*f->seat));
	if (!f->seat) {
		free(f);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	f->loop = l;
	f->opts = *opts;
	f->ops = *ops;
	f->n = n;
	f->sweep = (struct fp_timer){ .fire = on_sweep, .ctx = f };
	for (size_t i = 0; i < n; i++) {
		struct seat *s = &f->seat[i];

		s->fleet = f;
		s->m.host = hosts[i];
		s->timer = (struct fp_timer){ .fire = on_timer, .ctx = s };
	}
	*out = f;
	return 0;
}

void fp_fleet_close(struct fp_fleet *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		arm(&f->seat[i], 0);
		fp_remote_close(f->seat[i].remote);
		fp_sender_free(f->seat[i].sender);
	}
	fp_loop_timer_disarm(f->loop, &f->sweep);
	fp_buf_fini(&f->scratch);
	free(f->seat);
	free(f);
}

struct fp_member *fp_fleet_member(struct fp_fleet *f, size_t i)
{
	return &f->seat[i].m;
}

void fp_fleet_start(struct fp_fleet *f)
{
	start_more(f);
}

int fp_fleet_run(struct fp_fleet *f)
{
	struct fp_err e = { .text = "interrupted, and was not asked" };
	struct fp_err open = {
		.text = "interrupted: what it did is not known (fp-sync status)"
	};
	int r = 0;

	start_more(f);
	/* what else is on the loop may stop it */
	while (f->n_done < f->n && !r)
		r = fp_loop_run(f->loop);
	for (size_t i = 0; i < f->n; i++) {
		struct seat *s = &f->seat[i];

		if (s->state == WAITING)
			s->state = CONNECTING; /* it will not be */
		end(s, -EINTR, s->state == OPEN ? &open : &e);
	}
	return r;
}

void fp_fleet_kick(struct fp_fleet *f, struct fp_member *m)
{
	(void)f;
	pump((struct seat *)m);
}
