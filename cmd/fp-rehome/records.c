/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs print. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "rehome.h"

/* ---- tag: what changes owner */

struct tag {
	const char *tag, *from, *to, *state, *detail;
	uint64_t calls;
};
#define AT(M) offsetof(struct tag, M)
static const struct fp_field tag_fields[] = {
	{ "tag", AT(tag), FP_F_STR, NULL, "the sharing tag" },
	{ "from", AT(from), FP_F_STR, NULL, "its owner before" },
	{ "to", AT(to), FP_F_STR, NULL, "its owner now" },
	{ "calls", AT(calls), FP_F_U64, NULL, "calls that are up" },
	{ "state", AT(state), FP_F_STR, NULL, "planned, given, proven, moved" },
	{ "detail", AT(detail), FP_F_STR, NULL, "what else there is to say" },
};
#undef AT

/* ---- call: what became of one */

struct call {
	const char *callid, *tag, *to, *verdict, *reason, *body;
	int64_t code;
	uint64_t tries, took_ms;
	bool is_verified;
};
#define AT(M) offsetof(struct call, M)
static const struct fp_field call_fields[] = {
	{ "callid", AT(callid), FP_F_STR, NULL, "its Call-ID" },
	{ "verdict", AT(verdict), FP_F_STR, NULL, "what became of it" },
	{ "code", AT(code), FP_F_I64, NULL, "the last answer; 0: none" },
	{ "reason", AT(reason), FP_F_STR, NULL, "its words" },
	{ "tag", AT(tag), FP_F_STR, NULL, "its sharing tag" },
	{ "to", AT(to), FP_F_STR, NULL, "the node that asked" },
	{ "body", AT(body), FP_F_STR, NULL, "outbound or inbound" },
	{ "tries", AT(tries), FP_F_U64, NULL, "how often it was asked" },
	{ "took_ms", AT(took_ms), FP_F_U64, "ms", "of the last try" },
	{ "verified", AT(is_verified), FP_F_BOOL, NULL, "seen afterwards" },
};
#undef AT

/* ---- dialog */

struct dialog {
	const char *callid, *tag, *state, *from, *to, *media, *callee_media;
	const char *owner, *seen_at, *body;
	int64_t age_s;
};
#define AT(M) offsetof(struct dialog, M)
static const struct fp_field dialog_fields[] = {
	{ "callid", AT(callid), FP_F_STR, NULL, "its Call-ID" },
	{ "tag", AT(tag), FP_F_STR, NULL, "its sharing tag" },
	{ "state", AT(state), FP_F_STR, NULL, "of the dialog" },
	{ "age_s", AT(age_s), FP_F_DUR_S, NULL, "since it was answered" },
	{ "from", AT(from), FP_F_STR, NULL, "the From URI" },
	{ "to", AT(to), FP_F_STR, NULL, "the To URI" },
	{ "media", AT(media), FP_F_STR, NULL,
	  "where the callee was told to send media" },
	{ "callee_media", AT(callee_media), FP_F_STR, NULL,
	  "where the caller was told to" },
	{ "body", AT(body), FP_F_STR, NULL, "of a re-INVITE that is right" },
	{ "owner", AT(owner), FP_F_STR, NULL, "the node that owns its tag" },
	{ "seen_at", AT(seen_at), FP_F_STR, NULL, "the node that told" },
};
#undef AT

static const struct fp_type tag_type = { "tag", tag_fields,
					 FR_COUNT(tag_fields) };
static const struct fp_type call_type = { "call", call_fields,
					  FR_COUNT(call_fields) };
static const struct fp_type dialog_type = { "dialog", dialog_fields,
					    FR_COUNT(dialog_fields) };
static const struct fp_type *const types[] = {
	[FR_CONDITION] = &fp_verb_condition_type,
	[FR_TAG] = &tag_type,
	[FR_CALL] = &call_type,
	[FR_DIALOG] = &dialog_type,
};

/* ---- printing */

int fr_prints(struct fr_env *v, enum fr_record main, struct fp_err *e)
{
	v->main = main;
	return fp_out_check(v->c->out, types[main], e);
}

/* Is it of the verb's own kind, or does JSON have room for it? */
static bool is_shown(const struct fr_env *v, enum fr_record what)
{
	return v->main == what || (v->c->is_json && !v->c->fields);
}

static void put(struct fr_env *v, enum fr_record what, const void *rec)
{
	struct fp_err e = { .text = "" };

	fp_progress_end(&v->progress);
	if (fp_out_record(v->c->out, types[what], rec, &e))
		fp_log(FP_LOG_ERR, "%s", e.text);
	fp_out_flush(v->c->out);
}

static const char *or_null(const struct fp_edge *x)
{
	return x ? x->name : NULL;
}

void fr_condition(void *env, const struct fp_condition *c)
{
	struct fr_env *v = env;
	const struct fp_verb_condition rec = fp_verb_condition(c);

	if (is_shown(v, FR_CONDITION)) {
		put(v, FR_CONDITION, &rec);
		return;
	}
	fp_progress_end(&v->progress);
	fp_verb_condition_say(c);
}

void fr_tag(void *env, const struct fp_tag_move *m, const char *state,
	    const char *detail)
{
	struct fr_env *v = env;
	const struct tag rec = { .tag = m->tag,
				 .from = or_null(m->from),
				 .to = or_null(m->to),
				 .calls = m->calls,
				 .state = state,
				 .detail = detail };

	if (is_shown(v, FR_TAG)) {
		put(v, FR_TAG, &rec);
		return;
	}
	fp_progress_end(&v->progress);
	fp_log(FP_LOG_NOTICE, "tag %s %s, %s to %s%s%s", m->tag, state,
	       m->from ? m->from->name : "nobody",
	       m->to ? m->to->name : "nobody", detail && *detail ? ": " : "",
	       detail ? detail : "");
}

void fr_call(void *env, const struct fp_moving_call *c,
	     const struct fp_edge *to)
{
	struct fr_env *v = env;
	const struct call rec = { .callid = c->callid,
				  .tag = c->tag,
				  .to = or_null(to),
				  .verdict = fp_move_verdict_name(c->verdict),
				  .reason = c->reason,
				  .body = fp_body_name(c->body),
				  .code = c->code > 0 ? c->code : 0,
				  .tries = c->tries,
				  .took_ms = (uint64_t)c->took_ms,
				  .is_verified = c->is_verified };

	if (is_shown(v, FR_CALL))
		put(v, FR_CALL, &rec);
}

void fr_progress(void *env, const char *what, size_t done, size_t total,
		 double rate, int64_t left_s)
{
	struct fr_env *v = env;
	bool is_quiet = v->c->is_quiet || v->c->is_json;

	(void)rate;
	(void)left_s;
	if (!what || !v->progress_what || strcmp(what, v->progress_what) ||
	    v->progress.total != total) {
		fp_progress_end(&v->progress);
		v->progress_what = what;
		if (!what)
			return;
		fp_progress_start(&v->progress, what, "calls", total, is_quiet);
	}
	fp_progress_at(&v->progress, done);
}

void fr_say(void *env, const char *text)
{
	struct fr_env *v = env;

	fp_progress_end(&v->progress);
	fp_log(FP_LOG_NOTICE, "%s", text);
}

void fr_dialog(struct fr_env *v, const struct fp_dialog *d,
	       const struct fp_edge *owner, const struct fp_edge *seen_at)
{
	const struct dialog rec = {
		.callid = d->callid,
		.tag = d->tag,
		.state = fp_dialog_state_name(d->state),
		.from = d->from_uri,
		.to = d->to_uri,
		.media = *d->caller_sent ? d->caller_sent : d->caller_media,
		.callee_media =
			*d->callee_sent ? d->callee_sent : d->callee_media,
		.owner = or_null(owner),
		.seen_at = or_null(seen_at),
		.body = fp_body_name(fp_dialog_body(d)),
		.age_s = d->started_s ? fp_clock_unix_s() - d->started_s : -1,
	};

	put(v, FR_DIALOG, &rec);
}

void fr_campaign(struct fr_env *v, enum fp_move_kind kind,
		 struct fp_campaign_opts *out)
{
	*out = (struct fp_campaign_opts){
		.edges = &v->edges,
		.kind = kind,
		.verb = v->c->verb->name,
		.by = v->by,
		.select = v->select,
		.body = v->body,
		.moving = v->moving,
		.is_lifted = fr_is_lifted,
		.condition = fr_condition,
		.tag = fr_tag,
		.call = fr_call,
		.progress = fr_progress,
		.say = fr_say,
		.ctx = v,
	};
	fr_journal(v, &out->journal);
}
