/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs print. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "recover.h"

/* ---- call: what shall become of one, or became of it */

struct call {
	const char *call, *kind, *fate, *verdict, *from, *to, *node, *target;
	const char *reason, *run, *state;
	char words[200];
	uint64_t legs, tries, took_ms, moved_ports;
	int64_t age_s;
};
#define AT(M) offsetof(struct call, M)
static const struct fp_field call_fields[] = {
	{ "call", AT(call), FP_F_STR, NULL,
	  "its room, or the uuid of its first leg" },
	{ "kind", AT(kind), FP_F_STR, NULL,
	  "bridge, conference, one-leg, orphan or chain" },
	{ "legs", AT(legs), FP_F_U64, NULL, "how many" },
	{ "verdict", AT(verdict), FP_F_STR, NULL,
	  "what became of it, or would: move, bye, redial, skip, lost" },
	{ "target", AT(target), FP_F_STR, NULL, "the node that gets it" },
	{ "words", AT(words), FP_F_TEXT, NULL, "what is worth knowing of it" },
	{ "reason", AT(reason), FP_F_STR, NULL, "why it is so" },
	{ "from", AT(from), FP_F_STR, NULL, "who calls" },
	{ "to", AT(to), FP_F_STR, NULL, "who is called" },
	{ "age_s", AT(age_s), FP_F_DUR_S, NULL, "since it was answered" },
	{ "tries", AT(tries), FP_F_U64, NULL, "targets that were asked" },
	{ "moved_ports", AT(moved_ports), FP_F_U64, NULL,
	  "legs that got another RTP port" },
	{ "took_ms", AT(took_ms), FP_F_U64, "ms",
	  "from the start of the job to its proof" },
	{ "node", AT(node), FP_F_STR, NULL, "the node that had it" },
	{ "run", AT(run), FP_F_STR, NULL, "the run that had it" },
	{ "state", AT(state), FP_F_STR, NULL,
	  "list: of its run: live, dead, or unknown when nothing answers" },
};
#undef AT
static const struct fp_type call_type = { "call", call_fields,
					  FV_COUNT(call_fields) };

/* ---- leg */

struct leg {
	const char *uuid, *call, *direction, *from, *to, *remote;
};
#define AT(M) offsetof(struct leg, M)
static const struct fp_field leg_fields[] = {
	{ "uuid", AT(uuid), FP_F_STR, NULL, "the leg" },
	{ "call", AT(call), FP_F_STR, NULL, "the call it is of" },
	{ "direction", AT(direction), FP_F_STR, NULL, "inbound or outbound" },
	{ "from", AT(from), FP_F_STR, NULL, "who calls" },
	{ "to", AT(to), FP_F_STR, NULL, "who is called" },
	{ "remote", AT(remote), FP_F_STR, NULL, "where its far end is" },
};
#undef AT
static const struct fp_type leg_type = { "leg", leg_fields,
					 FV_COUNT(leg_fields) };

static const struct fp_type *const types[] = {
	[FV_CONDITION] = &fp_verb_condition_type,
	[FV_CALL] = &call_type,
	[FV_LEG] = &leg_type,
};

/* ---- printing */

int fv_prints(struct fv_env *v, enum fv_record main, struct fp_err *e)
{
	v->main = main;
	return fp_out_check(v->c->out, types[main], e);
}

/* Is it of the verb's own kind, or does JSON have room for it? */
static bool is_shown(const struct fv_env *v, enum fv_record what)
{
	return v->main == what || (v->c->is_json && !v->c->fields);
}

static void put(struct fv_env *v, enum fv_record what, const void *rec)
{
	struct fp_err e = { .text = "" };

	fp_progress_end(&v->progress);
	v->progress_what = NULL;
	if (fp_out_record(v->c->out, types[what], rec, &e))
		fp_log(FP_LOG_ERR, "%s", e.text);
	fp_out_flush(v->c->out);
}

void fv_condition(void *env, const struct fp_condition *c)
{
	struct fv_env *v = env;
	const struct fp_verb_condition rec = fp_verb_condition(c);

	if (is_shown(v, FV_CONDITION)) {
		put(v, FV_CONDITION, &rec);
		return;
	}
	fp_progress_end(&v->progress);
	v->progress_what = NULL;
	fp_verb_condition_say(c);
}

static void put_legs(struct fv_env *v, const struct fp_calls *all,
		     const struct fp_call *c)
{
	for (size_t i = c->first; i < c->first + c->n; i++) {
		const struct fp_leg *l = &all->leg[i];
		const struct leg rec = { .uuid = l->uuid,
					 .call = c->name,
					 .direction = l->row.is_inbound
							      ? "inbound"
							      : "outbound",
					 .from = l->row.from_user,
					 .to = l->row.to_user,
					 .remote = l->row.contact_uri };

		if (is_shown(v, FV_LEG))
			put(v, FV_LEG, &rec);
		else
			fp_log(FP_LOG_NOTICE,
			       "call %s: leg %s, %s, %s to %s, far end %s",
			       rec.call, rec.uuid, rec.direction, rec.from,
			       rec.to, rec.remote);
	}
}

void fv_call(void *env, const struct fp_calls *all, size_t i,
	     const struct fp_recovering_call *way, const struct fp_switch *to)
{
	struct fv_env *v = env;
	const struct fp_call *c = &all->call[i];
	const struct fp_leg *l = &all->leg[c->first];
	const struct fp_switch *from =
		fp_switches_by_switchname(&v->switches, l->hostname);
	bool is_way = way && way->verdict != FP_REC_WAITING;
	int64_t answered_s = l->row.answered_us / 1000000;
	struct call rec = {
		.call = c->name,
		.kind = fp_call_kind_name(c->kind),
		.legs = c->n,
		.verdict = is_way ? fp_recover_verdict_name(way->verdict)
				  : fp_call_fate_name(c->fate),
		.target = to ? to->name : NULL,
		.reason = way && *way->reason ? way->reason : l->why,
		.from = l->row.from_user,
		.to = l->row.to_user,
		.age_s = answered_s ? fp_clock_unix_s() - answered_s : -1,
		.tries = way ? way->tries : 0,
		.moved_ports = way ? way->n_moved_ports : 0,
		.took_ms = way ? (uint64_t)way->took_ms : 0,
		.node = from ? from->name : l->hostname,
		.run = l->run,
		.state = v->state,
	};

	fp_call_words(c->words, rec.words, sizeof(rec.words));
	if (!is_shown(v, FV_CALL))
		return;
	put(v, FV_CALL, &rec);
	if (v->c->verbose)
		put_legs(v, all, c);
}

void fv_progress(void *env, const char *what, size_t done, size_t total)
{
	struct fv_env *v = env;
	bool is_quiet = v->c->is_quiet || v->c->is_json;

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

void fv_say(void *env, const char *text)
{
	struct fv_env *v = env;

	fp_progress_end(&v->progress);
	v->progress_what = NULL;
	fp_log(FP_LOG_NOTICE, "%s", text);
}
