/* SPDX-License-Identifier: Apache-2.0 */
#include "health/observers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/records.h"
#include "control/fleet_host.h"
#include "io/clock.h"
#include "peer/remote.h"

#define N_BUCKETS 4096
#define WORDS_MAX 500000 /* of one observer */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
#define SILENT_MS 30000 /* until an alive record says how often they come */
#define SILENT_TIMES 3
#define LOOK_MS 1000
#define GARBLED_SHOWN 80

struct word {
	struct word *next;
	enum fp_health state;
	size_t check_at; /* in key */
	char key[];      /* node, NUL, check, NUL */
};

struct seat {
	struct fp_observers *o;
	struct fp_remote_config config;
	char name[256];
	struct fp_remote *remote;
	struct fp_timer timer; /* close, open again, or look whether it lives */
	bool is_over;          /* to be closed, outside of its callbacks */
	bool is_told;          /* that it is there, or gone */
	bool is_there, has_alive;
	int64_t heard_ms, silent_ms, retry_ms;
	struct fp_buf line;
	bool is_garbled; /* told */
	bool is_long;    /* the rest of a line that is passed over */
	struct word *bucket[N_BUCKETS];
	size_t n_words;
};

struct fp_observers {
	struct fp_observers_opts o;
	struct fp_fleet_opts fleet;
	char command[512];
	struct seat *seat;
	size_t n;
};

/* ---- words */

static size_t bucket_of(const char *node, const char *check)
{
	uint64_t h = fp_fnv1a(FP_FNV1A_INIT, node, strlen(node) + 1);

	return fp_fnv1a(h, check, strlen(check)) % N_BUCKETS;
}

static struct word *find(const struct seat *s, const char *node,
			 const char *check)
{
	struct word *w = s->bucket[bucket_of(node, check)];

	while (w &&
	       (strcmp(w->key, node) || strcmp(w->key + w->check_at, check)))
		w = w->next;
	return w;
}

static struct word *get(struct seat *s, const char *node, const char *check)
{
	size_t at = strlen(node) + 1, n = at + strlen(check) + 1;
	struct word *w = find(s, node, check), **head;

	if (w || s->n_words >= WORDS_MAX)
		return w;
	w = malloc(sizeof(*w) + n);
	if (!w)
		return NULL;
	head = &s->bucket[bucket_of(node, check)];
	w->next = *head;
	w->state = FP_UNKNOWN;
	w->check_at = at;
	memcpy(w->key, node, at);
	memcpy(w->key + at, check, n - at);
	*head = w;
	s->n_words++;
	return w;
}

static void forget(struct seat *s)
{
	for (size_t i = 0; i < N_BUCKETS; i++)
		while (s->bucket[i]) {
			struct word *w = s->bucket[i];

			s->bucket[i] = w->next;
			free(w);
		}
	s->n_words = 0;
}

/* ---- records */

static void on_record(struct seat *s, const struct fp_record *r)
{
	struct fp_observers *o = s->o;
	enum fp_health state;
	struct word *w;

	s->heard_ms = fp_clock_ms();
	if (r->kind == FP_RECORD_ALIVE) {
		if (r->interval_ms)
			s->silent_ms = SILENT_TIMES * r->interval_ms;
		if (!s->has_alive)
			o->o.note(o->o.ctx, s->name, NULL);
		s->has_alive = s->is_there = s->is_told = true;
		s->retry_ms = 0;
		o->o.heard(o->o.ctx, NULL, NULL);
	}
	if (r->kind != FP_RECORD_TRANSITION || fp_health_parse(r->to, &state))
		return;
	w = get(s, r->node, r->check);
	if (!w || w->state == state)
		return;
	w->state = state;
	if (s->has_alive)
		o->o.heard(o->o.ctx, r->node, r->check);
}

/* A command that prints something else would only be silent, after a while. */
static void garbled(struct seat *s)
{
	char line[GARBLED_SHOWN + 1];
	size_t n = s->line.len < GARBLED_SHOWN ? s->line.len : GARBLED_SHOWN;

	if (s->is_garbled)
		return;
	s->is_garbled = true;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s->line.data[i];

		line[i] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	line[n] = 0;
	s->o->o.garbled(s->o->o.ctx, s->name, line);
}

static void on_line(struct seat *s)
{
	struct fp_record r;

	if (!s->is_long &&
	    !fp_record_parse(&r, s->line.data, s->line.len, NULL))
		on_record(s, &r);
	else
		garbled(s);
	s->line.len = 0;
	s->is_long = false;
}

static void on_data(void *ctx, const void *data, size_t n)
{
	struct seat *s = ctx;
	const char *p = data;

	while (n) {
		const char *stop = memchr(p, '\n', n);
		size_t len = stop ? (size_t)(stop - p) : n;

		if (s->line.len + len > FP_RECORD_MAX)
			s->is_long = true;
		if (!s->is_long)
			fp_buf_add(&s->line, p, len);
		if (stop)
			on_line(s);
		len += stop ? 1 : 0;
		p += len;
		n -= len;
	}
}

/* ---- sessions */

static void arm(struct seat *s, int64_t in_ms)
{
	fp_loop_timer_arm(s->o->o.loop, &s->timer, fp_clock_ms() + in_ms);
}

static void lose(struct seat *s, const char *why)
{
	struct fp_observers *o = s->o;
	bool was_there = s->has_alive;

	if (s->is_over)
		return;
	s->is_over = true;
	s->is_there = s->has_alive = false;
	if (was_there || !s->is_told)
		o->o.note(o->o.ctx, s->name, why);
	s->is_told = true;
	forget(s);
	if (was_there)
		o->o.heard(o->o.ctx, NULL, NULL);
	arm(s, 0);
}

static void on_opened(void *ctx)
{
	struct seat *s = ctx;

	s->heard_ms = fp_clock_ms();
	s->silent_ms = SILENT_MS;
	arm(s, LOOK_MS);
}

static void on_drained(void *ctx)
{
	(void)ctx;
}

static void on_closed(void *ctx, int code, const struct fp_err *e)
{
	lose(ctx, code ? e->text : "it ended");
}

static void dial(struct seat *s)
{
	const struct fp_remote_events events = { .opened = on_opened,
						 .data = on_data,
						 .drained = on_drained,
						 .closed = on_closed,
						 .ctx = s };
	struct fp_observers *o = s->o;
	struct fp_err e = { .text = "" };

	s->is_over = false;
	if (fp_remote_open(&s->remote, o->o.loop, &s->config,
			   o->fleet.transport, o->command, o->fleet.timeout_ms,
			   &events, &e))
		lose(s, e.text);
}

static void hang_up(struct seat *s)
{
	fp_remote_close(s->remote);
	s->remote = NULL;
	s->line.len = 0;
	s->is_long = false;
	s->retry_ms = s->retry_ms ? s->retry_ms * 2 : RETRY_MIN_MS;
	if (s->retry_ms > RETRY_MAX_MS)
		s->retry_ms = RETRY_MAX_MS;
	s->is_over = false;
	arm(s, s->retry_ms);
}

static void on_timer(void *ctx)
{
	struct seat *s = ctx;

	if (s->is_over)
		hang_up(s);
	else if (!s->remote)
		dial(s);
	else if (fp_clock_ms() - s->heard_ms > s->silent_ms)
		lose(s, "it says nothing any more");
	else
		arm(s, LOOK_MS);
}

/* ---- what they say */

size_t fp_observers_count(const struct fp_observers *o)
{
	return o->n;
}

bool fp_observers_are_ready(const struct fp_observers *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->seat[i].has_alive)
			return false;
	return true;
}

static const struct word *word_of(const struct seat *s, const char *node,
				  const char *check)
{
	return s->has_alive ? find(s, node, check) : NULL;
}

size_t fp_observers_words(const struct fp_observers *o, const char *node,
			  const char *check, enum fp_health *out)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct word *w = word_of(&o->seat[i], node, check);

		if (w)
			out[n++] = w->state;
	}
	return n;
}

void fp_observers_print(const struct fp_observers *o, const char *node,
			const char *check, struct fp_buf *to)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct word *w = word_of(&o->seat[i], node, check);

		fp_buf_printf(to, ",%s=%s", o->seat[i].name,
			      w ? fp_health_name(w->state) : "-");
	}
}

/* ---- open, close */

static int seat_open(struct seat *s, struct fp_observers *o,
		     const struct fp_host *h, struct fp_err *e)
{
	const char *ignored;
	int r;

	s->o = o;
	s->timer = (struct fp_timer){ .fire = on_timer, .ctx = s };
	s->silent_ms = SILENT_MS;
	snprintf(s->name, sizeof(s->name), "%s", h->name);
	r = fp_fleet_config(&s->config, &ignored, h, &o->fleet, e);
	if (!r)
		arm(s, 0);
	return r ? fp_err_prefix(e, r, "%s", h->name) : 0;
}

int fp_observers_open(struct fp_observers **out,
		      const struct fp_observers_opts *opts,
		      const struct fp_host *const *hosts, size_t n,
		      struct fp_err *e)
{
	struct fp_observers *o = calloc(1, sizeof(*o));
	int r = 0;

	if (!o)
		return fp_err(e, -ENOMEM, "out of memory");
	o->o = *opts;
	o->fleet = *opts->fleet;
	snprintf(o->command, sizeof(o->command), "%s", opts->command);
	o->seat = calloc(n + 1, sizeof(*o->seat));
	if (!o->seat)
		r = fp_err(e, -ENOMEM, "out of memory");
	o->n = 0;
	for (size_t i = 0; i < n && !r; i++) {
		r = seat_open(&o->seat[i], o, hosts[i], e);
		o->n++;
	}
	if (r) {
		fp_observers_close(o);
		return r;
	}
	*out = o;
	return 0;
}

void fp_observers_close(struct fp_observers *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++) {
		struct seat *s = &o->seat[i];

		fp_loop_timer_disarm(o->o.loop, &s->timer);
		fp_remote_close(s->remote);
		fp_buf_fini(&s->line);
		forget(s);
	}
	free(o->seat);
	free(o);
}
