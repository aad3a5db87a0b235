/* SPDX-License-Identifier: Apache-2.0 */
/* What drain and take have alike. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/clock.h"
#include "io/late.h"
#include "recover/takeover_priv.h"

#define SETTLE_MS 5000
#define SURE_TRIES 3
#define LEASE_MS 20000 /* a holder that is silent for 30 s loses its job */

int64_t fp_takeover_settle_ms(const struct fp_takeover *o)
{
	return o && o->settle_ms > 0 ? o->settle_ms : SETTLE_MS;
}

bool fp_takeover_is_lifted(const struct fp_rescue *r, const char *rule)
{
	return r->o->is_lifted && r->o->is_lifted(r->o->ctx, rule);
}

void fp_takeover_say(const struct fp_rescue *r, const char *fmt, ...)
{
	char line[600];
	va_list ap;

	if (!r->o->say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->o->say(r->o->ctx, line);
}

void fp_takeover_tell(const struct fp_rescue *r, const char *name,
		      enum fp_condition_state state, const char *value,
		      const char *detail)
{
	const struct fp_condition c = {
		.node = r->o->from->name,
		.name = name,
		.rule = "",
		.state = state,
		.value = value,
		.detail = detail,
	};

	if (r->o->condition)
		r->o->condition(r->o->ctx, &c);
}

/* ---- whose it is */

/* fp_db last: who takes over begins there. */
static int ask_whose(const struct fp_rescue *r, bool *is_interrupted,
		     struct fp_err *e)
{
	struct fp_err why;
	int c = r->store ? fp_store_check(r->store, e) : 0;
	int d = fp_journal_flush_wait(r->journal, &why);

	if (d == -EINTR && is_interrupted) {
		*is_interrupted = true; /* it was asked all the same */
		d = 0;
	}
	if (d && (!c || d == -EBUSY)) {
		*e = why;
		return d;
	}
	return c;
}

static bool is_sure(const struct fp_rescue *r)
{
	return !r->journal || fp_journal_unsure_ms(r->journal) <= FP_LATE_MS;
}

int fp_takeover_ours(const struct fp_rescue *r, bool *is_interrupted,
		     struct fp_err *e)
{
	for (int i = 0; i < SURE_TRIES && !is_sure(r); i++) {
		int c = ask_whose(r, is_interrupted, e);

		if (c)
			return c;
	}
	return is_sure(r) ? 0
			  : fp_err(e, -EAGAIN,
				   "fp_db is too slow to say whose the job is");
}

int fp_takeover_is_ours(void *rescue, struct fp_err *e)
{
	return fp_takeover_ours(rescue, NULL, e);
}

int fp_takeover_ours_yet(const struct fp_rescue *r, bool *is_interrupted,
			 struct fp_err *e)
{
	int c = fp_takeover_ours(r, is_interrupted, e);

	return c && c != -EBUSY && c != -EINTR &&
			       fp_journal_unsure_ms(r->journal) < LEASE_MS
		       ? 0
		       : c;
}

/* ---- time */

struct nap {
	struct fp_loop *loop;
	bool is_done;
};

static void on_nap(void *ctx)
{
	struct nap *p = ctx;

	p->is_done = true;
	fp_loop_stop(p->loop);
}

int fp_takeover_pause(const struct fp_rescue *r, int64_t ms, struct fp_err *e)
{
	struct nap p = { .loop = r->o->loop };
	struct fp_timer t = { .fire = on_nap, .ctx = &p };
	int code = fp_loop_timer_arm(p.loop, &t, fp_clock_ms() + ms);

	if (code)
		return fp_err_sys(e, code, "a timer");
	code = fp_loop_wait(p.loop, &p.is_done, e);
	fp_loop_timer_disarm(p.loop, &t);
	return code;
}

/* ---- questions */

/* Each may be asked twice: after a signal, and of a connection that ended. */
static int ask_again(struct fp_switch *x, bool *is_interrupted,
		     const char *command, char **text, struct fp_err *e)
{
	struct fp_err why;
	char run[64];
	int r = fp_switch_ask(x, command, text, e);

	if (r == -EINTR && is_interrupted && !*is_interrupted) {
		*is_interrupted = true;
		r = fp_switch_ask(x, command, text, e);
	}
	if ((r == -ECONNRESET || r == -ENOTCONN) &&
	    !fp_switch_run(x, run, &why))
		r = fp_switch_ask(x, command, text, e);
	return r;
}

int fp_takeover_ask(struct fp_switch *x, bool *is_interrupted, char **body,
		    struct fp_err *e, const char *fmt, ...)
{
	char command[2 * FP_LEG_UUID_MAX + 80], *text = NULL;
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(command))
		return fp_err(e, -EINVAL, "a name that is too long");
	r = ask_again(x, is_interrupted, command, &text, e);
	if (r)
		return r;
	text[strcspn(text, "\r\n")] = 0;
	if (body)
		*body = text;
	else
		free(text);
	return 0;
}

int fp_takeover_exists(struct fp_switch *x, bool *is_interrupted,
		       const char *uuid, bool *out, struct fp_err *e)
{
	char *said;
	int r = fp_takeover_ask(x, is_interrupted, &said, e, "uuid_exists %s",
				uuid);

	if (r)
		return r;
	*out = !strcmp(said, "true");
	if (!*out && strcmp(said, "false") != 0)
		r = fp_err(e, -EBADMSG, "%s: uuid_exists: \"%.40s\"", x->name,
			   said);
	free(said);
	return r;
}
