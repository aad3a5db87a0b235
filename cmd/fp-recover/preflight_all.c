/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover preflight --all: what would be saved of each node if it died now. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "preflight.h"

struct outcome {
	const char *node, *state;
	uint64_t runs, rows, sessions, calls, saved, lost;
	char to[256], words[200], refusals[160], detail[400];
};
#define AT(M) offsetof(struct outcome, M)
static const struct fp_field fields[] = {
	{ "node", AT(node), FP_F_STR, NULL, "the node, as if it died now" },
	{ "state", AT(state), FP_F_STR, NULL,
	  "up; silent; unknown: its rows cannot be read" },
	{ "sessions", AT(sessions), FP_F_U64, NULL, "that live there" },
	{ "runs", AT(runs), FP_F_U64, NULL, "of it that have rows" },
	{ "rows", AT(rows), FP_F_U64, NULL, "recovery rows: legs" },
	{ "calls", AT(calls), FP_F_U64, NULL, "that they make" },
	{ "saved", AT(saved), FP_F_U64, NULL,
	  "that would come up, or end with a BYE; none where a rule refuses" },
	{ "lost", AT(lost), FP_F_U64, NULL, "that would not" },
	{ "to", AT(to), FP_F_TEXT, NULL, "where they would go" },
	{ "words", AT(words), FP_F_TEXT, NULL, "why some are lost" },
	{ "refusals", AT(refusals), FP_F_TEXT, NULL,
	  "rules that would refuse a failover" },
	{ "detail", AT(detail), FP_F_TEXT, NULL, "why, of the first" },
};
#undef AT
static const struct fp_type type = { "outlook", fields, FV_COUNT(fields) };

/* One node that is judged. */
struct judging {
	struct fv_env *v;
	const struct fv_units *units;
	struct fp_switch *from, **to;
	size_t n_to;
	struct fp_store *store;
	struct fp_store_run *run;
	const char **runs;
	size_t n_runs;
	struct outcome *out;
	bool is_warning; /* conditions are told: the doctor's, of fp_db */
};

/* ---- callbacks */

/* It lives: that is what is imagined away. */
static bool is_lifted(void *ctx, const char *rule)
{
	struct judging *j = ctx;

	return !strcmp(rule, "alive") || fv_is_lifted(j->v, rule);
}

static void condition(void *ctx, const struct fp_condition *c)
{
	struct judging *j = ctx;
	struct outcome *o = j->out;

	if (j->is_warning) {
		if (c->state != FP_COND_OK)
			fv_condition(j->v, c);
		return;
	}
	if (c->state != FP_COND_REFUSE)
		return;
	fp_words_add(o->refusals, sizeof(o->refusals), c->rule);
	if (!*o->detail)
		snprintf(o->detail, sizeof(o->detail), "%s: %s: %s%s%s",
			 c->node, c->name, c->value, *c->detail ? ", " : "",
			 c->detail);
}

/* ---- its calls */

static void check_of(struct judging *j, const struct fp_calls *calls,
		     struct fp_recover_check *out)
{
	*out = (struct fp_recover_check){
		.kind = FP_RECOVER_FAILOVER,
		.switches = &j->v->switches,
		.from = j->from,
		.to = j->to,
		.n_to = j->n_to,
		.calls = calls,
		.store = j->store,
		.runs = j->runs,
		.n_runs = j->n_runs,
		.marks = j->v->marks,
		.n_marks = j->v->n_marks,
		.is_lifted = is_lifted,
		.each = condition,
		.ctx = j,
	};
}

static void count(struct judging *j, const struct fp_calls *c)
{
	unsigned int words = 0;

	j->out->calls = c->n_calls;
	for (size_t i = 0; i < c->n_calls; i++) {
		bool is_lost = c->call[i].fate == FP_FATE_LOST ||
			       c->call[i].fate == FP_FATE_SKIP;

		j->out->lost += is_lost;
		if (is_lost)
			words |= c->call[i].words;
	}
	/* what is refused brings up nothing */
	if (*j->out->refusals)
		j->out->lost = j->out->calls;
	j->out->saved = j->out->calls - j->out->lost;
	if (words)
		fp_call_words(words, j->out->words, sizeof(j->out->words));
}

static int group(struct judging *j, struct fp_leg *leg, size_t n,
		 struct fp_err *e)
{
	struct fp_calls_opts o = j->v->calls;
	struct fp_recover_check ask;
	struct fp_calls calls;
	int r = fp_legs_read(leg, n, e);

	if (r)
		return r;
	o.now_us = o.dead_us = fp_clock_unix_ms() * 1000;
	r = fp_calls_make(&calls, leg, n, &o, e);
	if (!r) {
		check_of(j, &calls, &ask);
		r = fp_recover_check(&ask, NULL, e);
		count(j, &calls);
		fp_calls_fini(&calls);
	}
	fp_legs_fini(leg, n);
	return r == -EPERM ? 0 : r;
}

static int rows(struct judging *j, struct fp_err *e)
{
	const struct fp_store_pick pick = { .hostname = j->from->switchname,
					    .runs = j->runs,
					    .n_runs = j->n_runs };
	struct fp_store_rows rows;
	struct fp_leg *leg;
	int r;

	if (!j->n_runs)
		return 0;
	r = fp_store_rows(j->store, &pick, &rows, e);
	if (r)
		return r;
	leg = calloc(rows.n + 1, sizeof(*leg));
	for (size_t i = 0; leg && i < rows.n; i++)
		leg[i] = (struct fp_leg){ .technology = rows.v[i].technology,
					  .profile_name = rows.v[i].profile,
					  .hostname = rows.v[i].hostname,
					  .run = rows.v[i].run,
					  .uuid = rows.v[i].uuid,
					  .xml = rows.v[i].xml,
					  .xml_len = rows.v[i].xml_len,
					  .too_long = rows.v[i].too_long };
	j->out->rows = rows.n;
	r = leg ? group(j, leg, rows.n, e)
		: fp_err(e, -ENOMEM, "out of memory");
	free(leg);
	fp_store_rows_free(&rows);
	return r;
}

/* ---- one node */

static int runs(struct judging *j, struct fp_err *e)
{
	size_t n = 0;
	int r = fp_store_runs(j->store, &j->run, &n, e);

	if (r)
		return r;
	j->runs = calloc(n + 1, sizeof(*j->runs));
	if (!j->runs)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(j->run[i].hostname, j->from->switchname))
			j->runs[j->n_runs++] = j->run[i].run;
	j->out->runs = j->n_runs;
	return 0;
}

static int targets(struct judging *j, struct fp_err *e)
{
	struct fp_recover_check ask;
	const char *live[] = { j->from->view.run };
	int r;

	check_of(j, NULL, &ask);
	ask.runs = live; /* the node itself is dead */
	ask.n_runs = 1;
	r = fp_recover_auto(&ask, &j->to, &j->n_to, e);
	if (r == -EAGAIN || r == -EPERM) {
		fp_words_add(j->out->refusals, sizeof(j->out->refusals),
			     r == -EPERM ? e->rule : "ready");
		snprintf(j->out->detail, sizeof(j->out->detail), "%.390s",
			 e->text);
		return 0;
	}
	for (size_t i = 0; !r && i < j->n_to; i++)
		fp_words_add(j->out->to, sizeof(j->out->to), j->to[i]->name);
	return r;
}

static int open_store(struct judging *j, struct fp_err *e)
{
	const struct fp_store_opts o = { .conninfo = j->from->db,
					 .app = j->v->app,
					 .timeout_ms = j->v->c->timeout_ms };

	if (!j->from->db)
		return fp_err(e, -EINVAL, "it has no fp_recovery_db");
	return fp_store_open(&j->store, &o, e);
}

/* The doctor's word, of each node once; unit files with the first. */
static int doctor(struct judging *j, bool is_first, struct fp_err *e)
{
	struct fp_recover_check ask;
	struct fp_recover_check alone;

	j->is_warning = true;
	check_of(j, NULL, &ask);
	alone = ask;
	alone.n_to = 0;
	return fp_recover_doctor(&alone, j->units->v,
				 is_first ? j->units->n : 0, e);
}

static int judge(struct judging *j, bool is_first, struct fp_err *e)
{
	int r = open_store(j, e);

	if (!r)
		r = runs(j, e);
	if (!r)
		r = targets(j, e);
	if (!r)
		r = rows(j, e);
	return r ? r : doctor(j, is_first, e);
}

static int node(struct fv_env *v, const struct fv_units *units,
		struct fp_switch *x, bool is_first, bool is_away,
		struct outcome *out, struct fp_err *e)
{
	struct judging j = { .v = v, .units = units, .from = x, .out = out };
	int r;

	*out = (struct outcome){ .node = x->name,
				 .state = x->code ? "silent" : "up" };
	if (!x->code)
		out->sessions = (uint64_t)x->view.sessions;
	if (is_away)
		fp_words_add(out->refusals, sizeof(out->refusals), "lock");
	r = judge(&j, is_first, e);
	fp_store_close(j.store);
	free(j.run);
	free(j.runs);
	free(j.to);
	if (!r || r == -EINTR || r == -ENOMEM)
		return r;
	out->state = "unknown"; /* it hides no other node */
	snprintf(out->detail, sizeof(out->detail), "%.390s", e->text);
	return 0;
}

/* ---- all of them */

struct sum {
	uint64_t n, n_refused, n_lost, n_unknown;
};

static void add(struct sum *s, const struct outcome *o)
{
	/* as the doctor has it: more than half of them have no row */
	bool is_bare = o->sessions > 1 && o->rows * 2 < o->sessions;

	s->n++;
	s->n_unknown += !strcmp(o->state, "unknown");
	s->n_refused += *o->refusals && o->calls;
	s->n_lost += o->lost || is_bare;
}

static bool is_named(const struct fv_env *v, const struct fp_switch *x)
{
	for (size_t i = 0; i < v->nodes.n_hosts; i++)
		if (v->nodes.hosts[i] == x->host)
			return true;
	return false;
}

/* fp_db: of all of them alike. */
static int lock(struct fv_env *v, bool *is_away, struct fp_err *e)
{
	struct fp_journal_opts journal;
	struct outcome out = { .node = "" };
	struct judging j = { .v = v, .out = &out, .is_warning = true };
	const struct fp_recover_check ask = { .journal = &journal,
					      .is_lifted = is_lifted,
					      .each = condition,
					      .ctx = &j };
	int r;

	fv_journal(v, &journal);
	r = fp_recover_lock(&ask, e);
	*is_away = r == -EPERM;
	return *is_away ? 0 : r;
}

static int all(struct fv_env *v, const struct fv_units *units, struct sum *s,
	       struct fp_err *e)
{
	bool is_away = false;
	struct outcome o;
	int r = fp_switches_read(&v->switches, FV_PARTS, e);

	if (!r)
		r = lock(v, &is_away, e);
	for (size_t i = 0; i < v->switches.n && !r; i++) {
		if (!is_named(v, &v->switches.v[i]))
			continue;
		r = node(v, units, &v->switches.v[i], !s->n, is_away, &o, e);
		if (!r)
			r = fp_out_record(v->c->out, &type, &o, e);
		if (!r)
			add(s, &o);
	}
	return r;
}

int fv_preflight_all(struct fv_env *v, const struct fv_units *units)
{
	struct fp_err e = { .text = "" };
	struct sum s = { .n = 0 };
	int r = fp_out_check(v->c->out, &type, &e);

	v->main = FV_CALL; /* conditions are beside it */
	if (!r)
		r = all(v, units, &s, &e);
	if (r)
		return fv_fail(v, r, &e);
	fp_out_counts(v->c->out, false, NULL, "nodes", s.n, "refused",
		      s.n_refused, "losing", s.n_lost, "unknown", s.n_unknown,
		      NULL);
	if (s.n_refused || s.n_lost)
		return FP_EXIT_NO;
	return s.n_unknown ? FP_EXIT_AGAIN : FP_EXIT_OK;
}
