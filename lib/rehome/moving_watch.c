/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/opensips.h"
#include "io/clock.h"
#include "rehome/moving_priv.h"

/* While calls are asked: is the target there, how is its memory, whose are tags. */

#define VIEWS_MS 1000
#define SAMPLE_TIMEOUT_MS 1000
/* Silent to so many questions in a row: it is dead.  A datagram may be lost. */
#define MUTE 3
#define MUTE_TIMEOUT_MS 1000
#define MUTE_AGAIN_MS 300
#define ODD 2         /* samples in a row that are not believed */
#define STALL_MS 1000 /* memory stops us that long: it is said */
#define SHRUNK 0.8    /* of what was said */
#define SAY_MS 5000   /* not more often */
#define WT_MS 5000    /* OpenSIPS' wt_timer: logic/rehome_memory.h */
#define MB (1024.0 * 1024)

/* ---- memory */

static void say_memory(struct moving *m, double rate, const char *what)
{
	double floor = m->o->mover.floor > 0 ? m->o->mover.floor : 0.25;

	m->said_rate = rate;
	m->said_ms = fp_clock_ms();
	moving_say(m,
		   "%s: %s: %.0f of %.0f MB are free, %.0f%% are kept, a "
		   "call takes %.0f KB for 5 s: %.0f calls a second",
		   m->o->to->name, what, (double)m->free / MB,
		   (double)m->total / MB, floor * 100,
		   (double)fp_mover_cost(m->mover) / 1024, rate);
}

static void judge_memory(struct moving *m, int64_t now_ms)
{
	double rate = fp_mover_memory_rate(m->mover, WT_MS);

	m->sum->rate_limit = rate;
	if (!m->sum->shm_min_free || m->free < m->sum->shm_min_free)
		m->sum->shm_min_free = m->free;
	if (!m->said_ms && m->o->is_memory_told) {
		m->said_rate = rate;
		m->said_ms = now_ms;
	} else if (!m->said_ms) {
		say_memory(m, rate, "shared memory");
	} else if (rate < m->said_rate * SHRUNK &&
		   now_ms - m->said_ms >= SAY_MS) {
		say_memory(m, rate, "shared memory shrinks");
	}
}

/* Memory is at its floor: said once, until it is not. */
static void judge_stall(struct moving *m, int64_t now_ms)
{
	if (fp_mover_why(m->mover) != FP_MOVER_MEMORY || m->n_busy) {
		m->stall_ms = 0;
	} else if (!m->stall_ms) {
		m->stall_ms = now_ms;
	} else if (m->stall_ms > 0 && now_ms - m->stall_ms >= STALL_MS) {
		m->stall_ms = -1;
		say_memory(m, fp_mover_memory_rate(m->mover, WT_MS),
			   "waits for shared memory");
	}
}

/* OpenSIPS reads its own figures without a lock: while its allocator splits the one
 * large free piece, all of that counts as used, and a sample may say that nothing is
 * free.  It is asked for again before it is believed; nothing begins meanwhile.
 * Source: OpenSIPS 3.6 mem/f_malloc.c, free_minus, and f_malloc_dyn.h; measured: 24
 * bytes free of 512 MB between samples of 303 and 295 MB. */
static bool is_odd(const struct moving *m, uint64_t total, uint64_t left)
{
	double floor = m->o->mover.floor > 0 ? m->o->mover.floor : 0.25;

	return m->n_odd < ODD &&
	       (left < m->free / 2 || (double)left < floor * (double)total);
}

static void take_sample(struct moving *m, uint64_t total, uint64_t left)
{
	if (is_odd(m, total, left)) {
		m->n_odd++;
		moving_hold(m, HOLD_MEMORY, true);
		moving_sample(m);
		return;
	}
	m->n_odd = 0;
	moving_hold(m, HOLD_MEMORY, false);
	m->total = total;
	m->free = left;
	fp_mover_memory(m->mover, fp_clock_ms(), total, left);
	judge_memory(m, fp_clock_ms());
}

static void sampled(void *ctx, int code, const struct fp_jsonrpc *r,
		    const struct fp_err *said)
{
	struct moving *m = ctx;
	struct fp_err e;
	int64_t total, left;

	(void)said;
	m->is_sampling = false;
	m->sampler = NULL;
	if (code) {
		moving_doubt(m);
		return;
	}
	moving_heard(m);
	total = r->is_error ? -1
			    : fp_os_statistic(r->result, "shmem:total_size");
	left = r->is_error ? -1 : fp_os_statistic(r->result, "shmem:free_size");
	if (total <= 0 || left < 0) {
		fp_err(&e, -EBADMSG, "%s does not tell its shared memory",
		       m->o->to->name);
		moving_stop(m, -EBADMSG, &e);
	} else {
		take_sample(m, (uint64_t)total, (uint64_t)left);
	}
	moving_go(m);
}

/* Over HTTP it would wait behind the call that is under way, and with a silent
 * endpoint for long: it is asked for between calls. */
void moving_sample(struct moving *m)
{
	struct fp_err e;

	if (m->is_sampling || m->code || (m->is_http && m->n_busy))
		return;
	m->is_sampling = true;
	fp_mover_sampling(m->mover, fp_clock_ms());
	if (!fp_mi_ask(m->mi, "get_statistics", "{\"statistics\":[\"shmem:\"]}",
		       SAMPLE_TIMEOUT_MS, sampled, m, &m->sampler, &e))
		return;
	m->is_sampling = false;
	moving_doubt(m);
}

/* ---- is it there? */

static void probe_again(struct moving *m)
{
	struct fp_err e;

	if (++m->n_mute < MUTE) {
		fp_loop_timer_arm(m->loop, &m->probe,
				  fp_clock_ms() + MUTE_AGAIN_MS);
		return;
	}
	fp_err(&e, -EHOSTUNREACH,
	       "%s went silent: %u calls are under way there and not answered, "
	       "nor is \"uptime\"",
	       m->o->to->name, m->n_busy);
	moving_stop(m, -EHOSTUNREACH, &e);
	moving_drop(m, "the target went silent");
	moving_go(m);
}

static void probed(void *ctx, int code, const struct fp_jsonrpc *r,
		   const struct fp_err *said)
{
	struct moving *m = ctx;

	(void)r;
	(void)said;
	m->prober = NULL;
	if (!(m->holds & HOLD_DOUBT))
		return;
	if (code && code != -EBADMSG && code != -EPROTO) {
		probe_again(m);
		return;
	}
	moving_heard(m);
	moving_go(m);
}

static void probe(void *ctx)
{
	struct moving *m = ctx;
	struct fp_err e;

	if (fp_mi_ask(m->mi, "uptime", NULL, MUTE_TIMEOUT_MS, probed, m,
		      &m->prober, &e))
		probe_again(m);
}

void moving_doubt(struct moving *m)
{
	if ((m->holds & HOLD_DOUBT) || m->code == -EHOSTUNREACH)
		return;
	moving_hold(m, HOLD_DOUBT, true);
	m->n_mute = 0;
	if (!m->prober)
		fp_loop_timer_arm(m->loop, &m->probe, fp_clock_ms());
}

void moving_heard(struct moving *m)
{
	if (!(m->holds & HOLD_DOUBT))
		return;
	moving_hold(m, HOLD_DOUBT, false);
	fp_loop_timer_disarm(m->loop, &m->probe);
}

/* ---- all nodes */

static void read_done(void *ctx)
{
	struct moving *m = ctx;
	struct fp_err e = { .text = "" };

	m->is_reading = false;
	m->views_ms = fp_clock_ms();
	moving_hold(m, HOLD_VIEWS, false);
	if (!m->code && m->o->check(m->o->ctx, &e))
		moving_stop(m, -EBUSY, &e);
	moving_go(m);
}

static void read_views(struct moving *m, int64_t now_ms)
{
	if (!m->o->check || m->is_reading || m->code ||
	    now_ms - m->views_ms < VIEWS_MS)
		return;
	if (m->is_http) {
		moving_hold(m, HOLD_VIEWS, true);
		if (m->n_busy || m->is_sampling)
			return;
	}
	m->is_reading = !fp_edges_read_start(m->o->edges, read_done, m);
	if (!m->is_reading)
		moving_hold(m, HOLD_VIEWS, false);
}

void moving_views(struct moving *m)
{
	if (m->holds & HOLD_VIEWS)
		read_views(m, fp_clock_ms());
}

void moving_watch_tick(struct moving *m, int64_t now_ms)
{
	judge_stall(m, now_ms);
	read_views(m, now_ms);
}

void moving_watch_start(struct moving *m)
{
	m->probe = (struct fp_timer){ .fire = probe, .ctx = m };
	m->views_ms = fp_clock_ms();
}

void moving_watch_end(struct moving *m)
{
	fp_loop_timer_disarm(m->loop, &m->probe);
	if (m->is_reading)
		fp_edges_read_drop(m->o->edges);
	if (m->sampler)
		fp_mi_drop(m->sampler);
	if (m->prober)
		fp_mi_drop(m->prober);
	m->sampler = m->prober = NULL;
	m->is_reading = m->is_sampling = false;
	m->holds &= HOLD_DB | HOLD_LATE;
}
