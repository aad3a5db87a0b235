/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share: the cluster, its nodes, how things fail and end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "rehome.h"

/* ---- the cluster */

static int open_edges(struct fr_env *v, struct fp_err *e)
{
	const struct fp_edges_opts o = { .loop = v->nodes.loop,
					 .resolver = v->nodes.resolver,
					 .timeout_ms = v->c->timeout_ms,
					 .say = fr_say,
					 .ctx = v };
	int r = fp_edges_init(&v->edges, &o, v->nodes.inv, e);

	for (size_t i = 0; !r && v->c->n_nodes; i++) {
		if (i == v->edges.n)
			return fp_err(e, -EINVAL,
				      "-N: none of these has fp_mi in %s",
				      v->c->cluster);
		if (fr_is_named(v, &v->edges.v[i]))
			break;
	}
	return r == -EINVAL ? fp_err_prefix(e, r, "%s", v->c->cluster) : r;
}

int fr_open(struct fr_env *v, struct fp_cli *c, struct fp_err *e)
{
	int r;

	*v = (struct fr_env){ .c = c };
	fp_verb_db_app(c, v->app);
	snprintf(v->owner, sizeof(v->owner), "%s, pid %d", v->app,
		 (int)getpid());
	r = fr_options(v, e);
	/* operands are nodes, call-ids or jobs: each verb finds its own */
	if (!r)
		r = fp_nodes_open(&v->nodes, c, NULL, 0, e);
	if (!r)
		r = fp_verb_db_conninfo(v->nodes.inv, &v->conninfo, e);
	if (!r)
		r = open_edges(v, e);
	if (r)
		fr_close(v);
	return r;
}

void fr_close(struct fr_env *v)
{
	fp_progress_end(&v->progress);
	fp_edges_fini(&v->edges);
	if (v->nodes.loop)
		fp_nodes_close(&v->nodes);
	free(v->marks);
	fp_words_fini(&v->tags);
	fp_words_fini(&v->callids);
	*v = (struct fr_env){ .c = v->c };
}

int fr_node(const struct fr_env *v, const char *name, struct fp_edge **out,
	    struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(v->nodes.inv, &h);

	*out = fp_edges_find(&v->edges, name);
	if (*out)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(h[i].name, name))
			return fp_err(e, -EINVAL,
				      "%s: no OpenSIPS: it has no fp_mi in %s",
				      name, v->c->cluster);
	return fp_err(e, -EINVAL, "%s: no such node in %s", name,
		      v->c->cluster);
}

bool fr_is_named(const struct fr_env *v, const struct fp_edge *x)
{
	const struct fp_cli *c = v->c;

	for (int i = 0; i < c->argc; i++)
		if (!strcmp(c->argv[i], x->name))
			return true;
	for (size_t i = 0; !c->argc && i < v->nodes.n_hosts; i++)
		if (!strcmp(v->nodes.hosts[i]->name, x->name))
			return true;
	return false;
}

static int add_target(const struct fr_env *v, const char *name,
		      struct fp_edge **list, size_t *n, struct fp_err *e)
{
	struct fp_edge *x;
	int r = fr_node(v, name, &x, e);

	if (r)
		return fp_err_prefix(e, r, "--to");
	for (size_t i = 0; i < *n; i++)
		if (list[i] == x)
			return fp_err(e, -EINVAL, "--to: %s stands there twice",
				      name);
	list[(*n)++] = x;
	return 0;
}

int fr_targets(const struct fr_env *v, struct fp_edge ***out, size_t *n,
	       bool *is_auto, struct fp_err *e)
{
	const char *to = fp_cli_get(v->c, "to");
	struct fp_edge **list;
	struct fp_words names = { .n = 0 };
	int r = 0;

	*n = 0;
	*is_auto = to && !strcmp(to, "auto");
	list = calloc(v->edges.n + 1, sizeof(struct fp_edge *));
	if (!list)
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!r && !*is_auto)
		r = fp_words_of(&names, v->c, "to", e);
	for (size_t i = 0; !r && i < names.n; i++)
		r = add_target(v, names.v[i], list, n, e);
	fp_words_fini(&names);
	if (r)
		free(list);
	else
		*out = list;
	return r;
}

/* ---- fp_db */

int fr_marks(struct fr_env *v, struct fp_err *e)
{
	return fp_verb_marks(v->c, v->conninfo, &v->marks, &v->n_marks, e);
}

int fr_marks_now(void *env, const struct fp_mark **out, size_t *n,
		 struct fp_err *e)
{
	struct fr_env *v = env;
	int r;

	free(v->marks);
	v->marks = NULL;
	v->n_marks = 0;
	r = fr_marks(v, e);
	*out = v->marks;
	*n = v->n_marks;
	return r;
}

void fr_journal(struct fr_env *v, struct fp_journal_opts *out)
{
	fp_verb_journal(v->c, &v->nodes, v->conninfo, v->app, v->owner, out);
	out->say = fr_say;
	out->ctx = v;
}

bool fr_fleet(const struct fr_env *v, struct fp_fleet_opts *out,
	      const char **lists_dir)
{
	fp_verb_fleet(v->c, &v->nodes, out, lists_dir);
	out->home = getenv("HOME");
	out->agent = getenv("SSH_AUTH_SOCK");
	for (size_t i = 0; i < v->edges.n; i++)
		if (fp_inventory_var(v->edges.v[i].host, "fp_if"))
			return true;
	return false;
}

bool fr_is_lifted(void *env, const char *rule)
{
	const struct fr_env *v = env;

	return fp_cli_overrides(v->c, rule);
}

/* ---- the end */

int fr_fail(const struct fr_env *v, int code, const struct fp_err *e)
{
	if (code == -EINTR) {
		fp_log(FP_LOG_NOTICE, "%s", e->text);
		return FP_EXIT_AGAIN;
	}
	return fp_verb_db_fail(v->c, code, e);
}

/* 0: every call has what could be had: moved, or it had ended. */
static size_t not_moved(const struct fp_moving_sum *s)
{
	return s->count[FP_MOVE_REFUSED] + s->count[FP_MOVE_SILENT] +
	       s->count[FP_MOVE_FAILED] + s->count[FP_MOVE_UNKNOWN] +
	       s->count[FP_MOVE_SKIPPED] + s->count[FP_MOVE_WAITING] +
	       s->count[FP_MOVE_ASKED];
}

static void say_sum(const struct fp_campaign_sum *s, char *out, size_t size)
{
	const size_t *n = s->calls.count;

	snprintf(out, size,
		 "%zu tags given, %zu calls moved, %zu had ended, %zu refused, "
		 "%zu silent, %zu failed, %zu without an answer, %zu not asked"
		 "%s%s",
		 s->n_given, n[FP_MOVE_MOVED] + n[FP_MOVE_DONE],
		 n[FP_MOVE_GONE], n[FP_MOVE_REFUSED], n[FP_MOVE_SILENT],
		 n[FP_MOVE_FAILED], n[FP_MOVE_UNKNOWN], n[FP_MOVE_SKIPPED],
		 *s->job ? ", job " : "", s->job);
}

int fr_end(struct fr_env *v, int code, const struct fp_campaign_sum *s,
	   const struct fp_err *e)
{
	const size_t *n = s->calls.count;
	char line[400];

	fr_progress(v, NULL, 0, 0, 0, 0);
	say_sum(s, line, sizeof(line));
	fp_out_counts(v->c->out, s->is_changed,
		      *s->job || s->is_changed ? line : NULL, "tags",
		      (uint64_t)s->n_tags, "given", (uint64_t)s->n_given,
		      "moved", (uint64_t)n[FP_MOVE_MOVED], "done_before",
		      (uint64_t)n[FP_MOVE_DONE], "gone",
		      (uint64_t)n[FP_MOVE_GONE], "refused",
		      (uint64_t)n[FP_MOVE_REFUSED], "silent",
		      (uint64_t)n[FP_MOVE_SILENT], "failed",
		      (uint64_t)n[FP_MOVE_FAILED], "unknown",
		      (uint64_t)n[FP_MOVE_UNKNOWN], "skipped",
		      (uint64_t)n[FP_MOVE_SKIPPED], "early",
		      (uint64_t)s->n_early, "left", (uint64_t)s->n_left,
		      "verified", (uint64_t)s->calls.n_verified, "lost",
		      (uint64_t)s->calls.n_lost, "took_ms",
		      (uint64_t)s->calls.took_ms, NULL);
	if (s->is_changed)
		fp_log_change(fp_cli_get(v->c, "why"), "%s %s: %s",
			      v->c->verb->name, v->c->argc ? v->c->argv[0] : "",
			      line);
	if (code && *s->job)
		fp_log(FP_LOG_NOTICE, "fp-rehome resume %s goes on with it",
		       s->job);
	if (code == -ESTALE || code == -ENODATA) { /* it can go on elsewhere */
		fp_log(FP_LOG_ERR, "%s", e->text);
		return FP_EXIT_PARTIAL;
	}
	if (code)
		return fr_fail(v, code, e);
	return not_moved(&s->calls) || s->is_left ? FP_EXIT_PARTIAL
						  : FP_EXIT_OK;
}
