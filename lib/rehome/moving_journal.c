/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "io/clock.h"
#include "rehome/moving_priv.h"

/* What is meant to be done is in fp_db before it is done, what was done soon after.
 * Who takes over asks again what has no verdict, which is harmless. */

#define CHUNK_MIN 32
#define CHUNK_MAX 2048
#define AGAIN_MS 500 /* until fp_db is tried again */
#define AWAY 6       /* question's times that fp_db is waited for */

static int add(struct moving *m, const struct fp_moving_call *c,
	       const char *state, const char *detail)
{
	struct fp_buf item = { 0 };
	struct fp_err e = { .text = "no memory" };
	int r = -ENOMEM;

	fp_buf_printf(&item, "call:%s", c->callid);
	if (fp_buf_str(&item))
		r = fp_journal_add(m->o->journal, fp_buf_str(&item), state,
				   detail, &e);
	fp_buf_fini(&item);
	m->is_dirty = true;
	if (r)
		moving_stop(m, r, &e);
	return r;
}

void moving_note(struct moving *m, const struct fp_moving_call *c)
{
	struct fp_buf detail = { 0 };

	fp_buf_printf(&detail, "{\"to\":");
	fp_json_str_add(&detail, m->o->to->name);
	fp_buf_printf(&detail,
		      ",\"code\":%d,\"tries\":%u,\"ms\":%" PRId64
		      ",\"reason\":",
		      c->code, c->tries, c->took_ms);
	fp_json_str_add(&detail, c->reason);
	fp_buf_str_add(&detail, "}");
	add(m, c, fp_move_verdict_name(c->verdict), fp_buf_str(&detail));
	fp_buf_fini(&detail);
}

/* ---- flushes */

static void is_away_for_good(struct moving *m, const struct fp_err *why)
{
	int64_t ms = fp_clock_ms() - m->away_ms;
	struct fp_err e;

	if (m->code || ms < AWAY * m->o->edges->o.timeout_ms)
		return;
	fp_err(&e, -EAGAIN,
	       "fp_db is away for %" PRId64 " s: %s; when nothing else runs "
	       "the job, resume --override lock goes on without it",
	       ms / 1000, why->text);
	moving_stop(m, -EAGAIN, &e);
}

static void lost(struct moving *m, int code, const struct fp_err *e)
{
	if (code == -EBUSY || code == -ENOSPC || code == -EIO) {
		moving_stop(m, code, e);
		return;
	}
	m->is_dirty = true;
	m->flush_ms = fp_clock_ms() + AGAIN_MS;
	if (!(m->holds & HOLD_DB)) {
		m->away_ms = fp_clock_ms();
		moving_say(m,
			   "the journal cannot be written, nothing new "
			   "begins until it can: %s",
			   e->text);
	}
	moving_hold(m, HOLD_DB, true);
	is_away_for_good(m, e);
}

static void flushed(void *ctx, int code, const struct fp_err *e)
{
	struct moving *m = ctx;

	m->is_flushing = false;
	if (code) {
		lost(m, code, e);
	} else {
		if (m->holds & HOLD_DB)
			moving_say(m, "the journal is written again");
		moving_hold(m, HOLD_DB, false);
		if (m->is_proof)
			moving_hold(m, HOLD_LATE, false);
		if (m->what == ASK_MOVE)
			fp_mover_allow(m->mover, m->flush_to);
	}
	moving_go(m);
}

static void flush(struct moving *m)
{
	struct fp_err e = { .text = "" };
	int r;

	m->is_flushing = true;
	m->is_proof = m->holds & HOLD_LATE;
	m->is_dirty = m->is_starved = false;
	m->flush_to = m->n_added;
	r = fp_journal_flush(m->o->journal, flushed, m, &e);
	if (!r)
		return;
	m->is_flushing = false;
	lost(m, r, &e);
}

void moving_flush(struct moving *m)
{
	if (m->is_dirty && !m->is_flushing && m->code != -EBUSY &&
	    fp_clock_ms() >= m->flush_ms)
		flush(m);
}

/* What was allowed before may be another controller's by now: a flush that begins from
 * here on says.  One under way may have been answered long ago. */
void moving_ran(struct moving *m)
{
	int64_t late_ms = fp_late_ran(&m->ran, NULL);

	if (!late_ms || m->code)
		return;
	moving_say(m,
		   "this was not run for %" PRId64 " s: nothing new begins "
		   "until the journal says that the job is ours",
		   late_ms / 1000);
	moving_hold(m, HOLD_LATE, true);
	m->is_proof = false;
	m->is_dirty = true;
	moving_flush(m);
}

void moving_starved(struct moving *m)
{
	if (!m->is_flushing || m->is_starved)
		return;
	m->is_starved = true;
	if (m->chunk < CHUNK_MAX)
		m->chunk *= 2;
}

/* ---- intents */

static int add_chunk(struct moving *m)
{
	size_t n = 0;
	int r = 0;

	for (; m->n_added < m->n && n < m->chunk && !r; m->n_added++) {
		struct fp_moving_call *c = &m->call[m->n_added];

		if (c->verdict != FP_MOVE_WAITING)
			continue;
		r = add(m, c, "asked", NULL);
		n++;
	}
	m->n_intents += n;
	return r;
}

void moving_prepare(struct moving *m)
{
	if (!m->chunk)
		m->chunk =
			4 * m->window > CHUNK_MIN ? 4 * m->window : CHUNK_MIN;
	if (m->what != ASK_MOVE || m->code || m->is_flushing ||
	    (m->holds & HOLD_DB) || m->n_added == m->n ||
	    m->n_intents - m->n_begun >= m->chunk)
		return;
	if (!add_chunk(m))
		flush(m);
}

int moving_flush_all(struct moving *m, struct fp_err *e)
{
	struct fp_err why;
	int r = fp_journal_flush_wait(m->o->journal, &why);

	if (r == -EINTR) /* a signal: it is written all the same */
		r = fp_journal_flush_wait(m->o->journal, &why);
	if (r == -EBUSY || r == -ENOSPC || r == -EIO)
		return fp_err(e, r, "%s", why.text);
	if (r)
		moving_say(m, "the journal is written here alone: %s",
			   why.text);
	return 0;
}
