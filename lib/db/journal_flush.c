/* SPDX-License-Identifier: Apache-2.0 */
/* A journal tells fp_db from a thread, one flush at a time.  It says something also
 * when nothing happens: whose session is silent is taken for stopped
 * (fp_db_lock_from_idle). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "db/journal_own.h"
#include "io/clock.h"
#include "io/ssl_thread.h"

#define BEATS 6 /* in the time after which a session is taken for stopped */
/* Steps at fp_db that a flush has at most, each with its deadline, and what has
 * none: names of hosts, fsync(2). */
#define STEPS 30
#define SLACK_MS 60000
#define WORDS_A_STEP 1000

int fp_journal_is_lost(const struct fp_journal *j, struct fp_err *e)
{
	if (j->lost && e)
		*e = j->lost_err;
	return j->lost;
}

void fp_journal_lose(struct fp_journal *j, int code, const char *why)
{
	if (!j->lost)
		j->lost = fp_err(&j->lost_err, code, "%s", why);
}

/* ---- a flush, in its thread */

struct flush {
	struct fp_journal_db *db; /* NULL: without */
	struct fp_journal_words words;
	struct fp_journal_change change;
	struct fp_journal_copy copy; /* a descriptor of its own */
};

static void flush_free(void *data)
{
	struct flush *f = data;

	fp_journal_db_free(f->db);
	fp_journal_words_fini(&f->words);
	fp_journal_copy_close(&f->copy);
	free(f->change.state);
	free(f->change.plan);
	free(f);
}

/* A standby that lagged took over: what it lost the copy has. */
static int tell_again(struct flush *f, struct fp_err *e)
{
	struct fp_journal_place from = { f->db->epoch, (int64_t)f->db->n_told };
	struct fp_journal_words again = { .v = NULL };
	int r = fp_journal_copy_words(&f->copy, from, &again, e);

	if (r) {
		fp_journal_words_fini(&again);
		return r;
	}
	fp_journal_words_fini(&f->words);
	f->words = again;
	return fp_journal_db_flush(f->db, &f->words, &f->change, e);
}

/* The copy is on disk before fp_db is told: it never has less. */
static int flush_run(void *data, struct fp_err *e)
{
	struct flush *f = data;
	struct fp_err sync_err;
	int sync = fp_journal_copy_sync(&f->copy, &sync_err), r = 0;

	if (f->db)
		r = fp_journal_db_flush(f->db, &f->words, &f->change, e);
	if (r == -ESTALE)
		r = tell_again(f, e);
	fp_ssl_thread_end();
	if (r || !sync)
		return r;
	*e = sync_err;
	return sync == -ENOSPC ? sync : -EIO;
}

/* ---- and on the loop */

static void arm(struct fp_journal *j)
{
	if (j->has_db && !j->lost && !j->is_over)
		fp_loop_timer_arm(j->o.loop, &j->beat,
				  fp_clock_ms() + j->o.idle_s * 1000 / BEATS);
}

/* What the thread had is ours again. */
static void take_back(struct fp_journal *j, struct flush *f, int code)
{
	j->db = f->db;
	f->db = NULL;
	if (f->copy.is_dirty)
		j->copy.is_dirty = true;
	if (f->words.first == f->words.n)
		fp_journal_words_fini(&f->words);
	else if (fp_journal_words_before(&f->words, &j->words))
		fp_journal_lose(j, -ENOMEM, "out of memory");
	if (code == -EBUSY)
		fp_journal_lose(j, code, j->err.text);
}

static void flushed(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct fp_journal *j = ctx;
	bool is_users = j->is_users;

	j->task = NULL;
	j->is_users = false;
	j->is_idle = true;
	j->code = code;
	if (code)
		j->err = *e;
	if (data)
		take_back(j, data, code);
	else /* it hangs, with all that it was to tell: the copy has that */
		fp_journal_lose(j, -EIO,
				"fp_db and the copy: a flush has no end");
	if (!code) {
		j->flushed_ms = j->begun_ms;
		j->sure_boot_ms = j->begun_boot_ms;
	}
	arm(j);
	if (j->n_waiting)
		fp_loop_stop(j->o.loop);
	if (!is_users)
		fp_journal_kick(j);
	else /* who may close it */
		j->done(j->done_ctx, code, &j->err);
}

int64_t fp_journal_deadline_ms(const struct fp_journal *j)
{
	int64_t steps = STEPS + (int64_t)(j->words.n / WORDS_A_STEP) +
			(j->db ? (int64_t)j->db->n_locks : 0);

	return steps * j->o.timeout_ms + SLACK_MS;
}

/* The change's texts are given away. */
static int begin_flush(struct fp_journal *j, struct fp_journal_change *change,
		       struct fp_err *e)
{
	struct flush *f = calloc(1, sizeof(*f));
	struct fp_job job = { .run = flush_run,
			      .done = flushed,
			      .free = flush_free,
			      .data = f,
			      .ctx = j,
			      .timeout_ms = fp_journal_deadline_ms(j) };
	int fd = fcntl(j->copy.fd, F_DUPFD_CLOEXEC, 0);

	if (!f || fd < 0) {
		free(f);
		return fp_journal_oom(e);
	}
	f->copy = j->copy;
	f->copy.fd = fd;
	f->change = *change;
	*change = (struct fp_journal_change){ .state = NULL };
	f->db = j->db;
	f->words = j->words;
	j->db = NULL;
	j->words = (struct fp_journal_words){ .v = NULL };
	j->copy.is_dirty = false;
	j->is_idle = false;
	j->begun_ms = fp_clock_ms();
	j->begun_boot_ms = fp_clock_boot_ms();
	fp_loop_timer_disarm(j->o.loop, &j->beat);
	if (!fp_work_do(j->o.work, &job, &j->task, e))
		return 0;
	/* what it would have told is gone; the copy has it */
	fp_journal_lose(j, -ENOMEM, "out of memory");
	return fp_journal_is_lost(j, e);
}

static void on_beat(void *ctx)
{
	struct fp_journal *j = ctx;
	struct fp_journal_change none = { .state = NULL };

	if (j->task || j->n_waiting || begin_flush(j, &none, NULL))
		arm(j);
}

void fp_journal_start(struct fp_journal *j)
{
	j->flushed_ms = fp_clock_ms();
	j->sure_boot_ms = fp_clock_boot_ms();
	j->beat = (struct fp_timer){ .fire = on_beat, .ctx = j };
	arm(j);
}

/* ---- fp_journal_flush */

/* Its turn has come. */
void fp_journal_kick(struct fp_journal *j)
{
	struct fp_journal_change none = { .state = NULL };
	struct fp_err e;
	int r;

	if (!j->is_wanted || j->task || j->n_waiting)
		return;
	j->is_wanted = false;
	r = begin_flush(j, &none, &e);
	j->is_users = !r;
	if (r)
		j->done(j->done_ctx, r, &e);
}

int fp_journal_flush(struct fp_journal *j,
		     void (*done)(void *ctx, int code, const struct fp_err *e),
		     void *ctx, struct fp_err *e)
{
	struct fp_journal_change none = { .state = NULL };
	int r = fp_journal_is_lost(j, e);

	if (r)
		return r;
	if (j->is_wanted || j->is_users)
		return fp_err(e, -EINVAL, "a flush is under way");
	j->done = done;
	j->done_ctx = ctx;
	j->is_wanted = j->task || j->n_waiting;
	if (j->is_wanted)
		return 0;
	r = begin_flush(j, &none, e);
	j->is_users = !r;
	return r;
}

/* ---- waiting */

int fp_journal_settle(struct fp_journal *j, struct fp_err *e)
{
	int r = 0;

	while (j->task && !r) {
		r = fp_loop_wait(j->o.loop, &j->is_idle, e);
		if (r == -EINTR) {
			j->is_interrupted = true;
			r = 0;
		}
	}
	return r ? r : fp_journal_is_lost(j, e);
}

int fp_journal_flush_now(struct fp_journal *j, struct fp_journal_change *change,
			 struct fp_err *e)
{
	int r;

	j->n_waiting++;
	r = fp_journal_settle(j, e);
	if (!r)
		r = begin_flush(j, change, e);
	if (!r) {
		/* lost or not: what became of this one */
		r = fp_journal_settle(j, e);
		if (!j->task && j->code) {
			r = j->code;
			if (e)
				*e = j->err;
		}
	}
	j->n_waiting--;
	free(change->state);
	free(change->plan);
	fp_journal_kick(j);
	return r;
}

int fp_journal_flush_wait(struct fp_journal *j, struct fp_err *e)
{
	struct fp_journal_change none = { .state = NULL };
	int r;

	j->is_interrupted = false;
	r = fp_journal_flush_now(j, &none, e);
	return !r && j->is_interrupted ? fp_err(e, -EINTR, "interrupted") : r;
}
