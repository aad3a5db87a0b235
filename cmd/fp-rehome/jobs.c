/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome jobs: those that have not ended, or what one did. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"

/* ---- records */

struct job_rec {
	const char *id, *verb, *node, *state, *by, *owner;
	int64_t started_s, updated_s, ended_s;
	double moved, gone, refused, silent, failed, left;
};
#define AT(M) offsetof(struct job_rec, M)
static const struct fp_field job_fields[] = {
	{ "id", AT(id), FP_F_STR, NULL, "the job" },
	{ "verb", AT(verb), FP_F_STR, NULL, "what it is for" },
	{ "node", AT(node), FP_F_STR, NULL, "whom it is about" },
	{ "state", AT(state), FP_F_STR, NULL,
	  "running, stopped, done or aborted" },
	{ "by", AT(by), FP_F_STR, NULL, "who wanted it" },
	{ "owner", AT(owner), FP_F_STR, NULL, "who had it last" },
	{ "started", AT(started_s), FP_F_TIME, NULL, "when it began" },
	{ "updated", AT(updated_s), FP_F_TIME, NULL, "when it wrote last" },
	{ "ended", AT(ended_s), FP_F_TIME, NULL, "when it ended" },
	{ "moved", AT(moved), FP_F_DOUBLE, NULL, "calls" },
	{ "gone", AT(gone), FP_F_DOUBLE, NULL, "calls that had ended" },
	{ "refused", AT(refused), FP_F_DOUBLE, NULL, "by an endpoint" },
	{ "silent", AT(silent), FP_F_DOUBLE, NULL,
	  "calls whose endpoint does not answer" },
	{ "failed", AT(failed), FP_F_DOUBLE, NULL, "to the last try" },
	{ "left", AT(left), FP_F_DOUBLE, NULL, "calls without a verdict" },
};
#undef AT
static const struct fp_type job_type = { "job", job_fields,
					 FR_COUNT(job_fields) };

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
static const struct fp_type item_type = { "item", item_fields,
					  FR_COUNT(item_fields) };

int fr_job_count(void *calls, const char *item, const char *state,
		 const char *detail, int64_t at_s)
{
	struct fr_job_calls *n = calls;
	enum fp_move_verdict v;

	(void)detail;
	(void)at_s;
	if (strncmp(item, "call:", 5))
		return 0;
	if (fp_move_verdict_parse(state, &v))
		v = FP_MOVE_UNKNOWN;
	n->moved += v == FP_MOVE_MOVED || v == FP_MOVE_DONE;
	n->gone += v == FP_MOVE_GONE;
	n->refused += v == FP_MOVE_REFUSED;
	n->silent += v == FP_MOVE_SILENT;
	n->failed += v == FP_MOVE_FAILED;
	n->left += v == FP_MOVE_WAITING || v == FP_MOVE_ASKED ||
		   v == FP_MOVE_UNKNOWN || v == FP_MOVE_SKIPPED;
	return 0;
}

int fr_job_check(struct fr_env *v, struct fp_err *e)
{
	return fp_out_check(v->c->out, &job_type, e);
}

int fr_job_record(struct fr_env *v, const struct fp_job_head *h,
		  const struct fr_job_calls *n, struct fp_err *e)
{
	const struct job_rec rec = {
		.id = h->id,
		.verb = h->verb,
		.node = h->node,
		.state = h->state,
		.by = h->by,
		.owner = h->owner,
		.started_s = h->started_s,
		.updated_s = h->updated_s,
		.ended_s = h->ended_s,
		.moved = n ? (double)n->moved : NAN,
		.gone = n ? (double)n->gone : NAN,
		.refused = n ? (double)n->refused : NAN,
		.silent = n ? (double)n->silent : NAN,
		.failed = n ? (double)n->failed : NAN,
		.left = n ? (double)n->left : NAN,
	};

	return fp_out_record(v->c->out, &job_type, &rec, e);
}

/* ---- which fp_db */

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

struct jobs {
	struct fr_env v;
	struct fp_journal_opts o;
	bool is_away; /* fp_db: what is told is what this controller knows */
};

/* Once more without it? */
static bool is_away(struct jobs *s, int code, const struct fp_err *e)
{
	if (!s->o.conninfo || strcmp(e->rule, "lock"))
		return false;
	(void)code;
	fp_log(FP_LOG_WARN, "%s; these are the jobs that are known here",
	       e->text);
	s->o.conninfo = NULL;
	s->is_away = true;
	return true;
}

/* ---- one */

static int put_item(void *ctx, const char *item, const char *state,
		    const char *detail, int64_t at_s)
{
	struct jobs *s = ctx;
	const struct item_rec rec = {
		.item = item, .state = state, .detail = detail, .at_s = at_s
	};

	return fp_out_record(s->v.c->out, &item_type, &rec, NULL);
}

static int one(struct jobs *s, const char *id, struct fp_err *e)
{
	struct fp_job_head h = { .plan = NULL };
	int r = fp_out_check(s->v.c->out, &item_type, e);

	if (!r)
		r = fp_journal_read(&s->o, id, &h, put_item, s, e);
	if (r && is_away(s, r, e))
		r = fp_journal_read(&s->o, id, &h, put_item, s, e);
	if (r)
		return r;
	free(h.plan);
	fp_out_summary(s->v.c->out, false, NULL, NULL);
	return 0;
}

/* ---- all */

/* Of those that go on alone: each takes a look at all its calls. */
static int put_job(struct jobs *s, const struct fp_job_head *h,
		   struct fp_err *e)
{
	struct fr_job_calls n = { .moved = 0 };
	struct fp_job_head now = { .plan = NULL };
	int r = h->ended_s ? -EALREADY
			   : fp_journal_read(&s->o, h->id, &now, fr_job_count,
					     &n, e);

	free(now.plan);
	if (r && !h->ended_s)
		fp_log(FP_LOG_WARN, "%s: what it did is not known: %s", h->id,
		       e->text);
	return fr_job_record(&s->v, h, r ? NULL : &n, e);
}

static int all(struct jobs *s, struct fp_err *e)
{
	bool is_all = fp_cli_get(s->v.c, "all");
	struct fp_job_head *h = NULL;
	size_t n = 0;
	int r = fr_job_check(&s->v, e);

	if (!r)
		r = fp_journal_list(&s->o, is_all, &h, &n, e);
	if (r && is_away(s, r, e))
		r = fp_journal_list(&s->o, is_all, &h, &n, e);
	for (size_t i = 0; i < n && !r; i++)
		if (!strcmp(h[i].tool, s->v.c->tool->name))
			r = put_job(s, &h[i], e);
	free(h);
	if (!r)
		fp_out_summary(s->v.c->out, false, NULL, NULL);
	return r;
}

int fr_jobs(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct jobs s = { .is_away = false };
	int r;

	if (c->argc > 1)
		return fp_cli_usage(c, "jobs takes one JOB");
	if (c->argc && fp_cli_get(c, "all"))
		return fp_cli_usage(c, "jobs takes JOB or --all");
	r = fr_open(&s.v, c, &e);
	if (r)
		return fr_fail(&s.v, r, &e);
	fr_journal(&s.v, &s.o);
	s.o.say = say;
	r = c->argc ? one(&s, c->argv[0], &e) : all(&s, &e);
	if (r)
		r = fr_fail(&s.v, r, &e);
	else if (s.is_away)
		r = FP_EXIT_AGAIN;
	fr_close(&s.v);
	return r;
}
