/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share: the cluster, its nodes, how things fail and end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "recover.h"

/* ---- the cluster */

static int open_switches(struct fv_env *v, struct fp_err *e)
{
	const struct fp_switches_opts o = { .loop = v->nodes.loop,
					    .resolver = v->nodes.resolver,
					    .timeout_ms = v->c->timeout_ms,
					    .say = fv_say,
					    .ctx = v };
	int r = fp_switches_init(&v->switches, &o, v->nodes.inv, e);

	return r == -EINVAL ? fp_err_prefix(e, r, "%s", v->c->cluster) : r;
}

/* Nodes whose filters can fence another. */
static int find_filters(struct fv_env *v, struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(v->nodes.inv, &h);

	v->filters = calloc(n + 1, sizeof(const struct fp_host *));
	if (!v->filters)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (fp_inventory_var(&h[i], "fp_if"))
			v->filters[v->n_filters++] = &h[i];
	fp_verb_fleet(v->c, &v->nodes, &v->fleet, &v->lists_dir);
	v->fleet.home = getenv("HOME");
	v->fleet.agent = getenv("SSH_AUTH_SOCK");
	v->has_fleet = v->n_filters > 0;
	return 0;
}

int fv_open(struct fv_env *v, struct fp_cli *c, struct fp_err *e)
{
	int r;

	*v = (struct fv_env){ .c = c };
	fp_verb_db_app(c, v->app);
	snprintf(v->owner, sizeof(v->owner), "%s, pid %d", v->app,
		 (int)getpid());
	r = fv_options(v, e);
	/* operands are nodes, legs or jobs: each verb finds its own */
	if (!r)
		r = fp_nodes_open(&v->nodes, c, NULL, 0, e);
	if (!r)
		r = fp_verb_db_conninfo(v->nodes.inv, &v->conninfo, e);
	if (!r)
		r = open_switches(v, e);
	if (!r)
		r = find_filters(v, e);
	if (r)
		fv_close(v);
	return r;
}

void fv_close(struct fv_env *v)
{
	fp_progress_end(&v->progress);
	fv_edges_close(v);
	fp_switches_fini(&v->switches);
	if (v->nodes.loop)
		fp_nodes_close(&v->nodes);
	free(v->marks);
	free(v->weights);
	free(v->filters);
	*v = (struct fv_env){ .c = v->c };
}

int fv_node(const struct fv_env *v, const char *name, struct fp_switch **out,
	    struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(v->nodes.inv, &h);

	*out = fp_switches_find(&v->switches, name);
	if (*out)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(h[i].name, name))
			return fp_err(
				e, -EINVAL,
				"%s: no FreeSWITCH: it has no fp_esl in %s",
				name, v->c->cluster);
	return fp_err(e, -EINVAL, "%s: no such node in %s", name,
		      v->c->cluster);
}

/* ---- targets */

/* NODE or NODE=WEIGHT. */
static int add_target(struct fv_env *v, const char *word,
		      struct fp_switch **list, size_t *n, struct fp_err *e)
{
	const char *weight = strchrnul(word, '=');
	char name[256], *end = NULL;
	struct fp_switch *x;
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)(weight - word), word);
	r = fv_node(v, name, &x, e);
	if (r)
		return fp_err_prefix(e, r, "--to");
	v->weights[*n] = *weight ? strtod(weight + 1, &end) : 1;
	if (*weight && (end == weight + 1 || *end ||
			!isfinite(v->weights[*n]) || v->weights[*n] <= 0))
		return fp_err(e, -EINVAL,
			      "--to %s: a weight is a number above 0", word);
	for (size_t i = 0; i < *n; i++)
		if (list[i] == x)
			return fp_err(e, -EINVAL, "--to: %s stands there twice",
				      name);
	list[(*n)++] = x;
	return 0;
}

int fv_targets(struct fv_env *v, struct fp_switch ***out, size_t *n,
	       bool *is_auto, struct fp_err *e)
{
	const char *to = fp_cli_get(v->c, "to");
	struct fp_switch **list;
	struct fp_words words = { .n = 0 };
	int r = 0;

	*n = 0;
	*is_auto = to && !strcmp(to, "auto");
	list = calloc(v->switches.n + 1, sizeof(struct fp_switch *));
	free(v->weights);
	v->weights = calloc(v->switches.n + 1, sizeof(double));
	if (!list || !v->weights)
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!r && !*is_auto)
		r = fp_words_of(&words, v->c, "to", e);
	for (size_t i = 0; !r && i < words.n; i++)
		r = add_target(v, words.v[i], list, n, e);
	fp_words_fini(&words);
	if (r)
		free(list);
	else
		*out = list;
	return r;
}

/* ---- fp_db */

int fv_marks(struct fv_env *v, struct fp_err *e)
{
	free(v->marks);
	v->marks = NULL;
	v->n_marks = 0;
	return fp_verb_marks(v->c, v->conninfo, &v->marks, &v->n_marks, e);
}

int fv_marks_now(void *env, const struct fp_mark **out, size_t *n,
		 struct fp_err *e)
{
	struct fv_env *v = env;
	int r = fv_marks(v, e);

	*out = v->marks;
	*n = v->n_marks;
	return r;
}

void fv_journal(struct fv_env *v, struct fp_journal_opts *out)
{
	fp_verb_journal(v->c, &v->nodes, v->conninfo, v->app, v->owner, out);
	out->say = fv_say;
	out->ctx = v;
}

bool fv_is_lifted(void *env, const char *rule)
{
	const struct fv_env *v = env;

	return fp_cli_overrides(v->c, rule);
}

/* ---- what a job is made of */

void fv_fence_of(struct fv_env *v, struct fp_switch *x, struct fp_fence *out)
{
	*out = (struct fp_fence){
		.switches = &v->switches,
		.node = x,
		.command = fp_cli_get(v->c, "fence"),
		.command_ms = v->fence_ms,
		.fleet = v->has_fleet ? &v->fleet : NULL,
		.filters = v->filters,
		.n_filters = v->n_filters,
		.lists_dir = v->lists_dir,
		.state_dir = v->c->state_dir,
		.why = fp_cli_get(v->c, "why"),
		.by = v->by,
		.is_dry_run = v->c->is_dry_run,
		.is_lifted = fv_is_lifted,
		.each = fv_condition,
		.ctx = v,
	};
}

void fv_rescue(struct fv_env *v, enum fp_recover_kind kind,
	       struct fp_rescue_opts *out)
{
	*out = (struct fp_rescue_opts){
		.kind = kind,
		.verb = v->c->verb->name,
		.loop = v->nodes.loop,
		.switches = &v->switches,
		.weights = v->weights,
		.from_db = fp_cli_get(v->c, "from-db"),
		.state_dir = v->c->state_dir,
		.calls = v->calls,
		.app = v->app,
		.owner = v->owner,
		.why = fp_cli_get(v->c, "why"),
		.by = v->by,
		.timeout_ms = v->c->timeout_ms,
		.recovering = { .loop = v->nodes.loop,
				.switches = &v->switches,
				.batch = v->batch,
				.prove_ms = v->prove_ms,
				.progress = fv_progress,
				.say = fv_say,
				.ctx = v },
		.is_fencing_targets = fp_cli_get(v->c, "fence-targets"),
		.marks_now = fv_marks_now,
		.edges = fv_edges,
		.is_dry_run = v->c->is_dry_run,
		.is_lifted = fv_is_lifted,
		.condition = fv_condition,
		.call = fv_call,
		.say = fv_say,
		.ctx = v,
	};
	fv_journal(v, &out->journal);
	fv_fence_of(v, NULL, &out->fence);
}

/* ---- the end */

int fv_fail(const struct fv_env *v, int code, const struct fp_err *e)
{
	if (code == -EINTR) {
		fp_log(FP_LOG_NOTICE, "%s", e->text);
		return FP_EXIT_AGAIN;
	}
	return fp_verb_db_fail(v->c, code, e);
}

/* 0: every call has what could be had of it. */
static size_t not_recovered(const struct fp_rescue_sum *s)
{
	const size_t *n = s->legs.count;

	return n[FP_REC_SILENT] + n[FP_REC_FAILED] + n[FP_REC_LOST] +
	       n[FP_REC_UNKNOWN] + n[FP_REC_WAITING] + n[FP_REC_PUT] +
	       s->n_left;
}

static void say_sum(const struct fp_rescue_sum *s, char *out, size_t size)
{
	const size_t *n = s->legs.count;

	snprintf(out, size,
		 "%zu calls recovered, %zu had ended, %zu ended with a BYE, "
		 "%zu silent, %zu failed, %zu lost, %zu not proven, %zu left "
		 "alone%s%s",
		 n[FP_REC_RECOVERED], n[FP_REC_GONE], n[FP_REC_BYE],
		 n[FP_REC_SILENT], n[FP_REC_FAILED], n[FP_REC_LOST],
		 n[FP_REC_UNKNOWN] + n[FP_REC_PUT] + n[FP_REC_WAITING],
		 n[FP_REC_SKIPPED], *s->job ? ", job " : "", s->job);
}

static void put_summary(struct fv_env *v, const struct fp_rescue_sum *s,
			const char *line)
{
	const size_t *n = s->legs.count;

	fp_out_counts(v->c->out, s->is_changed, line, "runs",
		      (uint64_t)s->n_runs, "calls", (uint64_t)s->n_calls,
		      "recovered", (uint64_t)n[FP_REC_RECOVERED], "bye",
		      (uint64_t)n[FP_REC_BYE], "gone", (uint64_t)n[FP_REC_GONE],
		      "silent", (uint64_t)n[FP_REC_SILENT], "failed",
		      (uint64_t)n[FP_REC_FAILED], "lost",
		      (uint64_t)n[FP_REC_LOST], "unknown",
		      (uint64_t)(n[FP_REC_UNKNOWN] + n[FP_REC_PUT] +
				 n[FP_REC_WAITING]),
		      "skipped", (uint64_t)n[FP_REC_SKIPPED], "left",
		      (uint64_t)s->n_left, "legs", (uint64_t)s->legs.n_legs,
		      "moved_ports", (uint64_t)s->legs.n_moved_ports, "killed",
		      (uint64_t)s->legs.n_killed, "asked_ms",
		      (uint64_t)s->legs.asked_ms, "took_ms",
		      (uint64_t)s->legs.took_ms, NULL);
}

/* It was taken over: who it was has nothing to go on with. */
static void say_whose(struct fv_env *v, const char *job)
{
	struct fp_job_head h = { .plan = NULL };
	struct fp_journal_opts o;
	struct fp_err e;

	fv_journal(v, &o);
	if (fp_journal_read(&o, job, &h, NULL, NULL, &e) ||
	    !strcmp(h.owner, v->owner))
		fp_log(FP_LOG_NOTICE, "job %s is somebody else's now", job);
	else
		fp_log(FP_LOG_NOTICE, "job %s is %s's now (%s)", job, h.owner,
		       h.state);
	free(h.plan);
}

int fv_end(struct fv_env *v, int code, const struct fp_rescue_sum *s,
	   const struct fp_err *e)
{
	char line[400];

	fv_progress(v, NULL, 0, 0);
	say_sum(s, line, sizeof(line));
	put_summary(v, s, *s->job || s->is_changed ? line : NULL);
	if (s->is_changed)
		fp_log_change(fp_cli_get(v->c, "why"), "%s %s: %s",
			      v->c->verb->name, v->c->argc ? v->c->argv[0] : "",
			      line);
	if (s->is_policy_old)
		fp_log(FP_LOG_NOTICE,
		       "a target's policy differs: fp-sync push makes it equal");
	if (code == -EBUSY && *s->job)
		say_whose(v, s->job);
	else if (code && *s->job)
		fp_log(FP_LOG_NOTICE, "fp-recover resume %s goes on with it",
		       s->job);
	if (code == -ESTALE || code == -EHOSTUNREACH) { /* resume saves more */
		fp_log(FP_LOG_ERR, "%s", e->text);
		return FP_EXIT_PARTIAL;
	}
	if (code)
		return fv_fail(v, code, e);
	return not_recovered(s) ? FP_EXIT_PARTIAL : FP_EXIT_OK;
}
