/* SPDX-License-Identifier: Apache-2.0 */
/* jobs: those that have not ended, or what one did; abort: one that stopped ends. */
#include "verb/jobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/log.h"

/* ---- records */

struct item_rec {
	const char *item, *state, *detail;
	int64_t at_s;
};
#define AT(M) offsetof(struct item_rec, M)
static const struct fp_field item_fields[] = {
	{ "item", AT(item), FP_F_STR, NULL, "call:CALLID, tag:NAME ..." },
	{ "state", AT(state), FP_F_STR, NULL, "what became of it" },
	{ "at", AT(at_s), FP_F_TIME, NULL, "when" },
	{ "detail", AT(detail), FP_F_STR, NULL, "a JSON object, as text" },
};
#undef AT
static const struct fp_type item_type = {
	"item", item_fields, sizeof(item_fields) / sizeof(*item_fields)
};

struct counting {
	const struct fp_jobs_tool *tool;
	uint64_t n[FP_JOBS_COUNTS];
};

static int count(void *ctx, const char *item, const char *state,
		 const char *detail, int64_t at_s)
{
	struct counting *x = ctx;
	size_t i;

	(void)detail;
	(void)at_s;
	if (strncmp(item, "call:", 5))
		return 0;
	i = x->tool->count(state);
	if (i < FP_JOBS_COUNTS)
		x->n[i]++;
	return 0;
}

/* n NULL: not counted. */
static int put_record(const struct fp_jobs *s, const struct fp_job_head *h,
		      const uint64_t *n, struct fp_err *e)
{
	struct fp_job_rec rec = {
		.id = h->id,
		.verb = h->verb,
		.node = h->node,
		.state = h->state,
		.by = h->by,
		.owner = h->owner,
		.started_s = h->started_s,
		.updated_s = h->updated_s,
		.ended_s = h->ended_s,
	};

	for (size_t i = 0; i < FP_JOBS_COUNTS; i++)
		rec.count[i] = n ? (double)n[i] : NAN;
	return fp_out_record(s->c->out, s->tool->type, &rec, e);
}

void fp_jobs_say(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

/* ---- which fp_db */

/* Once more without it? */
static bool is_away(struct fp_jobs *s, const struct fp_err *e)
{
	if (!s->journal.conninfo || strcmp(e->rule, "lock"))
		return false;
	fp_log(FP_LOG_WARN, "%s; these are the jobs that are known here",
	       e->text);
	s->journal.conninfo = NULL;
	s->is_away = true;
	return true;
}

/* ---- one */

static int put_item(void *ctx, const char *item, const char *state,
		    const char *detail, int64_t at_s)
{
	struct fp_jobs *s = ctx;
	const struct item_rec rec = {
		.item = item, .state = state, .detail = detail, .at_s = at_s
	};

	return fp_out_record(s->c->out, &item_type, &rec, NULL);
}

static int one(struct fp_jobs *s, const char *id, struct fp_err *e)
{
	struct fp_job_head h = { .plan = NULL };
	int r = fp_out_check(s->c->out, &item_type, e);

	if (!r)
		r = fp_journal_read(&s->journal, id, &h, put_item, s, e);
	if (r && is_away(s, e))
		r = fp_journal_read(&s->journal, id, &h, put_item, s, e);
	if (r)
		return r;
	free(h.plan);
	fp_out_summary(s->c->out, false, NULL, NULL);
	return 0;
}

/* ---- all */

/* Of those that go on alone: each takes a look at all its calls. */
static int put_job(struct fp_jobs *s, const struct fp_job_head *h,
		   struct fp_err *e)
{
	struct counting n = { .tool = s->tool };
	struct fp_job_head now = { .plan = NULL };
	int r = h->ended_s ? -EALREADY
			   : fp_journal_read(&s->journal, h->id, &now, count,
					     &n, e);

	free(now.plan);
	if (r && !h->ended_s)
		fp_log(FP_LOG_WARN, "%s: what it did is not known: %s", h->id,
		       e->text);
	return put_record(s, h, r ? NULL : n.n, e);
}

static int all(struct fp_jobs *s, struct fp_err *e)
{
	bool is_all = fp_cli_get(s->c, "all");
	struct fp_job_head *h = NULL;
	size_t n = 0;
	int r = fp_out_check(s->c->out, s->tool->type, e);

	if (!r)
		r = fp_journal_list(&s->journal, is_all, &h, &n, e);
	if (r && is_away(s, e))
		r = fp_journal_list(&s->journal, is_all, &h, &n, e);
	for (size_t i = 0; i < n && !r; i++)
		if (!strcmp(h[i].tool, s->c->tool->name))
			r = put_job(s, &h[i], e);
	free(h);
	if (!r)
		fp_out_summary(s->c->out, false, NULL, NULL);
	return r;
}

int fp_verb_jobs(struct fp_jobs *s, struct fp_err *e)
{
	int r = s->c->argc ? one(s, s->c->argv[0], e) : all(s, e);

	return !r && s->is_away ? FP_EXIT_AGAIN : r;
}

/* ---- abort */

struct ending {
	struct fp_jobs *s;
	struct fp_job_head h;
	struct counting n;
	bool is_changed;
};

static int look(struct ending *a, const char *id, struct fp_err *e)
{
	free(a->h.plan);
	a->h.plan = NULL;
	a->n = (struct counting){ .tool = a->s->tool };
	return fp_journal_read(&a->s->journal, id, &a->h, count, &a->n, e);
}

static int end_journal(struct fp_jobs *s, const char *id, struct fp_err *e)
{
	struct fp_job_head was = { .plan = NULL };
	struct fp_journal *j;
	int r = fp_journal_resume(&j, &s->journal, id, &was, NULL, 0, NULL,
				  NULL, e);

	free(was.plan);
	if (r == -EBUSY)
		return fp_err_prefix(e, r, "job %s runs", id);
	if (r)
		return r;
	r = fp_journal_state(j, "aborted", e);
	fp_journal_close(j);
	return r;
}

static int end(struct ending *a, const char *id, struct fp_err *e)
{
	const struct fp_jobs_tool *t = a->s->tool;
	int r = t->end ? t->end(t->ctx, id, e) : end_journal(a->s, id, e);

	if (r == -EALREADY)
		return 0;
	if (r)
		return r;
	a->is_changed = true;
	fp_log_change(fp_cli_get(a->s->c, "why"), "job %s aborted", id);
	return 0;
}

/* What would be refused or changed, by what is seen now. */
static int would(struct ending *a, const char *id, struct fp_err *e)
{
	int r = look(a, id, e);

	if (!r && !strcmp(a->h.state, "running"))
		r = fp_err(e, -EBUSY, "job %s runs: %s", id, a->h.owner);
	a->is_changed = !r && !strcmp(a->h.state, "stopped");
	return r;
}

static int do_abort(struct ending *a, const char *id, struct fp_err *e)
{
	const struct fp_jobs_tool *t = a->s->tool;
	bool is_dry_run = a->s->c->is_dry_run;
	int r = fp_out_check(a->s->c->out, t->type, e);

	if (!r)
		r = is_dry_run ? would(a, id, e) : end(a, id, e);
	if (!r && !is_dry_run)
		r = look(a, id, e);
	if (!r)
		r = put_record(a->s, &a->h, a->n.n, e);
	if (r)
		return r;
	fp_out_summary(a->s->c->out, a->is_changed, NULL, NULL);
	if (!is_dry_run && t->ended)
		t->ended(t->ctx, &a->h, a->n.n, a->is_changed);
	return is_dry_run && a->is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

int fp_verb_abort(struct fp_jobs *s, struct fp_err *e)
{
	struct ending a = { .s = s };
	int r = do_abort(&a, s->c->argv[0], e);

	free(a.h.plan);
	/* as begin: no lock to be had is refused */
	if (r < 0 && r != -EBUSY && r != -EINTR && e->rule[0])
		r = -EPERM;
	return r;
}
