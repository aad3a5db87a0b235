/* SPDX-License-Identifier: Apache-2.0 */
/* A new job: locks, its copy, its row.  The copy is first, so that a full disk is
 * found before anybody is told. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "db/journal_own.h"
#include "io/clock.h"

/* ---- what begin and resume share */

int fp_journal_taking_new(struct fp_journal_taking **out,
			  const struct fp_journal_opts *o,
			  const char *const *locks, size_t n_locks,
			  struct fp_err *e)
{
	struct fp_journal_taking *t;
	int r;

	if (!o->conninfo && !o->is_alone)
		return fp_refuse(e, "lock",
				 "there is no fp_db: nothing keeps two "
				 "controllers apart");
	t = calloc(1, sizeof(*t));
	if (!t)
		return fp_journal_oom(e);
	r = fp_journal_new(&t->j, o, e);
	if (!r && !(t->lock = calloc(n_locks + 1, sizeof(*t->lock))))
		r = fp_journal_oom(e);
	for (; !r && t->n_locks < n_locks; t->n_locks++) {
		t->lock[t->n_locks] = strdup(locks[t->n_locks]);
		if (!t->lock[t->n_locks])
			r = fp_journal_oom(e);
	}
	if (r)
		fp_journal_taking_free(t);
	else
		*out = t;
	return r;
}

void fp_journal_taking_free(void *data)
{
	struct fp_journal_taking *t = data;

	fp_journal_free(t->j);
	free(t->h.plan);
	for (size_t i = 0; i < t->n_locks; i++)
		free(t->lock[i]);
	free(t->lock);
	fp_journal_seen_fini(&t->seen);
	fp_journal_items_fini(&t->items);
	free(t);
}

static int lock(struct fp_journal *j, const char *name, struct fp_err *e)
{
	int r = fp_journal_flock(&j->flocks, name, j->o.owner, e);

	if (!r && j->db && fp_journal_db_name(j->db, name))
		r = fp_journal_oom(e);
	return r;
}

int fp_journal_take_locks(struct fp_journal_taking *t, int *jobs,
			  struct fp_err *e)
{
	struct fp_journal *j = t->j;
	char name[FP_JOURNAL_JOB_LOCK];
	int r = fp_journal_dir(j->o.state_dir, true, jobs, &j->flocks.dir, e);

	if (r)
		return r;
	strcpy(j->id, t->h.id);
	if (j->db)
		strcpy(j->db->id, j->id);
	fp_journal_job_lock(j->id, name);
	r = lock(j, name, e);
	for (size_t i = 0; i < t->n_locks && !r; i++)
		r = lock(j, t->lock[i], e);
	if (r)
		close(*jobs);
	return r;
}

/* It is whole, but nobody wants it any more. */
static int undo(struct fp_journal *j, const char *state, struct fp_err *e)
{
	fp_journal_state(j, state, NULL);
	fp_journal_close(j);
	return fp_err(e, -EINTR, "interrupted");
}

int fp_journal_take(struct fp_journal_taking *t,
		    int (*run)(void *data, struct fp_err *e),
		    const char *undone, struct fp_err *e)
{
	const struct fp_journal_do d = { run, fp_journal_taking_free, t };
	struct fp_journal_opts o = t->j->o;
	bool is_lost, is_interrupted = false;
	int r;

	/* its texts are the thread's */
	o.conninfo = o.app = o.owner = o.state_dir = NULL;
	r = fp_journal_do(&o, &d, fp_journal_deadline_ms(t->j), &is_lost,
			  &is_interrupted, e);
	if (is_lost)
		return r;
	if (!r)
		fp_journal_start(t->j);
	if (!r && is_interrupted) {
		r = undo(t->j, undone, e);
		t->j = NULL;
	}
	if (r)
		fp_journal_taking_free(t);
	return r;
}

/* ---- begin */

/* "20261121-210312-rehome-1f3a". */
static void make_id(struct fp_job_head *h)
{
	const char *tool = strncmp(h->tool, "fp-", 3) ? h->tool : h->tool + 3;
	time_t at = (time_t)h->started_s;
	unsigned short word = 0;
	char when[16];
	struct tm tm;

	if (getrandom(&word, sizeof(word), GRND_NONBLOCK) != sizeof(word))
		word = (unsigned short)fp_clock_us();
	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	snprintf(h->id, sizeof(h->id), "%s-%.16s-%04x", when, tool, word);
	if (!fp_journal_is_id(h->id))
		snprintf(h->id, sizeof(h->id), "%s-job-%04x", when, word);
}

int fp_journal_head_line(struct fp_journal *j, const struct fp_job_head *h,
			 struct fp_err *e)
{
	const struct fp_jobline l = { .kind = FP_JOBLINE_JOB,
				      .at_s = h->started_s,
				      .id = h->id,
				      .tool = h->tool,
				      .verb = h->verb,
				      .node = h->node,
				      .by = h->by,
				      .owner = h->owner,
				      .plan = h->plan };

	return fp_journal_line(j, &l, e);
}

int fp_journal_epoch_line(struct fp_journal *j, int64_t epoch, struct fp_err *e)
{
	const struct fp_jobline l = { .kind = FP_JOBLINE_EPOCH,
				      .at_s = fp_clock_unix_s(),
				      .epoch = epoch,
				      .owner = j->o.owner,
				      .is_alone = !j->db };

	return fp_journal_line(j, &l, e);
}

/* *is_doubtful: the answer to what makes the row was lost. */
static int make_row(struct fp_journal *j, const struct fp_job_head *h,
		    bool *is_doubtful, struct fp_err *e)
{
	int r = j->db ? fp_journal_db_ready(j->db, false, e) : 0;

	*is_doubtful = false;
	if (r || !j->db)
		return r;
	r = fp_journal_db_begin(j->db, h, h->plan, e);
	*is_doubtful = r == -ECONNRESET || r == -ETIMEDOUT;
	if (r == -EEXIST)
		return fp_err(e, r, "job %s is there: try again", h->id);
	if (*is_doubtful)
		return fp_err_prefix(e, r,
				     "fp_db: whether job %s began is not "
				     "known",
				     h->id);
	return r ? fp_err_prefix(e, r, "fp_db") : 0;
}

/* Nothing was done yet. */
static void end_row(struct fp_journal *j)
{
	char state[] = "aborted";
	const struct fp_journal_change change = { .state = state,
						  .is_end = true };
	struct fp_journal_words none = { .v = NULL };

	if (j->db)
		fp_journal_db_flush(j->db, &none, &change, NULL);
}

static int make_job(struct fp_journal_taking *t, int jobs, struct fp_err *e)
{
	struct fp_journal *j = t->j;
	bool is_doubtful = false;
	char name[64];
	int r = fp_journal_copy_open(&j->copy, jobs, j->id, true, 0, e);

	if (r)
		return r;
	r = fp_journal_head_line(j, &t->h, e);
	if (!r)
		r = fp_journal_copy_sync(&j->copy, e);
	if (!r)
		r = make_row(j, &t->h, &is_doubtful, e);
	if (!r) {
		r = fp_journal_epoch_line(j, j->db ? j->db->epoch : 0, e);
		if (r)
			end_row(j);
	}
	if (r && !is_doubtful) {
		snprintf(name, sizeof(name), "%s.jsonl", j->id);
		unlinkat(jobs, name, 0);
	}
	return r;
}

static int begin_run(void *data, struct fp_err *e)
{
	struct fp_journal_taking *t = data;
	int jobs, r = fp_journal_take_locks(t, &jobs, e);

	if (!r) {
		r = make_job(t, jobs, e);
		close(jobs);
	}
	if (r == -EBUSY && e)
		strcpy(e->rule, "lock");
	return fp_journal_db_away(r, e);
}

static int fill_head(struct fp_job_head *to, const struct fp_job_head *h,
		     const char *owner, struct fp_err *e)
{
	struct fp_buf text = { .data = NULL };
	int r = fp_journal_plan_text(&text, h->plan ? h->plan : "{}", e);

	if (r)
		return r;
	*to = (struct fp_job_head){ .plan = text.data };
	fp_journal_clean(to->tool, sizeof(to->tool), h->tool);
	fp_journal_clean(to->verb, sizeof(to->verb), h->verb);
	fp_journal_clean(to->node, sizeof(to->node), h->node);
	fp_journal_clean(to->by, sizeof(to->by), h->by);
	fp_journal_clean(to->owner, sizeof(to->owner), owner);
	strcpy(to->state, "running");
	to->started_s = to->updated_s = fp_clock_unix_s();
	make_id(to);
	return 0;
}

int fp_journal_begin(struct fp_journal **out, const struct fp_journal_opts *o,
		     struct fp_job_head *h, const char *const *locks,
		     size_t n_locks, struct fp_err *e)
{
	struct fp_journal_taking *t;
	char *plan = h->plan;
	int r = fp_journal_taking_new(&t, o, locks, n_locks, e);

	if (r)
		return r;
	r = fill_head(&t->h, h, t->j->o.owner, e);
	if (r) {
		fp_journal_taking_free(t);
		return r;
	}
	r = fp_journal_take(t, begin_run, "aborted", e);
	if (r)
		return r;
	*out = t->j;
	t->j = NULL;
	*h = t->h;
	h->plan = plan;
	fp_journal_taking_free(t);
	return 0;
}
