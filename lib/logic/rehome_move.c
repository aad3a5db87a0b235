/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/rehome_move.h"

#include <stdlib.h>

#include "logic/rehome_memory.h"

#define WINDOW 8
/* Source: RFC 3261 14.1: 2.1 to 4 s, in steps of 10 ms. */
#define GLARE_MIN_MS 2100
#define GLARE_STEPS 191
#define AGAIN_MS 2000 /* after another 5xx */
#define LATE_MS 10    /* timers may be that late without the rate falling */

struct call {
	uint8_t verdict, last; /* of its last try */
	uint8_t tries;
	uint8_t n_glare, n_server, n_silent, n_unknown;
};

struct again {
	int64_t due_ms;
	uint32_t i;
};

struct fp_mover {
	struct fp_mover_opts o;
	size_t n;
	struct call *call;
	size_t fresh, allowed; /* from fresh on: not asked yet */
	struct again *again;   /* a heap: the earliest first */
	size_t n_again;
	uint32_t *later; /* those for the end, in a ring of n */
	size_t n_later, later_at;
	unsigned int under; /* way */
	double tokens;
	int64_t tokens_ms;
	bool is_held, is_stopped;
	uint64_t seed;
	struct fp_memory memory;
	enum fp_mover_why why;
	size_t count[FP_MOVE_VERDICTS];
};

struct fp_mover *fp_mover_new(const struct fp_mover_opts *o, size_t n)
{
	struct fp_mover *m = n < UINT32_MAX ? calloc(1, sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	m->o = *o;
	m->n = n;
	m->o.window = o->window ? o->window : WINDOW;
	m->seed = o->seed + 0x9e3779b97f4a7c15u;
	m->tokens = 1;
	m->count[FP_MOVE_WAITING] = n;
	fp_memory_init(&m->memory, o->cost_bytes, o->floor);
	m->call = calloc(n + 1, sizeof(*m->call));
	m->again = calloc(n + 1, sizeof(*m->again));
	m->later = calloc(n + 1, sizeof(*m->later));
	if (m->call && m->again && m->later)
		return m;
	fp_mover_free(m);
	return NULL;
}

void fp_mover_free(struct fp_mover *m)
{
	if (!m)
		return;
	free(m->call);
	free(m->again);
	free(m->later);
	free(m);
}

static void become(struct fp_mover *m, size_t i, enum fp_move_verdict v)
{
	m->count[m->call[i].verdict]--;
	m->call[i].verdict = (uint8_t)v;
	m->count[v]++;
}

void fp_mover_was(struct fp_mover *m, size_t i, enum fp_move_verdict v)
{
	switch (v) {
	case FP_MOVE_MOVED:
		become(m, i, FP_MOVE_DONE);
		break;
	case FP_MOVE_WAITING:
	case FP_MOVE_ASKED:
	case FP_MOVE_UNKNOWN:
	case FP_MOVE_SKIPPED:
		become(m, i, FP_MOVE_WAITING);
		break;
	default:
		become(m, i, v);
	}
}

void fp_mover_skip(struct fp_mover *m, size_t i)
{
	become(m, i, FP_MOVE_SKIPPED);
}

void fp_mover_allow(struct fp_mover *m, size_t n)
{
	if (n > m->allowed)
		m->allowed = n;
}

void fp_mover_sampling(struct fp_mover *m, int64_t now_ms)
{
	fp_memory_ask(&m->memory, now_ms, m->under);
}

void fp_mover_memory(struct fp_mover *m, int64_t now_ms, uint64_t total,
		     uint64_t free)
{
	fp_memory_sample(&m->memory, now_ms, total, free);
}

bool fp_mover_wants_sample(const struct fp_mover *m, int64_t now_ms)
{
	return fp_memory_wants(&m->memory, now_ms);
}

void fp_mover_hold(struct fp_mover *m, bool is_held)
{
	m->is_held = is_held;
}

void fp_mover_stop(struct fp_mover *m)
{
	m->is_stopped = true;
	m->n_again = m->n_later = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (m->call[i].verdict != FP_MOVE_WAITING)
			continue;
		become(m, i,
		       m->call[i].tries ? (enum fp_move_verdict)m->call[i].last
					: FP_MOVE_SKIPPED);
	}
}

/* ---- those that are asked again */

static void again_put(struct fp_mover *m, size_t i, int64_t due_ms)
{
	size_t at = m->n_again++, up;

	for (; at; at = up) {
		up = (at - 1) / 2;
		if (m->again[up].due_ms <= due_ms)
			break;
		m->again[at] = m->again[up];
	}
	m->again[at] = (struct again){ due_ms, (uint32_t)i };
}

static size_t again_take(struct fp_mover *m)
{
	struct again first = m->again[0], last = m->again[--m->n_again];
	size_t at = 0, down;

	for (; (down = 2 * at + 1) < m->n_again; at = down) {
		if (down + 1 < m->n_again &&
		    m->again[down + 1].due_ms < m->again[down].due_ms)
			down++;
		if (last.due_ms <= m->again[down].due_ms)
			break;
		m->again[at] = m->again[down];
	}
	m->again[at] = last;
	return first.i;
}

static void later_put(struct fp_mover *m, size_t i)
{
	m->later[(m->later_at + m->n_later++) % (m->n + 1)] = (uint32_t)i;
}

static size_t later_take(struct fp_mover *m)
{
	size_t i = m->later[m->later_at];

	m->later_at = (m->later_at + 1) % (m->n + 1);
	m->n_later--;
	return i;
}

/* splitmix64 */
static uint64_t any(struct fp_mover *m)
{
	uint64_t z = m->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Is it put among those that are asked again? */
static bool is_again(struct fp_mover *m, size_t i, int64_t now_ms,
		     const struct fp_move_answer *a)
{
	unsigned int once = m->o.retries ? 1 : 0;
	struct call *c = &m->call[i];

	if (m->is_stopped || c->tries == UINT8_MAX)
		return false;
	if (c->last == FP_MOVE_UNKNOWN && c->n_unknown < 1) {
		c->n_unknown++;
		later_put(m, i);
	} else if (c->last == FP_MOVE_SILENT &&
		   c->n_silent < m->o.silent_retries) {
		c->n_silent++;
		later_put(m, i);
	} else if (c->last != FP_MOVE_FAILED || a->code) {
		return false;
	} else if (a->sip_code == 491 && c->n_glare < m->o.retries) {
		c->n_glare++;
		again_put(m, i,
			  now_ms + GLARE_MIN_MS +
				  (int64_t)(any(m) % GLARE_STEPS) * 10);
	} else if ((a->sip_code >= 500 || a->rpc_code >= 500) &&
		   c->n_server < once) {
		c->n_server++;
		again_put(m, i, now_ms + AGAIN_MS);
	} else {
		return false;
	}
	return true;
}

bool fp_mover_answer(struct fp_mover *m, int64_t now_ms, size_t i,
		     const struct fp_move_answer *a)
{
	struct call *c = &m->call[i];

	if (c->verdict != FP_MOVE_ASKED)
		return true;
	m->under--;
	c->last = (uint8_t)fp_move_classify(a);
	if (is_again(m, i, now_ms, a)) {
		become(m, i, FP_MOVE_WAITING);
		return false;
	}
	become(m, i, (enum fp_move_verdict)c->last);
	return true;
}

/* ---- what is next */

/* Calls a second; 0: any. */
static double rate_of(const struct fp_mover *m)
{
	double memory = fp_memory_rate(&m->memory, FP_MEMORY_WT_MS);

	return m->o.rate > memory ? memory : m->o.rate;
}

/* When is there a token?  A bucket of one, and of what comes in while a timer is
 * late. */
static int64_t token_ms(struct fp_mover *m, int64_t now_ms)
{
	double rate = rate_of(m), max = 1 + rate * LATE_MS / 1000, wait;
	int64_t wait_ms;

	if (m->o.rate <= 0)
		return now_ms;
	if (max > m->o.window)
		max = m->o.window;
	if (m->tokens_ms && now_ms > m->tokens_ms)
		m->tokens += (double)(now_ms - m->tokens_ms) * rate / 1000;
	m->tokens_ms = now_ms;
	if (m->tokens > max)
		m->tokens = max;
	if (m->tokens >= 1)
		return now_ms;
	if (rate <= 0)
		return INT64_MAX;
	wait = (1 - m->tokens) * 1000 / rate;
	wait_ms = wait < 3600000 ? (int64_t)wait : 3600000;
	return now_ms + wait_ms + ((double)wait_ms < wait);
}

static bool is_fresh(const struct fp_mover *m, size_t i)
{
	return m->call[i].verdict == FP_MOVE_WAITING && !m->call[i].tries;
}

/* Where the next comes from. */
enum source { NONE, AGAIN, FRESH, LATER };

static enum source find(struct fp_mover *m, int64_t now_ms, int64_t *wake_ms)
{
	m->why = FP_MOVER_ANSWERS;
	if (m->n_again) {
		if (m->again[0].due_ms <= now_ms)
			return AGAIN;
		*wake_ms = m->again[0].due_ms;
		m->why = FP_MOVER_TIME;
	}
	while (m->fresh < m->n && !is_fresh(m, m->fresh))
		m->fresh++;
	if (m->fresh < m->n) {
		if (m->fresh < m->allowed)
			return FRESH;
		m->why = FP_MOVER_ALLOW;
		return NONE;
	}
	return m->n_later ? LATER : NONE;
}

static size_t take(struct fp_mover *m, enum source s)
{
	size_t i = s == AGAIN   ? again_take(m)
		   : s == FRESH ? m->fresh++
				: later_take(m);

	m->call[i].tries++;
	become(m, i, FP_MOVE_ASKED);
	m->under++;
	m->memory.begun++;
	if (m->o.rate > 0)
		m->tokens -= 1;
	return i;
}

/* May one begin?  Else why not, and until when. */
static bool is_time(struct fp_mover *m, int64_t now_ms, int64_t *wake_ms)
{
	int64_t at_ms;

	if (fp_memory_is_old(&m->memory, now_ms)) {
		m->why = FP_MOVER_SAMPLE;
		return false;
	}
	at_ms = token_ms(m, now_ms);
	if (!fp_memory_has_room(&m->memory) || at_ms == INT64_MAX) {
		m->why = FP_MOVER_MEMORY;
		return false;
	}
	if (at_ms <= now_ms)
		return true;
	m->why = FP_MOVER_TIME;
	*wake_ms = at_ms;
	return false;
}

enum fp_mover_step fp_mover_next(struct fp_mover *m, int64_t now_ms, size_t *i,
				 int64_t *wake_ms)
{
	enum source s;

	*wake_ms = 0;
	if (!m->count[FP_MOVE_WAITING] && !m->count[FP_MOVE_ASKED])
		return FP_MOVER_END;
	m->why = FP_MOVER_HELD;
	if (m->is_held)
		return FP_MOVER_WAIT;
	m->why = FP_MOVER_ANSWERS;
	if (m->is_stopped || m->under >= m->o.window)
		return FP_MOVER_WAIT;
	s = find(m, now_ms, wake_ms);
	if (s == NONE)
		return FP_MOVER_WAIT;
	*wake_ms = 0;
	if (!is_time(m, now_ms, wake_ms))
		return FP_MOVER_WAIT;
	*i = take(m, s);
	return FP_MOVER_ASK;
}

/* ---- what others see */

enum fp_mover_why fp_mover_why(const struct fp_mover *m)
{
	return m->why;
}

enum fp_move_verdict fp_mover_verdict(const struct fp_mover *m, size_t i)
{
	return (enum fp_move_verdict)m->call[i].verdict;
}

unsigned int fp_mover_tries(const struct fp_mover *m, size_t i)
{
	return m->call[i].tries;
}

size_t fp_mover_count(const struct fp_mover *m, enum fp_move_verdict v)
{
	return m->count[v];
}

double fp_mover_memory_rate(const struct fp_mover *m, int64_t wt_ms)
{
	return fp_memory_rate(&m->memory, wt_ms);
}

size_t fp_mover_cost(const struct fp_mover *m)
{
	return m->memory.cost;
}
