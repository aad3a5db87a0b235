/* SPDX-License-Identifier: Apache-2.0 */
#include "node/judge.h"

#include <stdlib.h>

#include "node/facts.h"

/* Prefixes shorter than these are looked at for rule `wide`. */
#define WIDE_V4 (96 + 16)
#define WIDE_V6 32

struct fp_judge {
	struct fp_judge_opts o;
	struct fp_node *node;
	struct fp_guard guard;
	struct fp_prefix *host; /* of all its sets, in order */
	size_t n_hosts;
	/* the list in hand */
	enum fp_kind kind;
	size_t i;              /* the first host >= the prefix */
	struct fp_lists allow; /* pointers to the node's */
	struct fp_merge *merge;
	struct fp_merge_item next; /* of the allowed, > the prefix */
	bool has_next;
	struct fp_prefix cover; /* the last of them <= it that is in no other */
	bool has_cover;
};

static int by_prefix(const void *a, const void *b)
{
	return fp_prefix_cmp(a, b);
}

static int judge_hosts(struct fp_judge *j, struct fp_err *e)
{
	size_t n = 0;

	for (int s = 0; s < FP_GUARD_SETS; s++)
		n += j->guard.set[s].n;
	j->host = calloc(n + 1, sizeof(*j->host));
	if (!j->host)
		return fp_err(e, -ENOMEM, "out of memory");
	for (int s = 0; s < FP_GUARD_SETS; s++)
		for (size_t i = 0; i < j->guard.set[s].n; i++)
			j->host[j->n_hosts++] = j->guard.set[s].v[i].host;
	qsort(j->host, j->n_hosts, sizeof(*j->host), by_prefix);
	return 0;
}

static int judge_allow(struct fp_judge *j, struct fp_err *e)
{
	const struct fp_lists *ls = &j->node->lists;

	j->allow.v = calloc(ls->n + 1, sizeof(*j->allow.v));
	if (!j->allow.v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ls->n; i++)
		if (fp_list_about(ls->v[i])->kind == FP_KIND_ALLOW)
			j->allow.v[j->allow.n++] = ls->v[i];
	return 0;
}

int fp_judge_open(struct fp_judge **out, struct fp_node *n,
		  const struct fp_judge_opts *o, struct fp_err *e)
{
	struct fp_judge *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return fp_err(e, -ENOMEM, "out of memory");
	j->o = *o;
	j->node = n;
	r = fp_facts_guard(&j->guard, n, o->cluster, o->is_cluster_named, e);
	if (!r)
		r = judge_hosts(j, e);
	if (!r)
		r = judge_allow(j, e);
	if (r)
		fp_judge_close(j);
	else
		*out = j;
	return r;
}

void fp_judge_close(struct fp_judge *j)
{
	if (!j)
		return;
	fp_merge_close(j->merge);
	fp_guard_fini(&j->guard);
	free(j->allow.v); /* the lists are the node's */
	free(j->host);
	free(j);
}

static bool is_lifted(const struct fp_judge *j, const char *rule)
{
	return j->o.is_overridden && j->o.is_overridden(j->o.ctx, rule);
}

static int advance(struct fp_judge *j, struct fp_err *e)
{
	int r = fp_merge_next(j->merge, &j->next, e);

	j->has_next = r > 0;
	return r < 0 ? r : 0;
}

int fp_judge_begin(struct fp_judge *j, enum fp_kind kind, struct fp_err *e)
{
	int r;

	fp_merge_close(j->merge);
	j->merge = NULL;
	j->kind = kind;
	j->i = 0;
	j->has_cover = j->has_next = false;
	if (kind != FP_KIND_BLOCK || is_lifted(j, "allowed"))
		return 0;
	r = fp_merge_open(&j->merge, &j->allow, NULL, e);
	return r ? r : advance(j, e);
}

int fp_judge_one(struct fp_judge *j, const struct fp_prefix *p,
		 enum fp_kind kind, struct fp_err *e)
{
	int r = fp_guard_check(&j->guard, p, kind, j->o.is_overridden, j->o.ctx,
			       e);

	if (!r && kind == FP_KIND_BLOCK && !is_lifted(j, "allowed"))
		r = fp_facts_allowed(j->node, p, e);
	return r;
}

/* 127.0.0.0/8 and ::1; what is wider is looked at anyway. */
static bool is_loopback(const struct fp_prefix *p)
{
	return !p->hi && (p->lo >> 24 == 0xffff7f || p->lo <= 1);
}

static bool is_wide(const struct fp_prefix *p)
{
	return p->len < (fp_prefix_is_v4(p) ? WIDE_V4 : WIDE_V6);
}

static bool holds_host(struct fp_judge *j, const struct fp_prefix *p)
{
	while (j->i < j->n_hosts && fp_prefix_cmp(&j->host[j->i], p) < 0)
		j->i++;
	return j->i < j->n_hosts && fp_prefix_contains(p, &j->host[j->i]);
}

/* Prefixes lie within each other or apart, so of the allowed that come before p
 * one is enough to know. */
static int touches_allowed(struct fp_judge *j, const struct fp_prefix *p,
			   bool *out, struct fp_err *e)
{
	while (j->has_next && fp_prefix_cmp(&j->next.entry.p, p) <= 0) {
		const struct fp_prefix *a = &j->next.entry.p;
		int r;

		if (!j->has_cover || !fp_prefix_contains(&j->cover, a))
			j->cover = *a;
		j->has_cover = true;
		r = advance(j, e);
		if (r)
			return r;
	}
	*out = (j->has_cover && fp_prefix_contains(&j->cover, p)) ||
	       (j->has_next && fp_prefix_contains(p, &j->next.entry.p));
	return 0;
}

int fp_judge_next(struct fp_judge *j, const struct fp_prefix *p,
		  struct fp_err *e)
{
	bool is_near = false;
	int r = touches_allowed(j, p, &is_near, e);

	if (r)
		return r;
	is_near |= holds_host(j, p);
	if (!is_near && j->kind != FP_KIND_FENCE && !is_wide(p) &&
	    !is_loopback(p))
		return 0;
	return fp_judge_one(j, p, j->kind, e);
}
