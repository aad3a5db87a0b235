/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/dialogs.h"
#include "io/clock.h"
#include "rehome/moving_priv.h"

void moving_say(struct moving *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!m->o->say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->o->say(m->o->ctx, text);
}

size_t moving_index(const struct moving *m, size_t k)
{
	return m->map ? m->map[k] : k;
}

void moving_hold(struct moving *m, enum moving_hold what, bool is_held)
{
	m->holds = is_held ? m->holds | (unsigned int)what
			   : m->holds & ~(unsigned int)what;
	if (m->mover)
		fp_mover_hold(m->mover, m->holds != 0);
}

/* ---- verdicts */

/* Its verdict is the last word; one that was never asked has nothing to tell. */
static void settle(struct moving *m, size_t k)
{
	struct fp_moving_call *c = &m->call[moving_index(m, k)];

	m->n_done++;
	if (m->what != ASK_MOVE)
		return;
	c->verdict = fp_mover_verdict(m->mover, k);
	c->tries = fp_mover_tries(m->mover, k);
	if (k < m->n_added)
		moving_note(m, c);
	if (m->o->verdict)
		m->o->verdict(m->o->ctx, c);
}

/* Texts come from the network: what is not printable is of no use here. */
static void keep_reason(char reason[64], const char *said)
{
	size_t n = 0;

	for (; *said && n < 63; said++)
		reason[n++] = *said >= ' ' && *said < 127 ? *said : '?';
	reason[n] = 0;
}

static void keep_answer(struct fp_moving_call *c,
			const struct fp_move_answer *a, int64_t took_ms)
{
	c->is_missing = !a->code && a->rpc_code == 404;
	c->code = a->code ? a->code : a->rpc_code ? a->rpc_code : a->sip_code;
	c->took_ms = took_ms;
	keep_reason(c->reason, a->reason);
	/* Source: facts/opensips.md 2.3: leg 1 answered 2xx without SDP. */
	if (!a->code && a->sip_code == 400 && !strcmp(a->reason, "OK"))
		keep_reason(c->reason, "OK, without SDP");
}

static void result(struct moving *m, size_t k, const struct fp_move_answer *a,
		   int64_t took_ms)
{
	if (m->what == ASK_MOVE)
		keep_answer(&m->call[moving_index(m, k)], a, took_ms);
	if (!fp_mover_answer(m->mover, fp_clock_ms(), k, a))
		return;
	if (m->what != ASK_MOVE)
		moving_verifies(m, k, a);
	settle(m, k);
}

/* ---- asking */

static void read_answer(struct fp_move_answer *a, int code,
			const struct fp_jsonrpc *r, const struct fp_err *said)
{
	struct fp_err e = { .text = "" };

	a->code = code;
	if (code) {
		keep_reason(a->reason, said->text);
	} else if (r->is_error) {
		a->rpc_code = r->code ? r->code : 500;
		keep_reason(a->reason, r->message);
	} else {
		a->code = fp_os_sequential(r->result, &a->sip_code, a->reason,
					   &e);
		if (a->code)
			keep_reason(a->reason, e.text);
	}
}

/* Did OpenSIPS say something, if only what we cannot use? */
static bool is_heard(int code)
{
	return !code || code == -EBADMSG || code == -EMSGSIZE ||
	       code == -EPROTO;
}

static void slot_free(struct moving_slot *s)
{
	s->is_busy = false;
	s->ask = NULL;
	s->m->n_busy--;
}

static void answered(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *said)
{
	struct moving_slot *s = ctx;
	struct fp_move_answer a = { .code = 0 };
	struct moving *m = s->m;

	read_answer(&a, code, r, said);
	slot_free(s);
	result(m, s->k, &a, fp_clock_ms() - s->at_ms);
	if (is_heard(code))
		moving_heard(m);
	else
		moving_doubt(m);
	moving_go(m);
}

static void params_of(const struct moving *m, const struct fp_moving_call *c,
		      struct fp_buf *to)
{
	fp_buf_str_add(to, "{\"callid\":");
	fp_jsonrpc_string(to, c->callid);
	if (m->what == ASK_MOVE)
		fp_buf_printf(to, ",\"mode\":\"challenge\",\"body\":\"%s\"}",
			      fp_body_name(c->body == FP_BODY_INBOUND
						   ? FP_BODY_INBOUND
						   : FP_BODY_OUTBOUND));
	else
		fp_buf_printf(to, ",\"method\":\"OPTIONS\",\"mode\":\"%s\"}",
			      m->what == ASK_CALLER ? "caller" : "callee");
}

static struct moving_slot *slot_take(struct moving *m, size_t k)
{
	struct moving_slot *s = m->slot;

	while (s->is_busy)
		s++;
	s->is_busy = true;
	s->k = k;
	s->at_ms = fp_clock_ms();
	m->n_busy++;
	return s;
}

static void ask(struct moving *m, size_t k)
{
	struct moving_slot *s = slot_take(m, k);
	struct fp_move_answer a = { .code = -ENOMEM };
	struct fp_buf params = { 0 };
	struct fp_err e = { .text = "no memory" };

	if (m->what == ASK_MOVE && fp_mover_tries(m->mover, k) == 1)
		m->n_begun++;
	params_of(m, &m->call[moving_index(m, k)], &params);
	if (fp_buf_str(&params))
		a.code = fp_mi_ask(m->mi, "dlg_send_sequential",
				   fp_buf_str(&params), m->o->call_timeout_ms,
				   answered, s, &s->ask, &e);
	fp_buf_fini(&params);
	if (!a.code)
		return;
	keep_reason(a.reason, e.text);
	slot_free(s);
	result(m, k, &a, 0);
	if (a.code != -E2BIG)
		moving_doubt(m);
}

void moving_drop(struct moving *m, const char *why)
{
	struct fp_move_answer a = { .code = -EHOSTUNREACH };

	keep_reason(a.reason, why);
	for (unsigned int i = 0; i < m->window; i++) {
		struct moving_slot *s = &m->slot[i];

		if (!s->is_busy)
			continue;
		fp_mi_drop(s->ask);
		slot_free(s);
		result(m, s->k, &a, fp_clock_ms() - s->at_ms);
	}
}

void moving_stop(struct moving *m, int code, const struct fp_err *e)
{
	if (m->code)
		return;
	m->code = code;
	m->err = *e;
	fp_mover_stop(m->mover);
	/* Those that waited have their verdict by this. */
	for (size_t k = 0; k < m->n_phase && m->what == ASK_MOVE; k++)
		if (m->call[k].verdict == FP_MOVE_WAITING &&
		    fp_mover_verdict(m->mover, k) != FP_MOVE_ASKED)
			settle(m, k);
}

/* ---- what is next */

static void phase_over(struct moving *m)
{
	if (m->is_flushing || m->is_over)
		return;
	m->is_over = true;
	fp_loop_stop(m->loop);
}

static void wait_for(struct moving *m, int64_t wake_ms)
{
	int64_t now_ms = fp_clock_ms();

	if (wake_ms)
		fp_loop_timer_arm(m->loop, &m->wake, wake_ms);
	else
		fp_loop_timer_disarm(m->loop, &m->wake);
	switch (fp_mover_why(m->mover)) {
	case FP_MOVER_SAMPLE:
		moving_sample(m);
		break;
	case FP_MOVER_ALLOW:
		moving_starved(m);
		break;
	default:
		break;
	}
	if (fp_mover_wants_sample(m->mover, now_ms))
		moving_sample(m);
}

void moving_go(struct moving *m)
{
	enum fp_mover_step step;
	int64_t wake_ms = 0;
	size_t k;

	moving_ran(m);
	moving_views(m);
	while ((step = fp_mover_next(m->mover, fp_clock_ms(), &k, &wake_ms)) ==
	       FP_MOVER_ASK)
		ask(m, k);
	moving_prepare(m);
	if (step == FP_MOVER_END)
		phase_over(m);
	else
		wait_for(m, wake_ms);
}

static void woken(void *ctx)
{
	moving_go(ctx);
}

/* ---- progress */

/* Of the last few seconds. */
static double rate_now(struct moving *m, int64_t now_ms)
{
	unsigned int i = m->n_rates % MOVING_RATES;
	unsigned int first = m->n_rates < MOVING_RATES ? 0 : i;
	size_t before = m->n_rates ? m->rate_done[first] : 0;
	int64_t from_ms = m->n_rates ? m->rate_ms[first] : m->start_ms;

	m->rate_done[i] = m->n_done;
	m->rate_ms[i] = now_ms;
	m->n_rates++;
	return now_ms > from_ms ? (double)(m->n_done - before) * 1000 /
					  (double)(now_ms - from_ms)
				: 0;
}

static void show(struct moving *m, int64_t now_ms)
{
	double rate = rate_now(m, now_ms);
	size_t left = m->n_all - m->n_done;

	if (m->o->progress)
		m->o->progress(m->o->ctx, m->n_done, m->n_all, rate,
			       rate > 0 ? (int64_t)((double)left / rate) + 1
					: -1);
}

static void ticked(void *ctx)
{
	struct moving *m = ctx;
	int64_t now_ms = fp_clock_ms();

	fp_loop_timer_arm(m->loop, &m->tick, now_ms + MOVING_TICK_MS);
	moving_ran(m);
	moving_sample(m);
	moving_flush(m);
	moving_watch_tick(m, now_ms);
	show(m, now_ms);
	moving_go(m);
}

/* ---- one question to each of several calls */

/* Until it is over: a signal ends it, once. */
static int run(struct moving *m)
{
	struct fp_err e;
	int r;

	while (!m->is_over) {
		r = fp_loop_wait(m->loop, &m->is_over, &e);
		if (r == -EINTR) {
			moving_stop(m, r, &e);
			moving_go(m);
		} else if (r) {
			return fp_err(&m->err, r, "%s", e.text);
		}
	}
	return m->code;
}

static void begin(struct moving *m)
{
	m->start_ms = fp_clock_ms();
	fp_late_ran(&m->ran, NULL);
	m->is_over = false;
	m->n_rates = 0;
	m->wake = (struct fp_timer){ .fire = woken, .ctx = m };
	m->tick = (struct fp_timer){ .fire = ticked, .ctx = m };
	moving_watch_start(m);
	ticked(m);
}

static void end(struct moving *m)
{
	fp_loop_timer_disarm(m->loop, &m->wake);
	fp_loop_timer_disarm(m->loop, &m->tick);
	moving_watch_end(m);
	for (unsigned int i = 0; i < m->window; i++) {
		if (m->slot[i].is_busy)
			fp_mi_drop(m->slot[i].ask);
		m->slot[i].is_busy = false;
	}
	m->n_busy = 0;
}

int moving_phase(struct moving *m, enum moving_what what, size_t *map, size_t n)
{
	struct fp_mover_opts o = m->o->mover;
	int r;

	o.window = m->window;
	if (what != ASK_MOVE)
		o.retries = o.silent_retries = 0;
	fp_mover_free(m->mover);
	m->mover = fp_mover_new(&o, n);
	if (!m->mover)
		return fp_err(&m->err, -ENOMEM, "no memory");
	m->what = what;
	m->map = map;
	m->n_phase = m->n_all = n;
	m->n_done = 0;
	if (what == ASK_MOVE)
		moving_before(m);
	else
		fp_mover_allow(m->mover, n);
	moving_hold(m, HOLD_DB, m->holds & HOLD_DB);
	begin(m);
	r = run(m);
	end(m);
	return r;
}
