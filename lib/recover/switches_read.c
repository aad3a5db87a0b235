/* SPDX-License-Identifier: Apache-2.0 */
/* Readings: all questions to all nodes at once, with one deadline. */
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "recover/switches_priv.h"

/* Questions end with the reading's deadline. */
#define SLACK_MS 60000

/* ---- the end of one */

static void finish(struct switch_link *l, int code, const struct fp_err *e)
{
	struct switch_reading *r = l->reading;
	struct fp_switch *x = l->x;

	l->reading = NULL;
	l->n_waiting = 0;
	l->code = code;
	if (code)
		l->err = *e;
	if (r->parts != SWITCH_RUN) {
		x->code = code;
		if (code)
			x->err = *e;
		switch_conf_done(l, code ? 0 : r->parts);
	}
	if (--r->n_left)
		return;
	r->is_done = true;
	fp_loop_stop(r->loop);
}

void switch_reading_failed(struct switch_link *l, int code,
			   const struct fp_err *e)
{
	finish(l, code, e);
}

static int judge(struct switch_link *l, struct fp_err *e)
{
	const struct fp_esl_state *s = &l->state;
	const struct fp_switch *x = l->x;

	if (s->trouble)
		return fp_err(e, -EBADMSG, "it does not tell %s: \"%s\"",
			      s->trouble, s->said);
	if (strcmp(s->view.switchname, x->switchname) != 0)
		return fp_err(e, -ESTALE,
			      "it calls itself %s, the cluster file %s "
			      "(fp_switchname)",
			      s->view.switchname, x->switchname);
	return 0;
}

static void finish_well(struct switch_link *l)
{
	unsigned int parts = l->reading->parts;
	struct fp_err e;
	int r = parts & (FP_SWITCH_STATE | SWITCH_RUN) ? judge(l, &e) : 0;

	if (parts & FP_SWITCH_STATE && r != -EBADMSG) {
		l->x->view = l->state.view;
		l->x->view.rtp_first = l->x->rtp_first;
		l->x->view.rtp_last = l->x->rtp_last;
	}
	finish(l, r, &e);
}

/* ---- questions */

static bool is_wanted(int q, unsigned int parts)
{
	if (q == FP_ESL_RUN || q == FP_ESL_SWITCHNAME)
		return parts & (FP_SWITCH_STATE | SWITCH_RUN);
	if (q < FP_ESL_QUESTIONS)
		return parts & FP_SWITCH_STATE;
	if (q < SWITCH_Q_CONFS_END)
		return parts & FP_SWITCH_CONF;
	return parts & (FP_SWITCH_PROFILES | FP_SWITCH_CONF);
}

static void on_answer(void *ctx, int code, const struct fp_esl_frame *f,
		      const struct fp_err *said)
{
	struct switch_answer *a = ctx;
	struct switch_link *l = a->l;
	struct fp_err e;
	int r = 0;

	(void)said;
	if (code)
		return; /* closed follows */
	if (l->n_stale) {
		l->n_stale--;
		return;
	}
	if (!l->reading)
		return;
	if (a->q < FP_ESL_QUESTIONS)
		fp_esl_state_take(&l->state, (enum fp_esl_question)a->q, f,
				  l->asked_ms, fp_clock_us() - l->asked_us);
	else
		r = switch_conf_take(l, a->q, f, &e);
	if (r) {
		l->n_stale += l->n_waiting - 1;
		finish(l, r, &e);
	} else if (!--l->n_waiting) {
		finish_well(l);
	}
}

static const char *question(int q)
{
	return q < FP_ESL_QUESTIONS ? fp_esl_question((enum fp_esl_question)q)
				    : switch_conf_question(q);
}

void switch_reading_opened(struct switch_link *l)
{
	unsigned int parts = l->reading->parts;
	struct fp_err e;
	int r = 0;

	l->asked_ms = fp_clock_unix_ms();
	l->asked_us = fp_clock_us();
	for (int q = 0; q < SWITCH_QUESTIONS && !r; q++) {
		if (!is_wanted(q, parts) || !question(q))
			continue;
		r = fp_esl_ask(l->x->esl, question(q),
			       l->x->all->timeout_ms + SLACK_MS, on_answer,
			       &l->answers[q], &e);
		l->n_waiting += !r;
	}
	if (r)
		switch_link_close(l, r, &e);
}

static void begin(struct switch_link *l, struct switch_reading *r)
{
	l->reading = r;
	l->state = (struct fp_esl_state){ 0 };
	l->n_waiting = 0;
	r->n_left++;
	if (l->is_open)
		switch_reading_opened(l);
	else
		switch_link_open(l);
}

/* ---- deadlines */

/* Jobs go on while it is slow. */
static bool has_jobs(const struct switch_link *l)
{
	for (const struct switch_ask *a = l->asks; a; a = a->next)
		if (*a->job)
			return true;
	return false;
}

static void forget(struct switch_link *l, int code, const struct fp_err *e)
{
	if (l->is_open && (code == -EINTR || has_jobs(l))) {
		l->n_stale += l->n_waiting;
		finish(l, code, e);
	} else {
		switch_link_close(l, code, e);
	}
}

/* As peer/esl.h names it. */
static int missing(const struct switch_link *l, struct fp_err *e)
{
	bool is_mid = false;
	enum fp_esl_stage at = l->x->esl ? fp_esl_stage(l->x->esl, &is_mid)
					 : FP_ESL_AT_CONNECT;

	if (at == FP_ESL_AT_CONNECT)
		return fp_err(e, -ETIMEDOUT, "no answer from the host");
	if (is_mid)
		return fp_err(e, -ETIMEDOUT,
			      "it stopped in the middle of an answer");
	if (at == FP_ESL_AT_OPEN)
		return fp_err(e, -ETIMEDOUT, "it does not answer: frozen?");
	return fp_err(e, -ENODATA,
		      "it accepts connections but says nothing: frozen?");
}

/* why NULL: its time is over. */
static void forget_all(struct switch_reading *r, int code,
		       const struct fp_err *why)
{
	struct fp_switches *s = r->all;

	for (size_t i = 0; i < s->n; i++) {
		struct switch_link *l = s->v[i].priv;
		struct fp_err e;

		if (l->reading != r)
			continue;
		if (why)
			e = *why;
		forget(l, why ? code : missing(l, &e), &e);
	}
}

static void expire(void *ctx)
{
	forget_all(ctx, 0, NULL);
}

/* ---- asking and waiting */

int switch_reading_run(struct fp_switches *s, struct fp_switch *x,
		       unsigned int parts, struct fp_err *e)
{
	struct switch_reading r = {
		.loop = s->loop, .parts = parts, .n_left = 1, .all = s
	};
	int code;

	for (size_t i = 0; i < s->n; i++)
		if (((struct switch_link *)s->v[i].priv)->reading)
			return fp_err(e, -EBUSY, "a reading is under way");
	r.end = (struct fp_timer){ .fire = expire, .ctx = &r };
	code = fp_loop_timer_arm(s->loop, &r.end,
				 fp_clock_ms() + s->timeout_ms);
	if (code)
		return fp_err_sys(e, code, "timer");
	for (size_t i = 0; i < s->n; i++)
		if (!x || x == &s->v[i])
			begin(s->v[i].priv, &r);
	r.is_done = !--r.n_left;
	code = fp_loop_wait(s->loop, &r.is_done, e);
	fp_loop_timer_disarm(s->loop, &r.end);
	if (code)
		forget_all(&r, code, e);
	return code;
}

int fp_switches_read(struct fp_switches *s, unsigned int parts,
		     struct fp_err *e)
{
	return switch_reading_run(s, NULL, parts, e);
}

int fp_switch_read(struct fp_switch *x, unsigned int parts, struct fp_err *e)
{
	return switch_reading_run(x->all, x, parts, e);
}
