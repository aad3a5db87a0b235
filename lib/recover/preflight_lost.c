/* SPDX-License-Identifier: Apache-2.0 */
/* What would end, or not come up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/fschannels.h"
#include "recover/preflight_priv.h"

#define LIST_MAX 4000 /* sessions; above, their number has to do */

/* Legs of a node that is drained that have no row. */
struct bare {
	const struct fp_calls *calls;
	int64_t n, n_answered;
	char first[80]; /* that is answered */
};

static bool has_row(const struct fp_calls *c, const char *uuid)
{
	for (size_t i = 0; i < c->n_legs; i++)
		if (!strcmp(c->leg[i].uuid, uuid))
			return true;
	return false;
}

static bool is_answered(const char *callstate)
{
	static const char *const before[] = { "DOWN", "DIALING", "RINGING",
					      "EARLY" };

	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++)
		if (!strcmp(callstate, before[i]))
			return false;
	return true;
}

static int each_channel(void *ctx, const struct fp_fschannel *c)
{
	struct bare *b = ctx;

	if (has_row(b->calls, c->uuid) || !is_answered(c->callstate))
		return 0;
	if (!b->n_answered++)
		snprintf(b->first, sizeof(b->first), "%s", c->uuid);
	return 0;
}

/* Those that ring may get one: what a node does not tell counts as answered. */
static int bare(const struct recover_pf *f, struct bare *b, struct fp_err *e)
{
	struct fp_switch *x = f->p->from;
	struct fp_err why = { .text = "" };
	char *body = NULL;
	int r;

	*b = (struct bare){ .calls = f->p->calls };
	if (f->p->kind != FP_RECOVER_DRAIN || x->code)
		return 0;
	b->n = x->view.sessions - (int64_t)b->calls->n_legs;
	if (b->n <= 0) {
		b->n = 0;
		return 0;
	}
	b->n_answered = b->n;
	if (x->view.sessions > LIST_MAX)
		return 0;
	r = fp_switch_ask(x, "show channels as json", &body, &why);
	if (r == -EINTR || r == -ENOMEM) {
		*e = why;
		return r;
	}
	if (r)
		return 0;
	b->n_answered = 0;
	if (fp_fschannels_read(body, each_channel, b, &why))
		b->n_answered = b->n;
	free(body);
	return 0;
}

static size_t count(const struct fp_calls *c, const struct fp_call **first)
{
	size_t n = 0;

	*first = NULL;
	for (size_t i = 0; i < c->n_calls; i++) {
		if (!fp_call_is_left(&c->call[i]))
			continue;
		*first = *first ? *first : &c->call[i];
		n++;
	}
	return n;
}

/* What refuses, refuses.  A drain that is done waits for rows of what was just answered,
 * and judges anew (takeover.h); with --wait for the end of the rest, too. */
static enum fp_condition_state state(const struct recover_pf *f, size_t n_left,
				     const struct bare *b)
{
	const struct fp_recover_check *p = f->p;

	if (!n_left && !b->n)
		return FP_COND_OK;
	if (recover_pf_is_failover(f))
		return FP_COND_WARN;
	if (p->kind == FP_RECOVER_DRAIN && p->wait_ms > 0)
		return FP_COND_WARN;
	if (n_left)
		return FP_COND_REFUSE;
	return p->is_dry_run && b->n_answered ? FP_COND_REFUSE : FP_COND_WARN;
}

int recover_pf_lost(struct recover_pf *f, struct fp_err *e)
{
	const struct fp_calls *c = f->p->calls;
	const struct fp_call *first;
	char value[120], words[200] = "", detail[400] = "";
	struct bare b;
	size_t n = count(c, &first);
	int r = bare(f, &b, e), len;

	if (r)
		return r;
	len = snprintf(value, sizeof(value), "%zu of %zu calls", n, c->n_calls);
	if (b.n)
		snprintf(value + len, sizeof(value) - (size_t)len,
			 ", %lld legs without a row", (long long)b.n);
	if (first) {
		fp_call_words(first->words, words, sizeof(words));
		snprintf(detail, sizeof(detail), "the first is %s: %s",
			 first->name, words);
	} else if (b.n_answered) {
		snprintf(detail, sizeof(detail),
			 "not tracked, or answered in the last second: %s",
			 *b.first ? b.first : "list them there");
	} else if (b.n) {
		snprintf(detail, sizeof(detail),
			 "they ring: they are waited for");
	}
	recover_pf_say(f, f->p->from->name, "lost", state(f, n, &b), "lost",
		       value, "%s", detail);
	return 0;
}
