/* SPDX-License-Identifier: Apache-2.0 */
#include "verb/nodes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/pattern.h"
#include "peer/mi.h"

#define THREADS 16

static int read_cluster(struct fp_nodes *out, const struct fp_cli *c,
			char **names, size_t n, struct fp_err *e)
{
	int r = fp_inventory_read(&out->inv, c->cluster, e);
	if (r == -ENOENT)
		r = fp_err(e, -EINVAL,
			   "no cluster file %s: which nodes are there?",
			   c->cluster);
	if (!r)
		r = fp_pattern_select(out->inv,
				      n ? (const char *const *)names : c->nodes,
				      n ? n : c->n_nodes, &out->hosts,
				      &out->n_hosts, e);
	if (!r && !out->n_hosts)
		r = fp_err(e, -EINVAL, "%s names no node", c->cluster);
	return r;
}

int fp_nodes_open(struct fp_nodes *out, const struct fp_cli *c, char **names,
		  size_t n, struct fp_err *e)
{
	int r;

	*out = (struct fp_nodes){ .inv = NULL };
	if (gethostname(out->name, sizeof(out->name) - 1))
		strcpy(out->name, "controller");
	r = read_cluster(out, c, names, n, e);
	if (!r)
		r = fp_loop_open(&out->loop, e);
	if (!r)
		r = fp_work_open(&out->work, out->loop, THREADS, e);
	if (!r)
		r = fp_resolver_open(&out->resolver, out->loop, out->work, e);
	if (r)
		fp_nodes_close(out);
	return r;
}

void fp_nodes_close(struct fp_nodes *n)
{
	if (n->resolver)
		fp_resolver_close(n->resolver);
	if (n->work)
		fp_work_close(n->work);
	fp_loop_close(n->loop);
	free(n->hosts);
	fp_inventory_free(n->inv);
	*n = (struct fp_nodes){ .inv = NULL };
}

int fp_nodes_again(struct fp_nodes *n, const struct fp_cli *c, char **names,
		   size_t n_names,
		   int (*use)(void *ctx, const struct fp_nodes *now,
			      struct fp_err *e),
		   void *ctx, struct fp_err *e)
{
	struct fp_nodes now = *n;
	int r;

	now.inv = NULL;
	now.hosts = NULL;
	now.n_hosts = 0;
	r = read_cluster(&now, c, names, n_names, e);
	if (!r)
		r = use(ctx, &now, e);
	if (!r) {
		struct fp_nodes before = *n;

		*n = now;
		now = before;
	}
	free(now.hosts);
	fp_inventory_free(now.inv);
	return r;
}

int fp_nodes_wait(struct fp_nodes *n, const bool *is_done, struct fp_err *e)
{
	return fp_loop_wait(n->loop, is_done, e);
}

/* ---- one question */

struct asked {
	struct fp_nodes *n;
	int (*take)(void *ctx, const struct cJSON *result, struct fp_err *e);
	void *ctx;
	struct fp_err *e;
	int code;
	bool is_done;
};

static void answered(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *e)
{
	struct asked *a = ctx;

	a->code = code;
	if (code)
		*a->e = *e;
	else if (r->is_error)
		a->code =
			fp_err(a->e, -EREMOTEIO, "%d %s", r->code, r->message);
	else if (a->take)
		a->code = a->take(a->ctx, r->result, a->e);
	a->is_done = true;
	fp_loop_stop(a->n->loop);
}

int fp_nodes_ask(struct fp_nodes *n, struct fp_mi *m, const char *method,
		 const char *params, int64_t timeout_ms,
		 int (*take)(void *ctx, const struct cJSON *result,
			     struct fp_err *e),
		 void *ctx, struct fp_err *e)
{
	struct asked a = { .n = n, .take = take, .ctx = ctx, .e = e };
	struct fp_mi_call *call = NULL;
	int r = fp_mi_ask(m, method, params, timeout_ms, answered, &a, &call,
			  e);

	if (!r) {
		r = fp_nodes_wait(n, &a.is_done, e);
		if (r && call && !a.is_done)
			fp_mi_drop(call);
	}
	if (!r)
		r = a.code;
	return r && r != -EINTR ? fp_err_prefix(e, r, "%s", method) : r;
}

/* ---- options */

int fp_nodes_number(const struct fp_cli *c, const char *option, int64_t min,
		    int64_t max, int64_t *out, struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	long long v;
	char *end;

	if (!s)
		return 0;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || v < min || v > max)
		return fp_err(e, -EINVAL, "--%s %s: a number from %lld to %lld",
			      option, s, (long long)min, (long long)max);
	*out = v;
	return 0;
}
