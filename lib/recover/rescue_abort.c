/* SPDX-License-Identifier: Apache-2.0 */
/* A job that stopped ends where it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/rescue_priv.h"
#include "recover/takeover.h"

#define AMID_MS 2000 /* a batch is recovered in less: 4 to 6 ms a leg */

/* ---- rows that no FreeSWITCH consumed */

static bool is_first(const struct fp_store_rows *rows, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(rows->v[k].token, rows->v[i].token))
			return false;
	return true;
}

/* A target that is amid it has selected them all, and deletes them at its end: a leg
 * that lives there says so. */
static int is_amid(struct fp_rescue_job *j, struct fp_switch *x,
		   const char *token, bool *out, struct fp_err *e)
{
	char ask[FP_LEG_UUID_MAX + 20], *body;
	int r = 0;

	*out = false;
	for (size_t i = 0; i < j->r.rows.n && !r && !*out; i++) {
		const struct fp_store_row *v = &j->r.rows.v[i];

		if (strcmp(v->token, token))
			continue;
		snprintf(ask, sizeof(ask), "uuid_exists %s", v->uuid);
		r = fp_switch_ask(x, ask, &body, e);
		if (r)
			break;
		*out = !strncmp(body, "true", 4);
		free(body);
	}
	return r;
}

static int unput(struct fp_rescue_job *j, const struct fp_store_row *v,
		 struct fp_err *e)
{
	struct fp_switch *x = fp_switches_find(j->o.switches, v->target);
	struct fp_store *to;
	uint64_t n = 0;
	bool is;
	int r;

	if (!x || !x->db)
		return 0;
	r = is_amid(j, x, v->token, &is, e);
	if (r == -EINTR || r == -ENOMEM)
		return r;
	if (r) { /* it may go on with them */
		fp_rescue_say(j,
			      "%s does not answer: what was put there stays "
			      "staged",
			      x->name);
		return 0;
	}
	if (is)
		return 0;
	r = fp_rescue_store(j, x, &to, e);
	return r ? r : fp_store_unput(j->r.store, to, v->token, &n, e);
}

static int unput_all(struct fp_rescue_job *j, struct fp_err *e)
{
	const struct fp_store_rows *rows = &j->r.rows;
	bool is_late = false;
	int r = fp_rescue_staged(j, e);

	for (size_t i = 0; i < rows->n && !r; i++) {
		if (strcmp(rows->v[i].state, "put") || !*rows->v[i].token ||
		    !is_first(rows, i))
			continue;
		/* asked a moment ago it has selected its rows, and no leg of them
		 * is there yet */
		if (!is_late)
			r = fp_rescue_pause(j, AMID_MS, e);
		is_late = true;
		if (!r)
			r = unput(j, &rows->v[i], e);
	}
	return r;
}

/* ---- the end */

static int count_put(struct fp_rescue_job *j, uint64_t *n, struct fp_err *e)
{
	int r = fp_rescue_staged(j, e);

	*n = 0;
	for (size_t i = 0; i < j->r.rows.n && !r; i++)
		*n += !strcmp(j->r.rows.v[i].state, "put") ||
		      !strcmp(j->r.rows.v[i].state, "taken");
	return r;
}

/* Legs that have left their node and are at no other: their staged rows are all there
 * is of the call. */
static int between(struct fp_rescue_job *j, struct fp_err *e)
{
	size_t n = 0;
	int r = fp_rescue_staged(j, e);

	for (size_t i = 0; i < j->r.rows.n && !r; i++)
		n += !strcmp(j->r.rows.v[i].state, "taken");
	if (r || !n || (j->o.is_lifted && j->o.is_lifted(j->o.ctx, "lost")))
		return r;
	return fp_refuse(e, "lost",
			 "the call has left %s and is nowhere yet: fp-recover "
			 "resume %s saves it",
			 j->o.from->name, j->head.id);
}

static int undo_take(struct fp_rescue_job *j, struct fp_err *e)
{
	size_t n_gone = 0;
	int r = 0;

	if (j->o.kind != FP_RECOVER_TAKE || !j->is_emptying)
		return 0;
	if (!j->is_emptied)
		r = fp_takeover_undo(&j->r, &n_gone, e);
	return !r && (j->is_emptied || n_gone) ? between(j, e) : r;
}

static int give_back(struct fp_rescue_job *j, uint64_t *n_back,
		     uint64_t *n_kept, struct fp_err *e)
{
	int r = unput_all(j, e);

	if (!r)
		r = undo_take(j, e);
	if (!r)
		r = fp_store_return(j->r.store, n_back, e);
	if (!r)
		r = count_put(j, n_kept, e);
	return r ? r : fp_store_end(j->r.store, false, e);
}

static int end(struct fp_rescue_job *j, const char *id, uint64_t *n_back,
	       uint64_t *n_kept, struct fp_err *e)
{
	char lock[FP_RESCUE_LOCK];
	const char *const locks[] = { lock };
	struct fp_job_head h = { .plan = NULL };
	struct fp_err why;
	int r;

	fp_rescue_lock(j, lock);
	r = fp_journal_resume(&j->r.journal, &j->o.journal, id, &h, locks, 1,
			      fp_rescue_item, j, e);
	free(h.plan);
	if (r == -EBUSY)
		return fp_err_prefix(e, r, "job %s runs", id);
	if (r)
		return r;
	r = fp_rescue_store(j, j->keeper, &j->r.store, e);
	if (!r)
		r = fp_rescue_begin_store(j, e);
	if (!r)
		r = give_back(j, n_back, n_kept, e);
	if (!r && !j->is_emptied)
		fp_takeover_let_in(&j->r);
	if (!r)
		return fp_journal_state(j->r.journal, "aborted", e);
	if (r != -EBUSY)
		fp_journal_state(j->r.journal, "stopped", &why);
	return r;
}

int fp_rescue_abort(const struct fp_rescue_opts *o, const char *job,
		    uint64_t *n_back, uint64_t *n_kept, struct fp_err *e)
{
	struct fp_recoverplan p = { .kind = "" };
	struct fp_rescue_sum sum;
	struct fp_rescue_job j;
	int r;

	*n_back = *n_kept = 0;
	fp_rescue_init(&j, o, &sum);
	r = fp_rescue_read(&j, job, &p, e);
	if (!r)
		r = fp_switches_read(o->switches, FP_SWITCH_STATE, e);
	if (!r)
		r = end(&j, job, n_back, n_kept, e);
	fp_rescue_fini(&j);
	fp_recoverplan_fini(&p);
	return r;
}
