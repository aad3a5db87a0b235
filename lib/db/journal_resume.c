/* SPDX-License-Identifier: Apache-2.0 */
/* Going on with a job: what fp_db knows and what this controller's copy knows
 * become one, and each is told what it lacks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/journal_own.h"
#include "io/clock.h"

struct resuming {
	struct fp_journal_taking *t;
	struct fp_journal *j;
	int64_t was;    /* the epoch before, of fp_db; of the copy without */
	bool is_new;    /* fp_db did not have the job */
	bool is_ending; /* the copy says that it ended: fp_db was away then */
	struct fp_journal_words words;
	struct fp_journal_change change;
};

static int no_job(const char *id, struct fp_err *e)
{
	return fp_err(e, -ENOENT, "there is no job %s", id);
}

static int has_ended(const struct fp_job_head *h, struct fp_err *e)
{
	return fp_err(e, -EALREADY, "job %s has ended: %s", h->id, h->state);
}

/* ---- what is known */

static int take_copy_head(struct fp_journal_taking *t, struct fp_err *e)
{
	t->h = t->seen.h;
	t->h.plan = strdup(t->seen.h.plan);
	return t->h.plan ? 0 : fp_journal_oom(e);
}

static int without_db(struct resuming *r, struct fp_err *e)
{
	struct fp_journal_taking *t = r->t;

	r->was = t->seen.epoch;
	if (!t->seen.is_there)
		return no_job(r->j->id, e);
	if (t->seen.is_ended)
		return has_ended(&t->seen.h, e);
	return take_copy_head(t, e);
}

/* This controller began it without fp_db, or was killed before it was told. */
static int tell_job(struct resuming *r, struct fp_err *e)
{
	struct fp_journal_taking *t = r->t;
	int code;

	if (!t->seen.is_there)
		return no_job(r->j->id, e);
	if (t->seen.is_ended)
		return has_ended(&t->seen.h, e);
	code = take_copy_head(t, e);
	if (code)
		return code;
	r->is_new = true;
	code = fp_journal_db_begin(r->j->db, &t->h, t->h.plan, e);
	return code ? fp_err_prefix(e, code, "fp_db") : 0;
}

static int with_db(struct resuming *r, struct fp_err *e)
{
	struct fp_journal_taking *t = r->t;
	struct fp_journal_db *d = r->j->db;
	int code = fp_journal_db_ready(d, true, e);

	if (!code)
		code = fp_journal_db_pass(d, t->seen.epoch, e);
	if (code)
		return code;
	code = fp_journal_db_take(d, &t->h, &t->h.plan, &r->was, e);
	if (code == -ENOENT)
		return tell_job(r, e);
	if (!code)
		code = fp_journal_rows_items(d->pg, d->id, &t->items, e);
	if (code == -EALREADY)
		return code;
	/* nobody went on with it since */
	if (!code && t->seen.is_there && t->seen.epoch >= r->was) {
		r->is_ending = t->seen.is_ended;
		if (t->seen.is_plan_alone && t->seen.h.plan) {
			free(t->h.plan);
			t->h.plan = strdup(t->seen.h.plan);
			r->change.plan = strdup(t->seen.h.plan);
			if (!t->h.plan || !r->change.plan)
				code = fp_journal_oom(e);
		}
	}
	return code ? fp_err_prefix(e, code, "fp_db") : 0;
}

/* ---- what is told */

static int add_item(struct resuming *r, size_t i, struct fp_err *e)
{
	const struct fp_journal_items *s = &r->t->items;
	const char *detail = fp_journal_items_detail(s, i);
	const struct fp_jobline l = {
		.kind = FP_JOBLINE_ITEM,
		.at_s = s->v[i].at_s,
		.item = fp_journal_items_item(s, i),
		.state = fp_journal_items_state(s, i),
		.detail = strcmp(detail, "{}") ? detail : NULL,
	};

	return fp_journal_line(r->j, &l, e);
}

/* A copy that was not there begins as others do.  jsonb has an order and spaces of
 * its own: a plan of fp_db's is the copy's after the first time. */
static int begin_copy(struct resuming *r, struct fp_err *e)
{
	const struct fp_journal_seen *s = &r->t->seen;
	struct fp_jobline l = { .kind = FP_JOBLINE_PLAN,
				.at_s = fp_clock_unix_s() };
	struct fp_job_head h = r->t->h;
	struct fp_buf plan = { .data = NULL };
	int code = fp_journal_plan_text(&plan, h.plan, e);

	if (code)
		return code;
	h.plan = plan.data;
	l.plan = plan.data;
	if (!s->is_there)
		code = fp_journal_head_line(r->j, &h, e);
	else if (strcmp(s->h.plan, plan.data))
		code = fp_journal_line(r->j, &l, e);
	fp_buf_fini(&plan);
	return code;
}

/* What fp_db has and the copy has not. */
static int tell_copy(struct resuming *r, struct fp_err *e)
{
	const struct fp_jobline epoch = { .kind = FP_JOBLINE_EPOCH,
					  .at_s = fp_clock_unix_s(),
					  .epoch = r->was,
					  .is_known = true };
	const struct fp_journal_items *s = &r->t->items;
	bool is_begun = false;
	int code = 0;

	for (size_t i = 0; i < s->n && !code; i++) {
		if (s->v[i].in & FP_IN_COPY)
			continue;
		if (!is_begun)
			code = fp_journal_line(r->j, &epoch, e);
		is_begun = true;
		if (!code)
			code = add_item(r, i, e);
	}
	return code;
}

/* What the copy has and fp_db has not: under our epoch now, in both. */
static int tell_db(struct resuming *r, struct fp_err *e)
{
	const struct fp_journal_items *s = &r->t->items;
	int code = 0;

	for (size_t i = 0; i < s->n && !code && r->j->db; i++) {
		if (s->v[i].in & FP_IN_DB)
			continue;
		code = add_item(r, i, e);
		if (!code &&
		    fp_journal_words_add(&r->words, fp_journal_items_item(s, i),
					 fp_journal_items_state(s, i),
					 fp_journal_items_detail(s, i),
					 s->v[i].at_s))
			code = fp_journal_oom(e);
	}
	if (code || !r->j->db)
		return code;
	code = fp_journal_copy_sync(&r->j->copy, e);
	return code ? code
		    : fp_journal_db_flush(r->j->db, &r->words, &r->change, e);
}

/* That the job ended is the copy's last line, also when it was before. */
static int tell_all(struct resuming *r, struct fp_err *e)
{
	const struct fp_jobline l = { .kind = FP_JOBLINE_STATE,
				      .at_s = fp_clock_unix_s(),
				      .state = r->t->seen.h.state };
	int code;

	if (r->is_ending) {
		r->change.state = strdup(l.state);
		r->change.is_end = true;
		if (!r->change.state)
			return fp_journal_oom(e);
	}
	code = tell_db(r, e);
	if (!code && r->is_ending)
		code = fp_journal_line(r->j, &l, e);
	return code ? code : fp_journal_copy_sync(&r->j->copy, e);
}

static int tell(struct resuming *r, int jobs, struct fp_err *e)
{
	const struct fp_journal_seen *s = &r->t->seen;
	const struct fp_journal_db *d = r->j->db;
	int code = fp_journal_copy_open(&r->j->copy, jobs, r->j->id, false,
					s->is_there ? s->size : 0, e);

	if (!code)
		code = begin_copy(r, e);
	if (!code)
		code = tell_copy(r, e);
	if (!code)
		code = fp_journal_epoch_line(r->j, d ? d->epoch : r->was, e);
	return code ? code : tell_all(r, e);
}

/* ---- in its thread */

static int resume_locked(struct resuming *r, int jobs, struct fp_err *e)
{
	struct fp_journal_taking *t = r->t;
	int code = fp_journal_copy_read(jobs, r->j->id, &t->seen, &t->items, e);

	if (code)
		return fp_err_prefix(e, code,
				     "what was done is not known (move the "
				     "file away to go on with what fp_db has)");
	code = r->j->db ? with_db(r, e) : without_db(r, e);
	if (!code)
		code = tell(r, jobs, e);
	if (!code && r->is_ending)
		code = has_ended(&t->seen.h, e);
	return code;
}

static int resume_run(void *data, struct fp_err *e)
{
	struct fp_journal_taking *t = data;
	struct resuming r = { .t = t, .j = t->j };
	int jobs, code = fp_journal_take_locks(t, &jobs, e);

	if (!code) {
		code = resume_locked(&r, jobs, e);
		close(jobs);
	}
	fp_journal_words_fini(&r.words);
	free(r.change.state);
	free(r.change.plan);
	strcpy(t->h.state, "running");
	fp_journal_clean(t->h.owner, sizeof(t->h.owner), t->j->o.owner);
	return fp_journal_db_away(code, e);
}

/* ---- on the loop */

static void say_torn(const struct fp_journal *j, bool is_torn)
{
	char text[160];

	if (!is_torn || !j->o.say)
		return;
	snprintf(text, sizeof(text),
		 "jobs/%s.jsonl: its last line had no end, and was cut", j->id);
	j->o.say(j->o.ctx, text);
}

int fp_journal_resume(struct fp_journal **out, const struct fp_journal_opts *o,
		      const char *id, struct fp_job_head *h,
		      const char *const *locks, size_t n_locks,
		      fp_journal_item *each, void *ctx, struct fp_err *e)
{
	struct fp_journal_taking *t;
	struct fp_journal *j;
	int r;

	if (!fp_journal_is_id(id))
		return no_job(id, e);
	r = fp_journal_taking_new(&t, o, locks, n_locks, e);
	if (r)
		return r;
	strcpy(t->h.id, id);
	r = fp_journal_take(t, resume_run, "stopped", e);
	if (r)
		return r;
	j = t->j;
	t->j = NULL;
	say_torn(j, t->seen.is_torn);
	if (each)
		r = fp_journal_items_each(&t->items, each, ctx, e);
	if (r) {
		fp_journal_state(j, "stopped", NULL);
		fp_journal_close(j);
	} else {
		*out = j;
		*h = t->h;
		t->h.plan = NULL;
	}
	fp_journal_taking_free(t);
	return r;
}
