/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block add: put prefixes on a list. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "io/clock.h"
#include "model/words.h"

struct add {
	struct fp_cli *c;
	struct fp_node node;
	struct fp_list_head head;
	bool is_new;
	struct fp_buf meta;     /* of entries that bring none */
	bool is_meta_default;   /* nothing in it was asked for */
	int64_t until_s, for_s; /* one of them, or neither: for ever */
	struct fb_input in;
	struct fp_change *change; /* those that differ */
	size_t n_changes, n_added;
	const char **action; /* of each entry of in */
};

static const char *const added = "added", *const updated = "updated",
			 *const kept = "kept";

static int add_meta_one(struct add *a, const char *key, const char *value,
			struct fp_err *e)
{
	if (!value || !*value)
		return 0;
	return fp_meta_add(&a->meta, key, value, e);
}

static int add_meta(struct add *a, struct fp_err *e)
{
	const char *why = fp_cli_get(a->c, "why");
	const char *by = fp_cli_get(a->c, "by");
	const char *run = fp_cli_get(a->c, "run");
	int r = add_meta_one(a, "why", why, e);

	a->is_meta_default = !why && !by && !run;
	if (!r)
		r = add_meta_one(a, "by", by ? by : getenv("SUDO_USER"), e);
	return r ? r : add_meta_one(a, "run", run, e);
}

/* Entries that say nothing of their own take the options.  Time runs from here,
 * when stdin has been read. */
static void add_defaults(struct add *a)
{
	if (a->for_s)
		a->until_s = fp_clock_unix_s() + a->for_s;
	for (size_t i = 0; i < a->in.entries.n; i++) {
		struct fp_entry *x = &a->in.entries.v[i];

		x->meta_len = fb_said_len(x); /* it is said now */
		if (!x->until_s)
			x->until_s = a->until_s;
		if (!x->meta_len && a->meta.len) {
			x->meta = a->meta.data;
			x->meta_len = (uint32_t)a->meta.len;
		}
	}
}

static int add_guard(struct add *a, struct fp_err *e)
{
	struct fp_guard g = { 0 };
	int r = fp_facts_guard(&g, &a->node, a->c->cluster,
			       a->c->is_cluster_named, e);

	for (size_t i = 0; i < a->in.entries.n && !r; i++) {
		const struct fp_prefix *p = &a->in.entries.v[i].p;

		r = fp_guard_check(&g, p, a->head.kind, fb_overrides, a->c, e);
		if (!r && a->head.kind == FP_KIND_BLOCK &&
		    !fp_cli_overrides(a->c, "allowed"))
			r = fp_facts_allowed(&a->node, p, e);
	}
	fp_guard_fini(&g);
	return r;
}

/* An add never shortens what stands; "1h" said again a moment later is the
 * same hour.  Who runs sudo is no reason to change an entry. */
static const char *add_action(const struct add *a, struct fp_entry *x,
			      const struct fp_entry *old)
{
	int64_t same_s = a->for_s / 100 > 5 ? a->for_s / 100 : 5;
	int64_t more_s = x->until_s - old->until_s;
	bool is_longer = old->until_s && (!x->until_s || more_s > same_s);
	bool is_silent =
		!x->meta_len || (a->is_meta_default && x->meta == a->meta.data);
	bool is_other = !is_silent && (x->meta_len != fb_said_len(old) ||
				       memcmp(x->meta, old->meta, x->meta_len));

	if (is_silent) {
		x->meta = old->meta;
		x->meta_len = old->meta_len;
	}
	if (!is_longer)
		x->until_s = old->until_s;
	return is_longer || is_other ? updated : kept;
}

static int add_plan(struct add *a, struct fp_err *e)
{
	struct fp_list *l = fp_lists_get(&a->node.lists, a->head.name);
	int64_t now_s = fp_clock_unix_s();
	size_t n = a->in.entries.n;
	struct fp_entry old;

	a->change = calloc(n + 1, sizeof(*a->change));
	a->action = calloc(n + 1, sizeof(*a->action));
	if (!a->change || !a->action)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct fp_entry *x = &a->in.entries.v[i];

		a->action[i] = l && fp_list_find(l, &x->p, &old) &&
					       fp_word_is_live(&old, now_s)
				       ? add_action(a, x, &old)
				       : added;
		a->n_added += a->action[i] == added;
		if (a->action[i] != kept)
			a->change[a->n_changes++].entry = *x;
	}
	return 0;
}

static int add_apply(struct add *a, struct fp_err *e)
{
	char first[FP_PREFIX_STRLEN];
	int r = 0;

	if (!a->n_changes || a->c->is_dry_run)
		return 0;
	if (a->is_new && a->head.owner != FP_OWNER_DYNAMIC)
		r = fp_node_create(&a->node, &a->head, e);
	if (!r)
		r = fb_change(&a->node, &a->head, a->change, a->n_changes, e);
	if (r)
		return r;
	fp_prefix_print(&a->change[0].entry.p, first);
	fp_log_change(fp_cli_get(a->c, "why"),
		      "add: %zu prefix%s on %s list %s, first %s", a->n_changes,
		      a->n_changes == 1 ? "" : "es", fp_kind_name(a->head.kind),
		      a->head.name, first);
	return 0;
}

/* The kernel's own word, since a change that is not in the tables is none.  What
 * ends any moment may have ended. */
static int add_prove(const struct add *a, const struct fb_change_rec *rec,
		     struct fp_err *e)
{
	enum fp_kind got = FP_KIND_NONE;

	if (!rec->verdict ||
	    (rec->until_s && rec->until_s <= fp_clock_unix_s() + 2))
		return 0;
	if (strcmp(rec->verdict, fp_kind_name(FP_KIND_NONE)) &&
	    fp_kind_parse(rec->verdict, &got, e))
		return -EINVAL;
	if (got >= a->head.kind)
		return 0;
	return fp_err(
		e, -EIO,
		"%s is on list %s, but the kernel says %s: fp-block verify --repair",
		rec->prefix, rec->list, rec->verdict);
}

static int add_report(struct add *a, struct fp_err *e)
{
	size_t n = a->in.entries.n;
	const char **verdict = calloc(n + 1, sizeof(*verdict));
	struct fp_prefix *p = calloc(n + 1, sizeof(*p));
	int r = verdict && p ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !r; i++)
		p[i] = a->in.entries.v[i].p;
	if (!r && !a->c->is_dry_run)
		r = fb_ask(&a->node, p, n, verdict, e);
	for (size_t i = 0; i < n && !r; i++) {
		struct fb_change_rec rec = {
			.list = a->head.name,
			.kind = fp_kind_name(a->head.kind),
			.action = a->action[i],
			.until_s = a->in.entries.v[i].until_s,
			.verdict = verdict[i],
		};

		fp_prefix_print(&p[i], rec.prefix);
		r = fp_out_record(a->c->out, &fb_change_type, &rec, e);
		if (!r)
			r = add_prove(a, &rec, e);
	}
	free(verdict);
	free(p);
	return r;
}

/* What can be said without the lists: nobody waits for our stdin. */
static int add_prepare(struct add *a, struct fp_err *e)
{
	int r = fp_out_check(a->c->out, &fb_change_type, e);

	if (!r)
		r = fp_cli_end(a->c, &a->for_s, &a->until_s, e);
	if (!r)
		r = add_meta(a, e);
	if (!r)
		r = fb_input_read(a->c, &a->in, e);
	if (!r)
		add_defaults(a);
	return r;
}

static int add_run(struct add *a, struct fp_err *e)
{
	int r = fb_head(a->c, &a->node, fp_cli_get(a->c, "list"), &a->head,
			&a->is_new, e);

	if (!r && fp_cli_get(a->c, "run") && a->head.kind != FP_KIND_FENCE)
		r = fp_err(
			e, -EINVAL,
			"--run: only a fence names a run, list %s is of kind %s",
			a->head.name, fp_kind_name(a->head.kind));
	if (!r)
		r = add_guard(a, e);
	if (!r)
		r = add_plan(a, e);
	if (!r)
		r = add_apply(a, e);
	return r ? r : add_report(a, e);
}

static int add_finish(struct add *a)
{
	const struct fp_entries *in = &a->in.entries;
	bool is_changed = a->n_changes > 0;

	if (in->n_expired)
		fp_log(FP_LOG_WARN,
		       "%zu lines left out: their until= has passed",
		       in->n_expired);
	fp_out_counts(a->c->out, is_changed, NULL, added, (uint64_t)a->n_added,
		      updated, (uint64_t)(a->n_changes - a->n_added), kept,
		      (uint64_t)(in->n - a->n_changes), "expired",
		      (uint64_t)in->n_expired, NULL);
	return a->c->is_dry_run ? is_changed : fb_done(&a->node, is_changed);
}

int fb_add(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct add a = { .c = c, .node.lists_fd = -1 };
	int r, status;

	if (!c->argc)
		return fp_cli_usage(c, "add needs a prefix");
	r = add_prepare(&a, &e);
	if (!r)
		r = fb_open_writer(c, &a.node, &e);
	if (!r)
		r = add_run(&a, &e);
	status = r ? fp_cli_fail(c, r, &e) : add_finish(&a);
	fb_input_fini(&a.in);
	fp_buf_fini(&a.meta);
	free(a.change);
	free(a.action);
	fp_node_close(&a.node);
	return status;
}
