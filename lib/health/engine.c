/* SPDX-License-Identifier: Apache-2.0 */
#include "health/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "io/clock.h"

#define PER_MS 16        /* readings begun in one turn of a round */
#define PER_SECOND 10000 /* ... of the first readings of a watch */
#define LATE_MAX 1023    /* what is later counts as this */
#define CHUNK 64         /* probes are kept in place: they are pointed to */

/* A probe and when it is asked.  The timer is the deadline of a reading under
 * way, else when the next one begins. */
struct slot {
	struct fp_probe p;
	struct fp_engine *en;
	struct fp_timer timer;
	struct fp_lookup *lookup;
	int64_t phase_ms, planned_ms;
	size_t index;
	bool is_made;   /* init was well */
	bool is_wanted; /* in this round, and not begun */
	bool is_asked;  /* a reading is awaited: of p, or of its name */
	bool is_begun;  /* kind->start was called */
};

struct fp_engine {
	struct fp_engine_opts o;
	struct slot **chunk;
	size_t n;
	int64_t t0_ms;
	size_t n_asked, n_left; /* under way; of this round */
	size_t cursor;          /* of this round */
	struct fp_timer pace;
	uint32_t late[LATE_MAX + 1];
};

static struct slot *slot_at(const struct fp_engine *en, size_t i)
{
	return &en->chunk[i / CHUNK][i % CHUNK];
}

static void arm(struct slot *s, int64_t at_ms)
{
	fp_loop_timer_arm(s->en->o.env->loop, &s->timer, at_ms);
}

/* ---- a reading ends */

/* The next time on its grid, not sooner than half an interval after it began. */
static int64_t next_ms(const struct slot *s, int64_t now_ms)
{
	int64_t every_ms = s->en->o.interval_ms;
	int64_t base_ms = s->en->t0_ms + s->phase_ms;
	int64_t at_ms = base_ms;

	if (now_ms >= base_ms)
		at_ms += ((now_ms - base_ms) / every_ms + 1) * every_ms;
	if (at_ms - s->p.started_ms < every_ms / 2)
		at_ms += every_ms;
	return at_ms;
}

static void pace(struct fp_engine *en, int64_t in_ms)
{
	if (!en->pace.at_ms)
		fp_loop_timer_arm(en->o.env->loop, &en->pace,
				  fp_clock_ms() + in_ms);
}

static void settle(struct slot *s)
{
	struct fp_engine *en = s->en;

	s->is_asked = false;
	s->is_begun = false;
	s->p.is_running = false;
	en->n_asked--;
	fp_loop_timer_disarm(en->o.env->loop, &s->timer);
	if (en->o.interval_ms) {
		s->planned_ms = next_ms(s, fp_clock_ms());
		arm(s, s->planned_ms);
	} else {
		en->n_left--;
		pace(en, 0);
	}
}

static void tell(struct slot *s, struct fp_reading *r, bool is_news)
{
	if (!is_news)
		settle(s);
	s->en->o.reading(s->en->o.ctx, s->index, r, is_news);
	fp_reading_fini(r);
}

/* From fp_probe_done and fp_probe_news. */
static void on_done(struct fp_probe *p, struct fp_reading *r)
{
	struct slot *s = p->ctx;

	tell(s, r, !s->is_begun || p->is_running);
}

static void fail(struct slot *s, int code, const struct fp_err *e)
{
	struct fp_reading r;

	fp_reading_init(&r);
	fp_reading_say(&r, FP_UNKNOWN, "%s",
		       e->text[0] ? e->text : strerror(-code));
	r.is_silent = s->is_made && (code == -ETIMEDOUT ||
				     code == -EHOSTUNREACH); /* of DNS */
	tell(s, &r, false);
}

/* ---- a reading begins */

static void begin(struct slot *s)
{
	s->is_begun = true;
	s->p.is_running = true;
	s->p.kind->start(&s->p);
}

static void on_resolved(void *ctx, int code, const struct sockaddr *to,
			socklen_t len, const struct fp_err *e)
{
	struct slot *s = ctx;

	s->lookup = NULL;
	if (code) {
		fail(s, code, e);
		return;
	}
	memcpy(&s->p.sa, to, len);
	s->p.sa_len = len;
	begin(s);
}

static void resolve(struct slot *s)
{
	const struct fp_probe_env *env = s->en->o.env;
	struct fp_err e = { .text = "" };
	struct fp_lookup *lookup = NULL;
	int r = fp_resolve(env->resolver, &s->p.to, s->p.kind->default_port,
			   s->p.timeout_ms, on_resolved, s, &lookup, &e);

	if (r)
		fail(s, r, &e);
	else if (lookup)
		s->lookup = lookup;
}

static bool make(struct slot *s, struct fp_err *e, int *code)
{
	*code = s->is_made ? 0 : s->p.kind->init(&s->p, e);
	s->is_made = !*code;
	return s->is_made;
}

static void ask(struct slot *s)
{
	struct fp_engine *en = s->en;
	struct fp_err e = { .text = "" };
	int code;

	s->is_asked = true;
	en->n_asked++;
	s->p.timeout_ms = en->o.timeout_ms;
	s->p.started_us = fp_clock_us();
	s->p.started_ms = s->p.started_us / 1000;
	s->p.deadline_ms = s->p.started_ms + en->o.timeout_ms;
	arm(s, s->p.deadline_ms);
	if (!make(s, &e, &code))
		fail(s, code, &e);
	else if (s->p.kind->default_port)
		resolve(s);
	else
		begin(s);
}

/* ---- its deadline */

static void expire(struct slot *s)
{
	struct fp_reading r;

	fp_reading_init(&r);
	if (s->lookup) {
		fp_resolve_cancel(s->lookup);
		s->lookup = NULL;
		fp_reading_say(&r, FP_UNKNOWN,
			       "%s: no answer of DNS within %lld ms",
			       s->p.to.host, (long long)s->p.timeout_ms);
		r.is_silent = true;
	} else {
		s->p.is_running = false;
		s->p.kind->expire(&s->p, &r);
	}
	tell(s, &r, false);
}

static void count_late(struct fp_engine *en, int64_t ms)
{
	en->late[ms < 0 ? 0 : ms > LATE_MAX ? LATE_MAX : ms]++;
}

static void on_timer(void *ctx)
{
	struct slot *s = ctx;

	if (s->is_asked) {
		expire(s);
		return;
	}
	count_late(s->en, fp_clock_ms() - s->planned_ms);
	ask(s);
}

/* ---- a round */

static bool has_room(const struct fp_engine *en)
{
	return !en->o.parallel || en->n_asked < en->o.parallel;
}

/* A few at a time: what answers comes in between. */
static void on_pace(void *ctx)
{
	struct fp_engine *en = ctx;
	int n = 0;

	while (en->cursor < en->n && n < PER_MS && has_room(en)) {
		struct slot *s = slot_at(en, en->cursor++);

		if (!s->is_wanted)
			continue;
		s->is_wanted = false;
		ask(s);
		n++;
	}
	if (!en->n_left)
		en->o.round(en->o.ctx);
	else if (en->cursor < en->n && has_room(en))
		pace(en, 1);
}

void fp_engine_round(struct fp_engine *en, bool (*want)(void *ctx, size_t i))
{
	en->cursor = 0;
	en->n_left = 0;
	for (size_t i = 0; i < en->n; i++) {
		struct slot *s = slot_at(en, i);

		s->is_wanted = !want || want(en->o.ctx, i);
		en->n_left += s->is_wanted;
	}
	pace(en, 0);
}

/* The first readings come as soon as that does no harm, later ones on the
 * grid. */
void fp_engine_start(struct fp_engine *en)
{
	int64_t every_ms = en->o.interval_ms, now_ms = fp_clock_ms();
	int64_t first_ms = (int64_t)en->n * 1000 / PER_SECOND + 1;

	if (first_ms > every_ms)
		first_ms = every_ms;
	en->t0_ms = now_ms;
	for (size_t i = 0; i < en->n; i++) {
		struct slot *s = slot_at(en, i);

		s->phase_ms = every_ms * (int64_t)i / (int64_t)en->n;
		s->planned_ms = now_ms + first_ms * (int64_t)i / (int64_t)en->n;
		arm(s, s->planned_ms);
	}
}

/* ---- lateness */

static int64_t late_at(const struct fp_engine *en, uint64_t rank)
{
	uint64_t n = 0;

	for (int ms = 0; ms <= LATE_MAX; ms++) {
		n += en->late[ms];
		if (n > rank)
			return ms;
	}
	return 0;
}

void fp_engine_lateness(struct fp_engine *en, struct fp_lateness *out)
{
	*out = (struct fp_lateness){ .n = 0 };
	for (int ms = 0; ms <= LATE_MAX; ms++)
		out->n += en->late[ms];
	if (out->n) {
		out->p50_ms = late_at(en, out->n / 2);
		out->p99_ms = late_at(en, out->n - 1 - out->n / 100);
		out->max_ms = late_at(en, out->n - 1);
	}
	memset(en->late, 0, sizeof(en->late));
}

/* ---- all of them */

/* A probe is a descriptor at least, where it has a connection. */
static void raise_limit(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int fp_engine_open(struct fp_engine **out, const struct fp_engine_opts *o,
		   struct fp_err *e)
{
	struct fp_engine *en = calloc(1, sizeof(*en));

	if (!en)
		return fp_err(e, -ENOMEM, "out of memory");
	raise_limit();
	en->o = *o;
	en->pace = (struct fp_timer){ .fire = on_pace, .ctx = en };
	*out = en;
	return 0;
}

static void slot_fini(struct slot *s)
{
	struct fp_reading r;

	fp_loop_timer_disarm(s->en->o.env->loop, &s->timer);
	if (s->lookup)
		fp_resolve_cancel(s->lookup);
	if (s->is_begun) {
		fp_reading_init(&r);
		s->p.is_running = false;
		s->p.kind->expire(&s->p, &r);
		fp_reading_fini(&r);
	}
	if (s->is_made)
		s->p.kind->fini(&s->p);
}

void fp_engine_close(struct fp_engine *en)
{
	if (!en)
		return;
	fp_loop_timer_disarm(en->o.env->loop, &en->pace);
	for (size_t i = 0; i < en->n; i++)
		slot_fini(slot_at(en, i));
	for (size_t i = 0; i * CHUNK < en->n; i++)
		free(en->chunk[i]);
	free(en->chunk);
	free(en);
}

static int make_room(struct fp_engine *en)
{
	size_t n = en->n / CHUNK;
	struct slot **chunk;

	if (en->n % CHUNK)
		return 0;
	chunk = reallocarray(en->chunk, n + 1, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	en->chunk = chunk;
	chunk[n] = calloc(CHUNK, sizeof(**chunk));
	return chunk[n] ? 0 : -ENOMEM;
}

int fp_engine_add(struct fp_engine *en, const struct fp_probe_kind *kind,
		  const struct fp_host *host, const struct fp_endpoint *to,
		  const char *check, struct fp_err *e)
{
	struct slot *s;

	if (make_room(en))
		return fp_err(e, -ENOMEM, "out of memory");
	s = slot_at(en, en->n);
	s->en = en;
	s->index = en->n++;
	s->timer = (struct fp_timer){ .fire = on_timer, .ctx = s };
	s->p.kind = kind;
	s->p.env = en->o.env;
	s->p.host = host;
	s->p.to = *to;
	s->p.done = on_done;
	s->p.ctx = s;
	snprintf(s->p.check, sizeof(s->p.check), "%s", check);
	return 0;
}

const struct fp_probe *fp_engine_probe(const struct fp_engine *en, size_t i)
{
	return &slot_at(en, i)->p;
}
