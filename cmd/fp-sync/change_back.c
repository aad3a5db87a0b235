/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync add: what a node refuses is taken back everywhere. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "io/clock.h"
#include "model/words.h"

void fs_change_fini(struct change *x)
{
	for (size_t i = 0; x->lift && i < x->in.n; i++)
		fp_buf_fini(&x->lift[i].meta);
	free(x->lift);
}

static int by_prefix(const void *key, const void *word)
{
	return fp_prefix_cmp(key, &((const struct fp_entry *)word)->p);
}

static int lift(struct change *x, size_t i, struct fp_err *e)
{
	struct change_lift *l = &x->lift[i];
	int64_t at_ms = fp_copy_at_ms(&x->word[i]);
	int64_t now_s = fp_clock_unix_s();
	size_t changed;
	int r;

	if (l->is_back)
		return 0;
	l->is_back = true;
	x->n_back++;
	r = fp_word_make(&l->meta, &l->word, &x->word[i].p,
			 now_s < at_ms / 1000 ? now_s : at_ms / 1000, at_ms,
			 "taken back", x->site.by, e);
	return r ? r
		 : fp_copy_merge(x->plan.copy, x->plan.list, x->plan.kind,
				 &l->word, 1, x->plan.timeout_ms, &changed, e);
}

static int lift_all(struct change *x, struct fp_err *e)
{
	int r = 0;

	if (!x->lift)
		x->lift = calloc(x->in.n, sizeof(*x->lift));
	if (!x->lift)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < x->in.n && !r; i++)
		r = lift(x, i, e);
	return r;
}

/* "PREFIX RULE\n"...  How many of them are ours. */
static size_t lift_named(struct change *x, const char *text, size_t n)
{
	const char *end = text + n, *nl;
	size_t found = 0;

	for (; text < end && (nl = memchr(text, '\n', (size_t)(end - text)));
	     text = nl + 1) {
		const char *sp = memchr(text, ' ', (size_t)(nl - text));
		const struct fp_entry *w = NULL;
		struct fp_prefix p;

		if (sp && !fp_prefix_parse(&p, text, (size_t)(sp - text), NULL))
			w = bsearch(&p, x->word, x->in.n, sizeof(*w),
				    by_prefix);
		if (!w)
			continue;
		found++;
		if (lift(x, (size_t)(w - x->word), &x->err))
			x->code = -EIO;
	}
	return found;
}

void fs_change_refused(void *ctx, const char *node, const struct fp_event *ev)
{
	struct change *x = ctx;
	int r = 0;

	if (x->is_del || x->is_taking_back)
		return;
	if (!x->refuser[0])
		snprintf(x->refuser, sizeof(x->refuser), "%s", node);
	if (!x->lift)
		x->lift = calloc(x->in.n, sizeof(*x->lift));
	/* what it does not name may be any of them */
	if (!x->lift ||
	    lift_named(x, ev->body, ev->body_len) < ev->answer.refused)
		r = lift_all(x, &x->err);
	if (r)
		x->code = r;
}

/* ---- what became of it */

static bool is_heard(const struct fp_outcome *o)
{
	return o->standing == FP_STANDS_WELL || o->is_changed || o->refused;
}

/* All words, when nobody took any: for good, or because the list is another
 * everywhere. */
static int give_up(struct change *x, struct fp_err *e)
{
	size_t refused = 0, others = 0, conflicts = 0;

	for (size_t i = 0; i < x->site.n_hosts; i++) {
		const struct fp_outcome *o = &x->node[i].out;

		if (is_heard(o))
			return 0;
		refused += o->standing == FP_STANDS_REFUSED;
		conflicts += o->is_conflict;
		others += o->standing == FP_STANDS_FAILED && !o->is_conflict;
	}
	if (!refused && (!conflicts || others))
		return 0;
	x->is_withdrawn = !refused;
	if (x->is_withdrawn && x->is_new_list)
		return fp_copy_forget(x->plan.copy, x->plan.list,
				      x->plan.timeout_ms, e);
	return lift_all(x, e);
}

/* The lifting words, to those that heard the others. */
static int tell_back(struct change *x, struct fs_node *node, struct fp_err *e)
{
	struct fp_entry *v = calloc(x->n_back, sizeof(*v));
	struct fp_copy *copy = x->plan.copy;
	size_t n = 0;
	int r;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < x->in.n; i++)
		if (x->lift[i].is_back)
			v[n++] = x->lift[i].word;
	for (size_t i = 0; i < x->site.n_hosts; i++)
		if (!is_heard(&x->node[i].out))
			node[i] = x->node[i];
	x->plan.copy = NULL; /* all else was said */
	x->is_taking_back = true;
	r = fs_change_tell(x, v, n, node, e);
	x->plan.copy = copy;
	free(v);
	return r;
}

/* now: how it took the lifting words. */
static void conclude(struct change *x, struct fp_outcome *o,
		     const struct fp_outcome *now)
{
	bool is_all = x->n_back == x->in.n;

	if (!is_heard(o))
		return;
	if (now->standing != FP_STANDS_WELL) {
		o->is_partly = true;
		o->standing = now->standing;
		o->state = now->state;
		o->err = now->err;
		fp_err_prefix(&o->err, 0,
			      "not taken back until it is reached again");
		return;
	}
	if (is_all) {
		o->is_changed = false;
		o->standing = FP_STANDS_REFUSED;
	} else if (o->standing != FP_STANDS_WELL) {
		o->is_partly = true; /* the other words */
	}
	if (o->refused)
		return;
	if (is_all)
		o->state = "back";
	fp_err(&o->err, 0, "%zu of %zu taken back: refused by %s", x->n_back,
	       x->in.n, x->refuser);
}

int fs_change_back(struct change *x, struct fp_err *e)
{
	size_t n = x->site.n_hosts;
	struct fs_node *node;
	int r = give_up(x, e);

	if (!r && x->code) {
		*e = x->err;
		r = x->code;
	}
	if (r || !x->n_back || !x->refuser[0])
		return r;
	node = calloc(n + 1, sizeof(*node));
	r = node ? tell_back(x, node, e) : fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && !r; i++)
		conclude(x, &x->node[i].out, &node[i].out);
	free(node);
	if (!r)
		fp_log_change(
			NULL,
			"add: %zu of %zu on list %s taken back: refused by %s",
			x->n_back, x->in.n, x->plan.list, x->refuser);
	return r;
}
