/* SPDX-License-Identifier: Apache-2.0 */
#include "control/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "control/visit_priv.h"
#include "io/clock.h"

#define TAG_PUSH 1
#define TAG_SAY 2

int fp_plan_begin(struct fp_plan *p, struct fp_err *e)
{
	p->is_recorded = false;
	if (!p->source)
		return 0;
	p->push.offers = fp_source_offers(p->source);
	p->push.id = p->id;
	return fp_history_new_id(p->id, e);
}

void fp_plan_fini(struct fp_plan *p)
{
	fp_source_free(p->source);
	fp_history_close(p->history);
	fp_copy_close(p->copy);
	fp_buf_fini(&p->overrides);
	*p = (struct fp_plan){ .timeout_ms = 0 };
}

int fp_visit_new(struct fp_visit **out, struct fp_plan *p, struct fp_err *e)
{
	struct fp_visit *v = calloc(1, sizeof(*v));

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	fp_visit_again(v, p);
	*out = v;
	return 0;
}

void fp_visit_free(struct fp_visit *v)
{
	if (!v)
		return;
	fp_talk_fini(&v->talk);
	free(v);
}

void fp_visit_again(struct fp_visit *v, struct fp_plan *p)
{
	v->plan = p;
	v->out = (struct fp_outcome){ .state = "ok" };
	v->n_hellos = 0;
	v->n_pushes = v->n_settles = 0;
}

const struct fp_outcome *fp_visit_outcome(const struct fp_visit *v)
{
	return &v->out;
}

/* ---- what went wrong */

static void set(struct fp_outcome *o, enum fp_standing standing,
		const char *state)
{
	o->standing = standing;
	o->state = state;
	o->is_done = true;
}

void fp_outcome_fail(struct fp_outcome *o, const struct fp_event *ev)
{
	if (!strcmp(ev->code, "busy"))
		set(o, FP_STANDS_AWAY, "busy");
	else if (!strcmp(ev->code, "refused") || !strcmp(ev->code, "stale") ||
		 !strcmp(ev->code, "version"))
		set(o, FP_STANDS_REFUSED, "refused");
	else
		set(o, FP_STANDS_FAILED, "failed");
	o->is_conflict = ev->error == -EEXIST;
	o->err = ev->err;
	if (!strcmp(ev->code, "stale"))
		snprintf(o->err.rule, sizeof(o->err.rule), "adopt");
}

void fp_outcome_end(struct fp_outcome *o, int code, const struct fp_err *e)
{
	switch (code) {
	case -ENOKEY:
		set(o, FP_STANDS_AWAY, "unknown-key");
		break;
	case -EKEYREJECTED:
		set(o, FP_STANDS_REFUSED, "changed-key");
		break;
	case -EACCES:
		set(o, FP_STANDS_FAILED, "denied");
		break;
	case -EPROTO:
		set(o, FP_STANDS_REFUSED, "refused");
		break;
	case -EREMOTEIO:
	case -EBADMSG:
	case -EINVAL:
	case -ENOMEM:
		set(o, FP_STANDS_FAILED, "failed");
		break;
	default: /* the network's */
		set(o, FP_STANDS_AWAY, "unreachable");
	}
	o->err = *e;
	if (!o->err.text[0])
		fp_err_sys(&o->err, code, "the session ended");
}

void fp_outcome_said(struct fp_outcome *o, const struct fp_event *ev,
		     const char *note)
{
	const struct fp_answer *a = &ev->answer;
	const char *nl =
		ev->body_len ? memchr(ev->body, '\n', ev->body_len) : NULL;
	size_t n = nl ? (size_t)(nl - ev->body) : 0;

	o->said = a->changed;
	o->is_changed |= a->changed > 0;
	o->refused = a->refused;
	o->is_in_force = a->is_in_force;
	if (!a->refused)
		return;
	o->standing = FP_STANDS_REFUSED;
	o->state = "refused";
	if (note && *note)
		fp_err(&o->err, 0, "%s", note);
	else /* PREFIX RULE */
		fp_err(&o->err, 0, "%.*s", (int)(n < 200 ? n : 200), ev->body);
	if (!o->err.text[0])
		fp_err(&o->err, 0, "the node protects that address");
}

/* ---- pushed lists */

/* May we change what this node accepted last?  0; -EPERM rule adopt. */
static int check_base(struct fp_plan *p, const struct fp_hello *h, bool is_done,
		      bool *is_foreign, struct fp_err *e)
{
	char when[FP_TIME_LEN + 1] = "";

	*is_foreign =
		h->accepted[0] && !fp_history_knows(p->history, h->accepted);
	if (!*is_foreign || p->is_adopt || is_done)
		return 0;
	fp_time_print(h->accepted_at_s > 0 && h->accepted_at_s <= FP_TIME_MAX_S
			      ? h->accepted_at_s
			      : 0,
		      when);
	return fp_refuse(
		e, "adopt",
		"%s pushed %.12s there on %s, of which this controller knows nothing (push --adopt takes over)",
		h->accepted_by[0] ? h->accepted_by : "another controller",
		h->accepted, when);
}

/* The push is in the log before the first node hears of it. */
static int record(struct fp_plan *p, struct fp_err *e)
{
	int r;

	if (p->is_recorded || p->push.is_dry_run)
		return 0;
	r = fp_history_add(p->history, &p->push, fp_source_policy(p->source),
			   fp_clock_unix_s(), p->timeout_ms, e);
	p->is_recorded = !r;
	return r;
}

/* What the node keeps although it is not ours: said, not touched. */
static void note_extra(struct fp_visit *v, const struct fp_hello *h)
{
	struct fp_order all = v->plan->push;
	char *was = v->out.err.text, extra[128];
	size_t n = 0;
	const char *name = NULL;

	all.is_prune = true;
	for (size_t i = 0; i < h->n_lists; i++)
		if (fp_order_drops(&all, &h->list[i])) {
			name = h->list[i].name;
			n++;
		}
	if (!n || v->plan->push.is_prune)
		return;
	snprintf(extra, sizeof(extra), "also has list %s%s (--prune)", name,
		 n > 1 ? " and others" : "");
	if (*was)
		fp_err_prefix(&v->out.err, 0, "%s", extra);
	else
		fp_err(&v->out.err, 0, "%s", extra);
}

/* Over whom. */
static void note_adopt(const struct fp_plan *p, const struct fp_member *m,
		       const struct fp_hello *h)
{
	char text[512];

	snprintf(text, sizeof(text), "taken over from %s (push %.12s)",
		 h->accepted_by[0] ? h->accepted_by : "another controller",
		 h->accepted);
	if (p->notice)
		p->notice(p->ctx, m->host->name, text);
}

static void fail(struct fp_visit *v, int code, const struct fp_err *e)
{
	struct fp_event ev = { .err = *e };

	strcpy(ev.code, code == -EPERM    ? "refused"
			: code == -EAGAIN ? "busy"
					  : "failed");
	fp_outcome_fail(&v->out, &ev);
}

static void start_push(struct fp_visit *v, struct fp_member *m)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	struct fp_plan *p = v->plan;
	struct fp_err e = { .text = "" };
	bool is_foreign, is_done, is_behind = fp_hello_is_behind(h);
	int r;

	v->push = p->push;
	is_done = fp_order_is_done(&v->push, h);
	if (h->pending[0] && fp_visit_pending(v, m, is_done))
		return;
	r = check_base(p, h, is_done, &is_foreign, &e);
	if (!r && is_foreign && is_done && !p->is_adopt &&
	    !p->push.is_dry_run && !p->push.n_names)
		r = fp_history_see(p->history, h->accepted, p->timeout_ms, &e);
	v->push.is_adopt = p->is_adopt && is_foreign;
	if (v->push.is_adopt)
		note_adopt(p, m, h);
	note_extra(v, h);
	if (!r && (!is_done || is_behind || v->push.is_adopt)) {
		r = record(p, &e);
		v->n_pushes++;
		if (!r)
			fp_sender_push(m->sender, TAG_PUSH, &v->push);
	} else if (!r) {
		v->out.is_done = true;
	}
	if (r)
		fail(v, r, &e);
}

static void on_push(struct fp_visit *v, struct fp_member *m,
		    const struct fp_event *ev)
{
	/* lists changed there between HELLO and COMMIT */
	if (ev->kind == FP_EVENT_FAILED && !ev->is_over &&
	    !strcmp(ev->code, "digest") && v->n_pushes == 1) {
		fp_sender_hello(m->sender, fp_clock_unix_ms());
		v->n_hellos = 1;
		return;
	}
	if (ev->kind == FP_EVENT_FAILED) {
		fp_outcome_fail(&v->out, ev);
		return;
	}
	v->out.is_changed |= ev->answer.changed > 0;
	v->out.added = ev->answer.added;
	v->out.removed = ev->answer.removed;
	v->out.is_in_force = ev->answer.is_in_force;
	v->out.pending_s = ev->answer.pending_s;
	v->out.state = v->plan->push.is_dry_run && v->out.is_changed
			       ? "would-change"
		       : v->push.confirm_ms ? "pending"
					    : "ok";
	if (!v->plan->push.is_dry_run)
		fp_order_policy(&v->push, fp_sender_said(m->sender),
				v->out.policy, NULL);
	if (v->out.pending_s && v->push.confirm_ms)
		strcpy(v->out.pending, v->push.id);
	v->out.is_done = true;
}

/* ---- in turn */

/* Words first: what is banned does not wait for a long list. */
static void next_step(struct fp_visit *v, struct fp_member *m)
{
	struct fp_err e = { .text = "" };
	int r;

	if (v->plan->copy && !v->is_talked) {
		v->is_talked = true;
		r = fp_talk_start(&v->talk, v->plan, m, &e);
		if (r < 0) {
			fail(v, r, &e);
			return;
		}
		if (r)
			return;
	}
	if (v->out.standing == FP_STANDS_WELL && !v->out.is_partly)
		fp_err(&v->out.err, 0, "%s", v->talk.left_out);
	if (v->plan->source)
		start_push(v, m);
	else
		v->out.is_done = true;
}

void fp_visit_opened(struct fp_visit *v, struct fp_member *m)
{
	const struct fp_plan *p = v->plan;

	v->is_talked = false;
	v->talk.failed = 0;
	v->n_hellos = 1;
	if (!p->n_words)
		return;
	fp_sender_change(m->sender, TAG_SAY, p->list, p->kind, p->by, p->why,
			 p->push.overrides, p->words, p->n_words);
	/* once more: are its words now ours? */
	fp_sender_hello(m->sender, fp_clock_unix_ms());
	v->n_hellos++;
}

static void on_hello(struct fp_visit *v, struct fp_member *m)
{
	const struct fp_hello *h = fp_sender_said(m->sender);

	strcpy(v->out.policy, h->policy);
	v->out.is_in_force = !strcmp(h->filter, "attached");
	if (v->n_hellos && !--v->n_hellos && !v->out.is_done)
		next_step(v, m);
}

static void on_said(struct fp_visit *v, const struct fp_member *m,
		    const struct fp_event *ev)
{
	const struct fp_plan *p = v->plan;

	if (ev->kind == FP_EVENT_FAILED)
		fp_outcome_fail(&v->out, ev);
	else
		fp_outcome_said(&v->out, ev, v->note);
	if (ev->answer.refused && p->refused)
		p->refused(p->ctx, m->host->name, ev);
}

static void on_talk(struct fp_visit *v, struct fp_member *m,
		    const struct fp_event *ev)
{
	bool is_over = fp_talk_event(&v->talk, v->plan, m, ev);

	v->out.words_here = v->talk.n_here;
	v->out.words_there = v->talk.n_there;
	if (is_over)
		next_step(v, m);
}

/* What went wrong with words is said when nothing worse is. */
static void settle(struct fp_visit *v)
{
	if (!v->out.is_done || !v->talk.failed ||
	    v->out.standing != FP_STANDS_WELL)
		return;
	fail(v, v->talk.failed, &v->talk.err);
	v->talk.failed = 0;
}

static void on_note(struct fp_visit *v, const struct fp_member *m,
		    const struct fp_err *note)
{
	const struct fp_plan *p = v->plan;
	char text[sizeof(note->text) + 64];

	snprintf(v->note, sizeof(v->note), "%s", note->text);
	snprintf(text, sizeof(text),
		 note->rule[0] ? "%s; --override %s lifts it" : "%s",
		 note->text, note->rule);
	if (p->notice)
		p->notice(p->ctx, m->host->name, text);
}

void fp_visit_event(struct fp_visit *v, struct fp_member *m,
		    const struct fp_event *ev)
{
	if (ev->kind == FP_EVENT_NOTE && fp_talk_note(&v->talk, ev))
		return;
	if (ev->kind == FP_EVENT_NOTE) {
		on_note(v, m, &ev->err);
		return;
	}
	if (ev->ask == FP_ASK_HELLO && ev->kind == FP_EVENT_FAILED)
		fp_outcome_fail(&v->out, ev);
	else if (ev->ask == FP_ASK_HELLO)
		on_hello(v, m);
	else if (ev->ask == FP_ASK_PUSH)
		on_push(v, m, ev);
	else if (ev->ask == FP_ASK_CHANGE && ev->tag == TAG_SAY)
		on_said(v, m, ev);
	else if (ev->ask == FP_ASK_CONFIRM)
		v->n_hellos += fp_visit_settled(v, m, ev);
	else
		on_talk(v, m, ev);
	settle(v);
}

void fp_visit_ended(struct fp_visit *v, struct fp_member *m)
{
	if (!v->out.is_done)
		fp_outcome_end(&v->out, m->code, &m->err);
}
