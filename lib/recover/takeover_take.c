/* SPDX-License-Identifier: Apache-2.0 */
/* One call leaves a node that lives. */
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/takeover_priv.h"

#define LOOK_MS 20

/* ---- which legs */

static size_t find(const struct fp_take *k, const char *uuid)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->leg[i].l->uuid, uuid))
			return i;
	return FP_TAKE_NONE;
}

/* switch_channel_get_partner_uuid(): signal_bond, else originate_signal_bond. */
static void pair(struct fp_take *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct fp_fsrow *row = &k->leg[i].l->row;
		const char *bond = *row->signal_bond
					   ? row->signal_bond
					   : row->originate_signal_bond;
		size_t other = *bond ? find(k, bond) : FP_TAKE_NONE;

		if (other == FP_TAKE_NONE || other == i ||
		    k->leg[i].partner != FP_TAKE_NONE ||
		    k->leg[other].partner != FP_TAKE_NONE)
			continue;
		k->leg[i].partner = other;
		k->leg[other].partner = i;
	}
}

static int add_legs(struct fp_take *k, struct fp_err *e)
{
	const struct fp_calls *c = &k->r->calls;

	k->leg = calloc(c->n_legs + 1, sizeof(*k->leg));
	if (!k->leg)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_calls; i++) {
		const struct fp_call *call = &c->call[i];

		if (call->fate == FP_FATE_SKIP || call->fate == FP_FATE_LOST)
			continue;
		for (size_t l = call->first; l < call->first + call->n; l++)
			k->leg[k->n++] =
				(struct fp_take_leg){ .l = &c->leg[l],
						      .partner = FP_TAKE_NONE };
	}
	if (!k->n)
		return fp_err(e, -ENOENT, "no leg of it can be taken");
	pair(k);
	return 0;
}

static int open_take(struct fp_take *k, struct fp_rescue *r,
		     struct fp_takeover *o, struct fp_err *e)
{
	static const struct fp_sip_opts none;
	int code;

	*k = (struct fp_take){ .r = r, .x = r->o->from, .o = o };
	code = add_legs(k, e);
	if (!code)
		code = fp_sip_open(&k->sip, r->o->loop, &none, e);
	return code;
}

static void close_take(struct fp_take *k)
{
	fp_sip_close(k->sip);
	free(k->leg);
}

/* Which of them are there.  A run that is not theirs has none of them. */
static int look(struct fp_take *k, size_t *n_there, struct fp_err *e)
{
	char run[64];
	int r = fp_switch_run(k->x, run, e);

	*n_there = 0;
	for (size_t i = 0; i < k->n && !r; i++) {
		bool is_there = false;

		if (!strcmp(run, k->leg[i].l->run))
			r = fp_takeover_exists(k->x, &k->is_interrupted,
					       k->leg[i].l->uuid, &is_there, e);
		k->leg[i].is_gone = !is_there;
		*n_there += is_there;
	}
	return r;
}

/* Before anything is touched: does each leg have a dialog, and an address? */
static int can_be_asked(struct fp_take *k, struct fp_err *e)
{
	struct fp_endpoint to;
	struct fp_sip_bye bye;
	int r = 0;

	if (!k->x->conf.n_profiles)
		r = fp_switch_read(k->x, FP_SWITCH_STATE | FP_SWITCH_PROFILES,
				   e);
	for (size_t i = 0; i < k->n && !r; i++) {
		const struct fp_fsrow *row = &k->leg[i].l->row;

		r = fp_takeover_dialog(row, false, &bye, e);
		if (!r)
			r = fp_takeover_where(k->x, row->profile, &to, e);
		if (r)
			r = fp_err_prefix(e, r, "%s", k->leg[i].l->uuid);
	}
	return r;
}

/* ---- out */

/* The leg that does not re-bridge goes first: it can be brought back (takeover.h). */
static struct fp_take_leg *first_of(struct fp_take *k)
{
	struct fp_take_leg *any = NULL;

	for (size_t i = 0; i < k->n; i++) {
		struct fp_take_leg *t = &k->leg[i];

		if (t->is_gone)
			continue;
		if (!t->l->row.is_originator)
			return t;
		if (!any)
			any = t;
	}
	return any;
}

static int say_byes(struct fp_take *k, struct fp_err *e)
{
	struct fp_take_leg *t;
	int r = 0;

	while (!r && (t = first_of(k))) {
		r = fp_takeover_bye(k, t, e);
		if (r)
			fp_err_prefix(e, r, "%s", t->l->uuid);
	}
	return r;
}

static int until_gone(struct fp_take *k, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + fp_takeover_settle_ms(k->o);
	int r = 0;

	for (size_t i = 0; i < k->n && !r; i++) {
		bool is_there = true;

		for (;;) {
			r = fp_takeover_exists(k->x, &k->is_interrupted,
					       k->leg[i].l->uuid, &is_there, e);
			if (r || !is_there)
				break;
			if (fp_clock_ms() >= end_ms)
				return fp_err(e, -ETIMEDOUT,
					      "%s: leg %s answered the BYE and "
					      "is still there",
					      k->x->name, k->leg[i].l->uuid);
			r = fp_takeover_pause(k->r, LOOK_MS, e);
			k->is_interrupted |= r == -EINTR;
			r = r == -EINTR ? 0 : r;
		}
	}
	return r;
}

/* FreeSWITCH's delete is by uuid alone and queued: a new row of the target's would go
 * with it.  The legs are gone, there is no way but on. */
static int settle_rows(struct fp_take *k, struct fp_err *e)
{
	int64_t n_left = 0;
	int r = fp_takeover_rows_gone(k, &n_left, e);

	if (!r && n_left)
		fp_takeover_say(k->r,
				"%s: %lld rows of legs that are gone are still "
				"in its store: if it deletes them late, what "
				"comes up now has none until its next change",
				k->x->name, (long long)n_left);
	return r;
}

static size_t n_gone(const struct fp_take *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++)
		n += k->leg[i].is_gone;
	return n;
}

/* ---- and back */

/* What was to be done did not work: e says why, and stays the answer. */
static int undo(struct fp_take *k, int code, size_t gone_before,
		struct fp_err *e)
{
	struct fp_err why = { .text = "" };
	int r = 0;

	if (code == -EBUSY) /* another's by now, as it is */
		return code;
	if (n_gone(k) > gone_before)
		r = fp_takeover_back(k, &why);
	if (r == -EBUSY) {
		*e = why;
		return r;
	}
	if (r || (gone_before && n_gone(k)))
		return fp_err(e, -EINPROGRESS,
			      "%s; legs are gone that could not be brought "
			      "back%s%s: their rows are staged",
			      e->text, *why.text ? ": " : "", why.text);
	r = fp_takeover_as_it_was(k, &why);
	if (r) {
		fp_takeover_say(k->r, "%s: it is not all as it was: %s",
				k->x->name, why.text);
		k->o->undone = why;
	} else {
		fp_err(&k->o->undone, 0, "undone: the call goes on at %s",
		       k->x->name);
		fp_takeover_say(k->r, "%s", k->o->undone.text);
	}
	return code;
}

static int out(struct fp_take *k, struct fp_err *e)
{
	int r = fp_takeover_quiet(k, e);

	if (!r)
		r = fp_takeover_park(k, e);
	if (!r && k->is_interrupted)
		r = fp_err(e, -EINTR, "interrupted");
	if (!r)
		r = say_byes(k, e);
	return r;
}

static int take(struct fp_take *k, struct fp_err *e)
{
	size_t n_there, gone_before;
	int r = look(k, &n_there, e);

	if (r)
		return r;
	gone_before = k->n - n_there;
	r = n_there ? can_be_asked(k, e) : 0;
	if (r)
		return r;
	if (n_there) {
		r = out(k, e);
		if (r)
			return undo(k, r, gone_before, e);
	}
	r = until_gone(k, e);
	if (!r)
		r = settle_rows(k, e);
	return r ? fp_err_prefix(e, -EINPROGRESS, "its legs are gone") : 0;
}

int fp_takeover_take(void *ctx, struct fp_rescue *r, struct fp_err *e)
{
	struct fp_takeover *o = ctx;
	struct fp_take k;
	int code;

	o->undone = (struct fp_err){ .text = "" };
	code = open_take(&k, r, o, e);
	if (!code)
		code = take(&k, e);
	close_take(&k);
	return code;
}

/* ---- abort */

int fp_takeover_undo(struct fp_rescue *r, size_t *gone, struct fp_err *e)
{
	struct fp_takeover o = { .wait_ms = 0 };
	size_t n_there = 0;
	struct fp_take k;
	int code = open_take(&k, r, &o, e);

	if (!code)
		code = look(&k, &n_there, e);
	if (!code)
		code = fp_takeover_see(&k, e);
	if (!code)
		code = fp_takeover_as_it_was(&k, e);
	*gone = k.n - n_there;
	close_take(&k);
	return code;
}
