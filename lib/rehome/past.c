/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/past.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/moveplan.h"
#include "io/clock.h"
#include "logic/rehome_move.h"

#define JOBS_MAX 200
#define JOBS_S (7 * 86400)
/* Those that were refused under their locks did nothing, and may be one a minute for
 * as long as a node is frozen: they do not count among the last. */
#define JOBS_READ_MAX 2000
#define SIZE_MIN 64

/* Of a call or a tag, by "call:CALLID", "tag:NAME".  Times order words: a second, and
 * in it the job that began later. */
struct word {
	char *item;       /* NULL: a free place */
	size_t at, tried; /* nodes, where it was moved (given); asked last */
	int64_t at_s, tried_s; /* 0: never */
};
struct fp_past {
	struct word *v; /* a hash table, open addressing */
	size_t n, size;
	char **node; /* names; NULL: not known */
	size_t n_nodes;
	struct fp_job_head *open;
	size_t n_open;
	char last[40]; /* the latest job of all tools; "": there was none */
	/* of the job that is read */
	size_t target; /* where all of it goes */
	int64_t rank;
	bool has_items;
};

/* ---- words */

static struct word *place(const struct fp_past *h, const char *item)
{
	size_t i = fp_fnv1a(FP_FNV1A_INIT, item, strlen(item));

	for (i &= h->size - 1; h->v[i].item; i = (i + 1) & (h->size - 1))
		if (!strcmp(h->v[i].item, item))
			break;
	return &h->v[i];
}

static int grow(struct fp_past *h)
{
	struct word *was = h->v;
	size_t size = h->size;

	h->size = size ? 2 * size : SIZE_MIN;
	h->v = calloc(h->size, sizeof(*h->v));
	if (!h->v) {
		h->v = was;
		h->size = size;
		return -ENOMEM;
	}
	for (size_t i = 0; i < size; i++)
		if (was[i].item)
			*place(h, was[i].item) = was[i];
	free(was);
	return 0;
}

static struct word *put(struct fp_past *h, const char *item)
{
	struct word *w;

	if (2 * (h->n + 1) > h->size && grow(h))
		return NULL;
	w = place(h, item);
	if (!w->item) {
		w->item = strdup(item);
		if (!w->item)
			return NULL;
		h->n++;
	}
	return w;
}

static const struct word *find(const struct fp_past *h, const char *what,
			       const char *name)
{
	char item[1100];
	const struct word *w;

	/* the journal has no longer ones */
	if (!h || !h->size ||
	    snprintf(item, sizeof(item), "%s%s", what, name) >=
		    (int)sizeof(item))
		return NULL;
	w = place(h, item);
	return w->item ? w : NULL;
}

/* ---- nodes */

/* name NULL: a place for one that is not known yet. */
static int add_node(struct fp_past *h, const char *name, size_t *out)
{
	char **more;

	for (*out = 0; name && *out < h->n_nodes; ++*out)
		if (h->node[*out] && !strcmp(h->node[*out], name))
			return 0;
	more = reallocarray(h->node, h->n_nodes + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	h->node = more;
	more[h->n_nodes] = name ? strdup(name) : NULL;
	if (name && !more[h->n_nodes])
		return -ENOMEM;
	*out = h->n_nodes++;
	return 0;
}

static bool is_node(const struct fp_past *h, size_t i, const char *name)
{
	return h->node[i] && !strcmp(h->node[i], name);
}

/* ---- a job */

/* Where that word's target is: it says so itself, or the plan. */
static int target_of(struct fp_past *h, const char *detail, size_t *out)
{
	char name[256];

	*out = h->target;
	if (fp_moveplan_text(detail, "to", name, sizeof(name)))
		return 0;
	return add_node(h, name, out);
}

static int take_call(struct fp_past *h, const char *item, const char *state,
		     const char *detail, int64_t when)
{
	enum fp_move_verdict v;
	struct word *w;
	size_t at;

	if (fp_move_verdict_parse(state, &v))
		v = FP_MOVE_UNKNOWN;
	/* not asked: what was before is as it was */
	if (v == FP_MOVE_SKIPPED)
		return 0;
	w = put(h, item);
	if (!w || target_of(h, detail, &at))
		return -ENOMEM;
	/* of one that had ended nothing goes anywhere */
	if (v == FP_MOVE_MOVED || v == FP_MOVE_DONE || v == FP_MOVE_GONE) {
		if (when > w->at_s) {
			w->at = at;
			w->at_s = when;
		}
	} else if (when > w->tried_s) {
		w->tried = at;
		w->tried_s = when;
	}
	return 0;
}

static int take_tag(struct fp_past *h, const char *item, const char *state,
		    const char *detail, int64_t when)
{
	struct word *w;
	size_t at;

	if (strcmp(state, "given") && strcmp(state, "proven") &&
	    strcmp(state, "moved"))
		return 0;
	w = put(h, item);
	if (!w || target_of(h, detail, &at))
		return -ENOMEM;
	if (when > w->at_s) {
		w->at = at;
		w->at_s = when;
	}
	return 0;
}

static int take(void *ctx, const char *item, const char *state,
		const char *detail, int64_t at_s)
{
	struct fp_past *h = ctx;
	int64_t when = at_s * (JOBS_MAX + 1) + h->rank;

	h->has_items = true;
	if (!strncmp(item, "call:", 5))
		return take_call(h, item, state, detail, when);
	if (!strncmp(item, "tag:", 4))
		return take_tag(h, item, state, detail, when);
	return 0;
}

/* A call's intent does not say where to: the plan does, when all goes to one. */
static int name_target(struct fp_past *h, const char *plan)
{
	struct fp_moveplan p;
	bool is_one = true;
	int r = 0;

	if (!plan || fp_moveplan_parse(&p, plan, strlen(plan), NULL))
		return 0;
	for (size_t i = 1; i < p.n_tags; i++)
		is_one &= !strcmp(p.tag[i].to, p.tag[0].to);
	if (p.n_tags && is_one) {
		h->node[h->target] = strdup(p.tag[0].to);
		r = h->node[h->target] ? 0 : -ENOMEM;
	}
	fp_moveplan_fini(&p);
	return r;
}

static void say(const struct fp_journal_opts *o, const char *text)
{
	if (o->say)
		o->say(o->ctx, text);
}

static int read_job(struct fp_past *h, const struct fp_journal_opts *o,
		    const char *id, struct fp_err *e)
{
	struct fp_job_head head = { .plan = NULL };
	char text[400];
	int r = add_node(h, NULL, &h->target);

	if (!r)
		r = fp_journal_read(o, id, &head, take, h, e);
	if (!r)
		r = name_target(h, head.plan);
	free(head.plan);
	if (r == -ENOMEM)
		return fp_err(e, r, "out of memory");
	if (!r || r == -EINTR)
		return r;
	snprintf(text, sizeof(text), "job %s: what it did is not known: %s", id,
		 e->text);
	say(o, text);
	return 0;
}

/* ---- all */

static int read_jobs(struct fp_past *h, const struct fp_journal_opts *o,
		     const struct fp_job_head *v, size_t n, struct fp_err *e)
{
	int64_t since_s = fp_clock_unix_s() - JOBS_S;
	size_t n_read = 0, n_did = 0;
	int r = 0;

	h->open = calloc(n + 1, sizeof(*h->open));
	if (!h->open)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && !r; i++) {
		if (strcmp(v[i].tool, "fp-rehome"))
			continue;
		if (!v[i].ended_s)
			h->open[h->n_open++] = v[i];
		if (n_did == JOBS_MAX || n_read == JOBS_READ_MAX ||
		    v[i].updated_s < since_s)
			continue;
		h->rank = (int64_t)(JOBS_MAX - n_did);
		h->has_items = false;
		r = read_job(h, o, v[i].id, e);
		n_read++;
		n_did += h->has_items;
	}
	return r;
}

int fp_past_read(struct fp_past **out, const struct fp_journal_opts *o,
		 struct fp_err *e)
{
	struct fp_journal_opts here = *o;
	struct fp_job_head *v = NULL;
	struct fp_past *h = calloc(1, sizeof(*h));
	size_t n = 0;
	int r = h ? fp_journal_list(&here, true, &v, &n, e)
		  : fp_err(e, -ENOMEM, "out of memory");

	if (r && r != -EINTR && r != -ENOMEM && here.conninfo) {
		say(o, e->text);
		say(o, "fp_db does not tell what earlier jobs did: the copies "
		       "here do");
		here.conninfo = NULL;
		r = fp_journal_list(&here, true, &v, &n, e);
	}
	if (!r && n)
		memcpy(h->last, v[0].id, sizeof(h->last));
	if (!r)
		r = read_jobs(h, &here, v, n, e);
	free(v);
	if (r) {
		fp_past_free(h);
		return r;
	}
	*out = h;
	return 0;
}

/* One that has ended changes no more, and one that began is the latest. */
bool fp_past_is_old(const struct fp_past *h, const struct fp_journal_opts *o,
		    const char *job)
{
	struct fp_job_head *v = NULL;
	size_t n = 0, i = 0;
	struct fp_err e;
	bool is_old;

	if (!h || h->n_open || fp_journal_list(o, true, &v, &n, &e))
		return true;
	while (i < n && !strcmp(v[i].id, job))
		i++;
	is_old = strcmp(i < n ? v[i].id : "", h->last) != 0;
	free(v);
	return is_old;
}

void fp_past_free(struct fp_past *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->size; i++)
		free(h->v[i].item);
	for (size_t i = 0; i < h->n_nodes; i++)
		free(h->node[i]);
	free(h->v);
	free(h->node);
	free(h->open);
	free(h);
}

/* ---- what it says */

bool fp_past_is_at(const struct fp_past *h, const char *callid,
		   const char *node)
{
	const struct word *w = find(h, "call:", callid);

	return w && w->at_s > w->tried_s && is_node(h, w->at, node);
}

bool fp_past_is_through(const struct fp_past *h, const char *callid,
			const char *node, bool is_own)
{
	const struct word *w = find(h, "call:", callid);

	if (!w)
		return is_own;
	if (w->at_s && is_node(h, w->at, node))
		return true;
	if (w->tried_s > w->at_s && is_node(h, w->tried, node))
		return true;
	return !w->at_s && is_own;
}

const char *fp_past_owner(const struct fp_past *h, const char *tag)
{
	const struct word *w = find(h, "tag:", tag);

	return w && w->at_s ? h->node[w->at] : NULL;
}

const struct fp_job_head *fp_past_open(const struct fp_past *h, size_t *n)
{
	*n = h ? h->n_open : 0;
	return h ? h->open : NULL;
}
