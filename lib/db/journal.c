/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that is open: words go to the copy at once, and wait for a flush. */
#include <stdlib.h>
#include <string.h>

#include "db/journal_own.h"
#include "io/clock.h"

int fp_journal_new(struct fp_journal **out, const struct fp_journal_opts *o,
		   struct fp_err *e)
{
	struct fp_journal *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return fp_journal_oom(e);
	j->flocks.dir = j->copy.fd = -1;
	r = fp_journal_opts_copy(&j->o, o, e);
	if (!r && o->conninfo) {
		j->has_db = true;
		j->db = fp_journal_db_new(&j->o);
		r = j->db ? 0 : fp_journal_oom(e);
	}
	if (r)
		fp_journal_free(j);
	else
		*out = j;
	return r;
}

void fp_journal_free(struct fp_journal *j)
{
	if (!j)
		return;
	/* of fp_db first: who gets these gets the others then */
	fp_journal_db_free(j->db);
	fp_journal_flocks_fini(&j->flocks);
	fp_journal_copy_close(&j->copy);
	fp_journal_words_fini(&j->words);
	fp_buf_fini(&j->line);
	fp_buf_fini(&j->name);
	fp_buf_fini(&j->detail);
	fp_journal_opts_fini(&j->o);
	free(j);
}

const char *fp_journal_id(const struct fp_journal *j)
{
	return j->id;
}

int64_t fp_journal_flushed_ms(const struct fp_journal *j)
{
	return j->flushed_ms;
}

int64_t fp_journal_unsure_ms(const struct fp_journal *j)
{
	return fp_clock_boot_ms() - j->sure_boot_ms;
}

/* ---- words */

static int check_word(const char *item, const char *state, struct fp_err *e)
{
	size_t n = strlen(item), len = strlen(state);

	if (!n || n > FP_JOURNAL_ITEM_MAX)
		return fp_err(e, -EINVAL,
			      "\"%.60s\": an item has from 1 to %d bytes", item,
			      FP_JOURNAL_ITEM_MAX);
	for (size_t i = 0; i < len; i++)
		if (state[i] <= ' ' || state[i] == 0x7f)
			len = 0;
	if (!len || len > FP_JOURNAL_STATE_MAX)
		return fp_err(e, -EINVAL, "\"%.60s\" is no state of an item",
			      state);
	return 0;
}

int fp_journal_line(struct fp_journal *j, const struct fp_jobline *l,
		    struct fp_err *e)
{
	j->line.len = 0;
	fp_jobline_write(&j->line, l);
	if (!j->line.is_failed)
		return fp_journal_copy_add(&j->copy, j->line.data, j->line.len,
					   e);
	j->line.is_failed = false;
	return fp_journal_oom(e);
}

/* Into name and detail, NUL-terminated. */
static int make_word(struct fp_journal *j, const char *item, const char *detail,
		     struct fp_err *e)
{
	int r = 0;

	j->name.len = j->detail.len = 0;
	fp_jobline_item_encode(&j->name, item);
	if (detail)
		r = fp_jobline_object(&j->detail, detail, strlen(detail));
	if (r == -EBADMSG || j->detail.len > FP_JOURNAL_DETAIL_MAX)
		return fp_err(e, -EINVAL,
			      "%.60s: a detail that is no JSON object, or too "
			      "long a one",
			      item);
	if (fp_buf_str(&j->name) && fp_buf_str(&j->detail))
		return 0;
	j->name.is_failed = j->detail.is_failed = false;
	return fp_journal_oom(e);
}

int fp_journal_add(struct fp_journal *j, const char *item, const char *state,
		   const char *detail, struct fp_err *e)
{
	struct fp_jobline l = { .kind = FP_JOBLINE_ITEM,
				.at_s = fp_clock_unix_s(),
				.state = state };
	int r = fp_journal_is_lost(j, e);

	if (!r)
		r = check_word(item, state, e);
	if (!r)
		r = make_word(j, item, detail, e);
	l.item = j->name.data;
	l.detail = j->detail.data;
	if (!r)
		r = fp_journal_line(j, &l, e);
	if (r || !j->has_db)
		return r;
	/* the n-th of the copy is the n-th of fp_db */
	if (fp_journal_words_add(&j->words, l.item, state, l.detail, l.at_s))
		fp_journal_lose(j, -ENOMEM, "out of memory");
	return fp_journal_is_lost(j, e);
}

/* ---- the job */

static int end_line(struct fp_journal *j, const struct fp_jobline *l,
		    struct fp_err *e)
{
	int r = fp_journal_line(j, l, e);

	return r ? r : fp_journal_copy_sync(&j->copy, e);
}

int fp_journal_plan_text(struct fp_buf *out, const char *plan, struct fp_err *e)
{
	int r = fp_jobline_object(out, plan, strlen(plan));

	if (r == -EBADMSG)
		r = fp_err(e, -EINVAL,
			   "a plan that is no JSON object, or too long a one");
	else if (r || !fp_buf_str(out))
		r = fp_journal_oom(e);
	if (r)
		fp_buf_fini(out);
	return r;
}

int fp_journal_plan(struct fp_journal *j, const char *plan, struct fp_err *e)
{
	struct fp_journal_change change = { .state = NULL };
	struct fp_jobline l = { .kind = FP_JOBLINE_PLAN };
	struct fp_buf text = { .data = NULL };
	int r = fp_journal_plan_text(&text, plan, e);

	if (r)
		return r;
	l.plan = text.data;
	change.plan = strdup(text.data);
	r = change.plan ? fp_journal_flush_now(j, &change, e)
			: fp_journal_oom(e);
	l.at_s = fp_clock_unix_s();
	if (!r)
		r = end_line(j, &l, e);
	fp_buf_fini(&text);
	return r;
}

int fp_journal_state(struct fp_journal *j, const char *state, struct fp_err *e)
{
	struct fp_jobline l = { .kind = FP_JOBLINE_STATE, .state = state };
	struct fp_journal_change change = {
		.state = strdup(state),
		.is_end = !strcmp(state, "done") || !strcmp(state, "aborted"),
	};
	bool is_end = change.is_end;
	struct fp_err copy_err;
	int r, copy;

	if (!change.state)
		return fp_journal_oom(e);
	if (strlen(state) >= sizeof(((struct fp_job_head *)0)->state)) {
		free(change.state);
		return fp_err(e, -EINVAL, "\"%.60s\" is no state", state);
	}
	r = fp_journal_flush_now(j, &change, e);
	if (r == -EBUSY)
		return r;
	if (!r && is_end) {
		j->is_over = true;
		fp_loop_timer_disarm(j->o.loop, &j->beat);
	}
	l.at_s = fp_clock_unix_s();
	copy = end_line(j, &l, &copy_err);
	if (!r && copy && e)
		*e = copy_err;
	return r ? r : copy;
}

/* ---- locks */

struct locking {
	struct fp_journal_db *db;
	char *name;
	bool is_unlock;
};

static int locking_run(void *data, struct fp_err *e)
{
	struct locking *x = data;

	if (!x->is_unlock)
		return fp_journal_db_lock(x->db, x->name, e);
	fp_journal_db_unlock(x->db, x->name);
	return 0;
}

static void locking_free(void *data)
{
	struct locking *x = data;

	fp_journal_db_free(x->db);
	free(x->name);
	free(x);
}

/* n_waiting is ours, and nothing is under way. */
static int at_db(struct fp_journal *j, const char *name, bool is_unlock,
		 struct fp_err *e)
{
	struct locking *x = calloc(1, sizeof(*x));
	const struct fp_journal_do d = { locking_run, locking_free, x };
	bool is_gone;
	int r;

	if (!x || !(x->name = strdup(name))) {
		free(x);
		return fp_journal_oom(e);
	}
	x->db = j->db;
	x->is_unlock = is_unlock;
	j->db = NULL;
	r = fp_journal_do(&j->o, &d, fp_journal_deadline_ms(j), &is_gone,
			  &j->is_interrupted, e);
	if (is_gone) {
		fp_journal_lose(j, -EIO, "fp_db: a lock has no end");
		return r;
	}
	j->db = x->db;
	x->db = NULL;
	locking_free(x);
	return r;
}

int fp_journal_lock(struct fp_journal *j, const char *name, struct fp_err *e)
{
	int r;

	j->is_interrupted = false;
	j->n_waiting++;
	r = fp_journal_settle(j, e);
	if (!r)
		r = fp_journal_flock(&j->flocks, name, j->o.owner, e);
	if (!r && j->has_db) {
		r = at_db(j, name, false, e);
		if (r)
			fp_journal_funlock(&j->flocks, name);
	}
	j->n_waiting--;
	if (!r && j->is_interrupted) {
		fp_journal_unlock(j, name);
		return fp_err(e, -EINTR, "interrupted");
	}
	fp_journal_kick(j);
	return r;
}

void fp_journal_unlock(struct fp_journal *j, const char *name)
{
	j->n_waiting++;
	if (!fp_journal_settle(j, NULL) && j->has_db)
		at_db(j, name, true, NULL);
	fp_journal_funlock(&j->flocks, name);
	j->n_waiting--;
	fp_journal_kick(j);
}

void fp_journal_close(struct fp_journal *j)
{
	if (!j)
		return;
	fp_loop_timer_disarm(j->o.loop, &j->beat);
	fp_work_cancel(j->task);
	fp_journal_free(j);
}
