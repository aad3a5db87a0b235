/* SPDX-License-Identifier: Apache-2.0 */
/* A job from its start to its end. */
#include "recover/rescue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/rescue_priv.h"

/* What became of each leg is kept so long after a job's end. */
#define KEPT_S (7 * 86400)

/* ---- what the parts share */

void fp_rescue_init(struct fp_rescue_job *j, const struct fp_rescue_opts *o,
		    struct fp_rescue_sum *out)
{
	*out = (struct fp_rescue_sum){ .n_runs = 0 };
	*j = (struct fp_rescue_job){
		.o = *o,
		.out = out,
		.r = { .death = FP_DEATH_UNKNOWN, .started_ms = fp_clock_ms() },
	};
	j->r.o = &j->o;
}

static void close_stores(struct fp_rescue_job *j)
{
	size_t n = j->r.stores ? j->o.switches->n : 0;

	for (size_t i = 0; i < n; i++) {
		struct fp_store *s = j->r.stores[i];

		for (size_t k = i; k < n; k++) /* some are one */
			if (j->r.stores[k] == s)
				j->r.stores[k] = NULL;
		fp_store_close(s);
	}
	free(j->r.stores);
}

void fp_rescue_fini(struct fp_rescue_job *j)
{
	fp_rescue_forget(j);
	fp_rescue_file_fini(j);
	close_stores(j);
	fp_journal_close(j->r.journal);
	for (size_t i = 0; i < j->n_was; i++)
		free(j->was[i].name);
	free(j->was);
	free(j->r.runs);
	free(j->r.to);
	free(j->nodes);
	free(j->weights);
	fp_hops_fini(&j->hops);
	free(j->had);
	free(j->run_had);
	free(j->head.plan);
}

void fp_rescue_say(const struct fp_rescue_job *j, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!j->o.say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	j->o.say(j->o.ctx, text);
}

void fp_rescue_tell(const struct fp_rescue_job *j, const char *name,
		    enum fp_condition_state state, const char *value,
		    const char *detail)
{
	const struct fp_condition c = { .node = j->o.from->name,
					.name = name,
					.rule = "",
					.state = state,
					.value = value,
					.detail = detail };

	if (j->o.condition)
		j->o.condition(j->o.ctx, &c);
}

struct nap {
	struct fp_loop *loop;
	bool is_over;
};

static void nap_over(void *ctx)
{
	struct nap *n = ctx;

	n->is_over = true;
	fp_loop_stop(n->loop);
}

int fp_rescue_pause(const struct fp_rescue_job *j, int64_t ms, struct fp_err *e)
{
	struct nap n = { .loop = j->o.loop };
	struct fp_timer t = { .fire = nap_over, .ctx = &n };
	int r = fp_loop_timer_arm(n.loop, &t, fp_clock_ms() + ms);

	if (r)
		return fp_err(e, r, "out of memory");
	r = fp_loop_wait(n.loop, &n.is_over, e);
	fp_loop_timer_disarm(n.loop, &t);
	return r;
}

/* ---- begin */

void fp_rescue_lock(const struct fp_rescue_job *j, char out[FP_RESCUE_LOCK])
{
	snprintf(out, FP_RESCUE_LOCK, "recover %s", j->o.from->name);
}

/* One who holds a lock: later; no lock to be had: refused. */
static int as_refused(int r, const struct fp_err *e)
{
	return r && r != -EBUSY && r != -EINTR && e->rule[0] ? -EPERM : r;
}

static int begin_journal(struct fp_rescue_job *j, struct fp_err *e)
{
	char lock[FP_RESCUE_LOCK];
	const char *const locks[] = { lock };
	struct fp_buf plan = { .data = NULL };
	struct fp_job_head *h = &j->head;
	int r = fp_rescue_plan(j, &plan, e);

	fp_rescue_lock(j, lock);
	if (!r) {
		snprintf(h->tool, sizeof(h->tool), "fp-recover");
		snprintf(h->verb, sizeof(h->verb), "%s", j->o.verb);
		snprintf(h->node, sizeof(h->node), "%s", j->o.from->name);
		snprintf(h->by, sizeof(h->by), "%s", j->o.by ? j->o.by : "");
		snprintf(h->owner, sizeof(h->owner), "%s", j->o.owner);
		h->plan = (char *)fp_buf_str(&plan);
		r = fp_journal_begin(&j->r.journal, &j->o.journal, h, locks, 1,
				     e);
		h->plan = NULL;
	}
	fp_buf_fini(&plan);
	if (!r)
		snprintf(j->out->job, sizeof(j->out->job), "%s", h->id);
	return as_refused(r, e);
}

int fp_rescue_begin_store(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = fp_store_begin(j->r.store, j->head.id, j->o.from->name,
			       j->o.owner, e);
	uint64_t n;
	struct fp_err why;

	if (r)
		return fp_err_prefix(e, r, "the recovery database of %s",
				     j->keeper->name);
	fp_store_forget(j->r.store, KEPT_S, &n, &why);
	return 0;
}

/* ---- the whole */

static size_t n_had(const struct fp_rescue_job *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->r.calls.n_calls; i++)
		n += fp_rescue_is_had(&j->r.calls.call[i]);
	return n;
}

static int nothing_had(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = fp_rescue_leave(j, e);

	j->out->legs.count[FP_REC_SKIPPED] = j->n_skipped;
	j->out->legs.count[FP_REC_LOST] = j->n_lost;
	j->out->n_left = j->n_torn + j->n_edge;
	return r;
}

static int run(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_err why;
	int r = fp_rescue_survey(j, e);

	if (j->o.is_dry_run && j->r.calls.n_calls && (!r || r == -EPERM))
		fp_rescue_planned(j);
	if (r || j->o.is_dry_run)
		return r;
	/* drain stops the node all the same */
	if (!n_had(j) && j->o.kind != FP_RECOVER_DRAIN)
		return nothing_had(j, e);
	r = begin_journal(j, e);
	if (r)
		return r;
	r = fp_rescue_begin_store(j, e);
	/* a file's rows are nobody's to lock: another may have had them until now */
	if (!r && j->o.from_db) {
		r = fp_rescue_rows(j, e);
		if (r)
			fp_store_end(j->r.store, true, &why);
	}
	if (r) {
		*j->out->job = 0;
		fp_journal_state(j->r.journal, "aborted", &why);
		return r;
	}
	return fp_rescue_do(j, e);
}

int fp_rescue_run(const struct fp_rescue_opts *o, struct fp_rescue_sum *out,
		  struct fp_err *e)
{
	struct fp_rescue_job j;
	int r;

	fp_rescue_init(&j, o, out);
	r = run(&j, e);
	fp_rescue_fini(&j);
	return r;
}
