/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of it: the journal, and the state of staged rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "io/clock.h"
#include "recover/recovering_priv.h"

#define WRITE_MS 250
#define BEAT_MS 3000
#define LATE_MS 2000
#define AGAIN_MS 500  /* until fp_db is tried again */
#define AWAY_MS 30000 /* that it is waited for */

/* ---- the journal */

static void detail_of(const struct rec *r, size_t i, struct fp_buf *to)
{
	const struct fp_recovering_call *w = &r->way[i];

	fp_buf_str_add(to, "{\"to\":");
	fp_json_str_add(to, w->to ? w->to->name : "");
	fp_buf_str_add(to, ",\"token\":");
	fp_json_str_add(to, w->token);
	fp_buf_str_add(to, ",\"run\":");
	fp_json_str_add(to, w->run);
	fp_buf_printf(to,
		      ",\"legs\":%zu,\"tries\":%u,\"took_ms\":%" PRId64
		      ",\"reason\":",
		      r->calls->call[i].n, w->tries, w->took_ms);
	fp_json_str_add(to, w->reason);
	fp_buf_str_add(to, "}");
}

void rec_note(struct rec *r, size_t i, const char *state)
{
	struct fp_buf detail = { .data = NULL };
	struct fp_err e;
	char item[sizeof(r->calls->call->name) + 8];
	int c;

	snprintf(item, sizeof(item), "call:%s", r->calls->call[i].name);
	detail_of(r, i, &detail);
	c = fp_journal_add(r->o->journal, item, state, fp_buf_str(&detail), &e);
	fp_buf_fini(&detail);
	r->is_dirty = true;
	if (c)
		rec_stop(r, c, &e);
}

/* That it is away for a while holds what would begin, nothing else. */
static int away(struct rec *r, int code, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();

	if (!r->away_ms) {
		r->away_ms = now_ms;
		rec_say(r,
			"the journal cannot be written, nothing is put until "
			"it can: %s",
			e->text);
	}
	r->hold_ms = now_ms + AGAIN_MS;
	if (now_ms - r->away_ms < AWAY_MS)
		return -EAGAIN;
	fp_err_prefix(e, code, "fp_db is away for %" PRId64 " s",
		      (now_ms - r->away_ms) / 1000);
	rec_stop(r, -EAGAIN, e);
	return -EAGAIN;
}

int rec_flush(struct rec *r, struct fp_err *e)
{
	int c = fp_journal_flush_wait(r->o->journal, e);

	if (c == -EINTR) {
		rec_stop(r, c, e);
		c = fp_journal_flush_wait(r->o->journal, e);
	}
	if (!c) {
		if (r->away_ms)
			rec_say(r, "the journal is written again");
		r->away_ms = 0;
		r->is_dirty = false;
		return 0;
	}
	if (c == -EBUSY || c == -ENOSPC || c == -EIO) {
		rec_stop(r, c, e);
		return c;
	}
	return away(r, c, e);
}

void rec_store_failed(struct rec *r, int code, const struct fp_err *e)
{
	struct fp_err why = *e;

	if (r->code == code || (r->away_ms && code == -EAGAIN))
		return; /* it was said */
	switch (code) {
	case -EBUSY:
	case -EINTR:
	case -ENOMEM:
	case -EINVAL:
		break;
	default:
		code = -EAGAIN;
	}
	rec_stop(r, code, &why);
}

/* ---- staged rows */

void rec_mark(struct rec *r, size_t i, enum rec_mark m)
{
	const struct fp_call *c = &r->calls->call[i];

	for (size_t k = 0; m && k < c->n; k++)
		r->leg[c->first + k].mark = m;
	r->is_dirty |= m != REC_MARK_NONE;
}

static void write_marks(struct rec *r, enum rec_mark m, const char *state,
			const char **uuids)
{
	struct fp_err e;
	size_t n = 0;
	int c;

	for (size_t k = 0; k < r->calls->n_legs; k++)
		if (r->leg[k].mark == m)
			uuids[n++] = r->calls->leg[k].uuid;
	if (!n)
		return;
	c = fp_store_mark(r->o->store, uuids, n, state, &e);
	if (c) {
		rec_store_failed(r, c, &e);
		return;
	}
	for (size_t k = 0; k < r->calls->n_legs; k++)
		if (r->leg[k].mark == m)
			r->leg[k].mark = REC_MARK_NONE;
}

static void write_all_marks(struct rec *r)
{
	const char **uuids = calloc(r->calls->n_legs + 1, sizeof(*uuids));

	if (!uuids)
		return;
	write_marks(r, REC_MARK_PROVEN, "proven", uuids);
	write_marks(r, REC_MARK_LOST, "lost", uuids);
	write_marks(r, REC_MARK_TAKEN, "taken", uuids);
	free(uuids);
}

void rec_beat(struct rec *r)
{
	int64_t now_ms = fp_clock_ms();
	struct fp_err e;
	int c;

	if (r->code || !r->o->store || now_ms < r->beat_ms)
		return;
	r->beat_ms = now_ms + BEAT_MS;
	c = fp_store_check(r->o->store, &e);
	if (c)
		rec_store_failed(r, c, &e);
}

static bool is_putting(const struct rec *r)
{
	for (size_t k = 0; k < r->n_t && !r->code; k++)
		if (rec_queued(&r->t[k]))
			return true;
	return false;
}

/* The journal's word comes first: a row that says proven is forgotten. */
void rec_write(struct rec *r, bool is_all)
{
	int64_t now_ms = fp_clock_ms();
	struct fp_err e;

	if (r->code == -EBUSY || (!is_all && now_ms < r->write_ms))
		return;
	r->write_ms = now_ms + WRITE_MS;
	if (r->o->progress)
		r->o->progress(r->o->ctx, "recover", r->n_all - r->n_open,
			       r->n_all);
	if (!r->is_dirty || !r->leg || (!is_all && now_ms < r->hold_ms))
		return;
	/* the next batch's flush takes what there is along */
	if (!is_all && is_putting(r) &&
	    now_ms - fp_journal_flushed_ms(r->o->journal) < LATE_MS)
		return;
	if (!rec_flush(r, &e))
		write_all_marks(r);
}
