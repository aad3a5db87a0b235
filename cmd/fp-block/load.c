/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block load: make a list equal to a file, by the smallest difference. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "cli/progress.h"
#include "io/caps.h"
#include "io/clock.h"
#include "node/judge.h"

#define LOAD_MAX_BYTES (4ull << 30)
#define LOAD_MAX_ENTRIES 50000000u

struct load {
	struct fp_cli *c;
	struct fp_node node;
	const char *file;
	int64_t now_s;
	struct fp_list_head head; /* entries: those that stand */
	bool is_new;
	struct fp_text text;
	struct fp_entries entries;
	struct fp_progress progress;
	unsigned int max_change; /* percent */
	uint64_t added, removed, updated, refused;
	int64_t keys_more;
	size_t i;                 /* of the entries, while they are written */
	struct fp_buf meta;       /* of words that lift */
	struct fp_change *change; /* of a dynamic list: what differs */
	size_t n_changes;
};

struct load_rec {
	const char *list, *kind;
	uint64_t entries, added, removed, updated, bad, refused, expired;
};

static const struct fp_field load_fields[] = {
	{ "list", offsetof(struct load_rec, list), FP_F_STR, NULL, "list" },
	{ "kind", offsetof(struct load_rec, kind), FP_F_STR, NULL, "its kind" },
	{ "entries", offsetof(struct load_rec, entries), FP_F_U64, NULL,
	  "entries it now has" },
	{ "added", offsetof(struct load_rec, added), FP_F_U64, NULL,
	  "entries it did not have" },
	{ "removed", offsetof(struct load_rec, removed), FP_F_U64, NULL,
	  "entries it no longer has" },
	{ "updated", offsetof(struct load_rec, updated), FP_F_U64, NULL,
	  "entries with another end or reason" },
	{ "bad", offsetof(struct load_rec, bad), FP_F_U64, NULL,
	  "lines left out as bad" },
	{ "refused", offsetof(struct load_rec, refused), FP_F_U64, NULL,
	  "lines left out by a guard rule" },
	{ "expired", offsetof(struct load_rec, expired), FP_F_U64, NULL,
	  "lines left out as expired" },
};
static const struct fp_type load_type = { "load", load_fields,
					  FB_COUNT(load_fields) };

static void load_at(void *ctx, size_t bytes)
{
	struct load *l = ctx;

	fp_progress_at(&l->progress, bytes);
}

static void load_bad_line(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "left out: %s", text);
}

/* Before the lock is taken: nobody waits for our stdin. */
static int load_read(struct load *l, struct fp_err *e)
{
	bool is_skip = fp_cli_get(l->c, "skip-bad") != NULL;
	struct fp_parse_opts o = {
		.file = l->file,
		.skip_bad = is_skip,
		.now_s = fp_clock_unix_s(),
		.max = LOAD_MAX_ENTRIES,
		.progress = load_at,
		.bad_line = load_bad_line,
		.ctx = l,
	};
	uint64_t was = fp_caps_raise(FP_CAP_DAC_READ_SEARCH);
	int r = fp_text_read(&l->text, l->file, LOAD_MAX_BYTES, e);

	fp_caps_use(was, NULL);
	if (r)
		return r;
	fp_progress_start(&l->progress, l->c->argv[0], "bytes", l->text.len,
			  l->c->is_quiet || l->c->is_json);
	r = fp_entries_parse(&l->entries, l->text.data, l->text.len, &o, e);
	fp_progress_end(&l->progress);
	return r;
}

/* A feed that failed often leaves an empty file behind. */
static int load_check_empty(struct load *l, struct fp_err *e)
{
	if (l->entries.n || l->is_new || !l->head.entries ||
	    fp_cli_overrides(l->c, "empty"))
		return 0;
	return fp_refuse(
		e, "empty",
		"%s holds no entry; list %s has %llu (fp-block unload removes a list)",
		l->file, l->head.name, (unsigned long long)l->head.entries);
}

/* ---- guard rules ---- */

static int load_guard_all(struct load *l, struct fp_judge *j, struct fp_err *e)
{
	bool is_skip = fp_cli_get(l->c, "skip-bad") != NULL;
	size_t kept = 0;

	for (size_t i = 0; i < l->entries.n; i++) {
		int r = fp_judge_next(j, &l->entries.v[i].p, e);

		if (r && !(is_skip && r == -EPERM))
			return r;
		if (!r) {
			l->entries.v[kept++] = l->entries.v[i];
			continue;
		}
		if (l->refused++ < 10)
			fp_log(FP_LOG_WARN, "left out by rule %s: %s", e->rule,
			       e->text);
	}
	l->entries.n = kept;
	return 0;
}

static int load_guard(struct load *l, struct fp_err *e)
{
	const struct fp_judge_opts o = {
		.cluster = l->c->cluster,
		.is_cluster_named = l->c->is_cluster_named,
		.is_overridden = fb_overrides,
		.ctx = l->c,
	};
	struct fp_judge *j = NULL;
	int r = fp_judge_open(&j, &l->node, &o, e);

	if (!r)
		r = fp_judge_begin(j, l->head.kind, e);
	if (!r)
		r = load_guard_all(l, j, e);
	fp_judge_close(j);
	return r;
}

/* ---- the difference ---- */

static bool load_is_dynamic(const struct load *l)
{
	return l->head.owner == FP_OWNER_DYNAMIC;
}

static bool load_same(const struct load *l, const struct fp_entry *a,
		      const struct fp_entry *b)
{
	if (load_is_dynamic(l))
		return fb_same(a, b);
	return a->until_s == b->until_s && a->meta_len == b->meta_len &&
	       (!a->meta_len || !memcmp(a->meta, b->meta, a->meta_len));
}

/* Not for the others, which are written whole. */
static int load_changes_room(struct load *l, struct fp_err *e)
{
	size_t n = l->head.entries + l->entries.n + 1;

	if (!load_is_dynamic(l))
		return 0;
	l->change = calloc(n, sizeof(*l->change));
	return l->change ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static void load_differs(struct load *l, uint64_t *count,
			 const struct fp_entry *x)
{
	++*count;
	if (!l->change)
		return;
	l->change[l->n_changes++] = (struct fp_change){ .entry = *x };
	if (count != &l->removed)
		return;
	l->change[l->n_changes - 1] = (struct fp_change){
		.is_del = true,
		.entry = { .p = x->p,
			   .meta = l->meta.data,
			   .meta_len = (uint32_t)l->meta.len },
	};
}

static void load_count_keys(struct load *l, const struct fp_entry *x, int sign)
{
	if (fp_node_needs_key(x, l->head.owner))
		l->keys_more += sign;
}

static int load_compare(struct load *l, struct fp_err *e)
{
	struct fp_list *old = fp_lists_get(&l->node.lists, l->head.name);
	struct fp_list_iter it;
	struct fp_entry x;
	size_t i = 0;
	int r = load_changes_room(l, e);

	if (r)
		return r;
	if (old)
		fp_list_seek(old, &it, NULL);
	while (old && (r = fp_list_next(&it, &x, e)) == 1) {
		int order = -1;

		if (!fb_stands(&x, l->head.owner, l->now_s))
			continue;
		load_count_keys(l, &x, -1);
		for (; i < l->entries.n; i++) {
			order = fp_prefix_cmp(&x.p, &l->entries.v[i].p);
			if (order <= 0)
				break;
			load_differs(l, &l->added, &l->entries.v[i]);
		}
		if (i == l->entries.n || order < 0)
			load_differs(l, &l->removed, &x);
		else if (!load_same(l, &x, &l->entries.v[i++]))
			load_differs(l, &l->updated, &l->entries.v[i - 1]);
	}
	for (; i < l->entries.n; i++)
		load_differs(l, &l->added, &l->entries.v[i]);
	for (i = 0; i < l->entries.n; i++)
		load_count_keys(l, &l->entries.v[i], 1);
	return r;
}

static int load_max_change(struct load *l, struct fp_err *e)
{
	const char *word = fp_cli_get(l->c, "max-change");
	unsigned long percent = 20;
	char *end;

	if (word) {
		percent = strtoul(word, &end, 10);
		if (*word < '0' || *word > '9' || (*end && strcmp(end, "%")) ||
		    percent > 100)
			return fp_err(e, -EINVAL,
				      "--max-change %s: a number from 0 to 100",
				      word);
	}
	l->max_change = (unsigned int)percent;
	return 0;
}

static int load_check_change(struct load *l, struct fp_err *e)
{
	int r = fp_guard_max_change(l->head.entries, l->removed, l->max_change,
				    fb_overrides, l->c, e);

	return r ? fp_err_prefix(e, r, "list %s", l->head.name) : 0;
}

static int load_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct load *l = ctx;

	(void)e;
	if (l->i == l->entries.n)
		return 0;
	*out = l->entries.v[l->i++];
	return 1;
}

static bool load_is_change(const struct load *l)
{
	return l->is_new || l->added || l->removed || l->updated;
}

static int load_write(struct load *l, struct fp_err *e)
{
	int r = 0;

	if (!load_is_dynamic(l)) {
		l->head.gen++;
		return fp_node_write(&l->node, &l->head, load_next, l,
				     l->keys_more, NULL, e);
	}
	if (l->is_new)
		r = fp_node_create(&l->node, &l->head, e);
	if (!r && l->n_changes)
		r = fb_change(&l->node, &l->head, l->change, l->n_changes, e);
	return r;
}

static int load_apply(struct load *l, struct fp_err *e)
{
	int r;

	if (!load_is_change(l) || l->c->is_dry_run)
		return 0;
	r = load_write(l, e);
	if (!r)
		fp_log_change(fp_cli_get(l->c, "why"),
			      "load: %s list %s: %llu entries, +%llu -%llu",
			      fp_kind_name(l->head.kind), l->head.name,
			      (unsigned long long)l->entries.n,
			      (unsigned long long)l->added,
			      (unsigned long long)l->removed);
	return r;
}

static int load_report(struct load *l, struct fp_err *e)
{
	struct load_rec rec = {
		.list = l->head.name,
		.kind = fp_kind_name(l->head.kind),
		.entries = l->entries.n,
		.added = l->added,
		.removed = l->removed,
		.updated = l->updated,
		.bad = l->entries.n_bad,
		.refused = l->refused,
		.expired = l->entries.n_expired,
	};
	int r = fp_out_record(l->c->out, &load_type, &rec, e);

	fp_out_counts(l->c->out, load_is_change(l), NULL, "entries",
		      rec.entries, "added", rec.added, "removed", rec.removed,
		      "updated", rec.updated, "bad", rec.bad, "refused",
		      rec.refused, "expired", rec.expired, NULL);
	return r;
}

static int load_prepare(struct load *l, struct fp_err *e)
{
	int r = fp_out_check(l->c->out, &load_type, e);

	if (!r)
		r = fp_list_name_check(l->c->argv[0], e);
	if (!r)
		r = load_max_change(l, e);
	if (!r)
		r = fb_lift_meta(l->c, &l->meta, e);
	return r ? r : load_read(l, e);
}

static int load_run(struct load *l, struct fp_err *e)
{
	int r = fb_head(l->c, &l->node, l->c->argv[0], &l->head, &l->is_new, e);

	l->now_s = fp_clock_unix_s();
	if (!r && !l->is_new)
		r = fb_count(fp_lists_get(&l->node.lists, l->head.name),
			     l->now_s, &l->head.entries, e);
	if (!r)
		r = load_check_empty(l, e);
	if (!r)
		r = load_guard(l, e);
	if (!r) /* what is left of it */
		r = load_check_empty(l, e);
	if (!r)
		r = load_compare(l, e);
	if (!r)
		r = load_check_change(l, e);
	if (!r)
		r = load_apply(l, e);
	return r ? r : load_report(l, e);
}

int fb_load(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct load l = { .c = c, .node.lists_fd = -1 };
	int r, status;

	if (c->argc != 2)
		return fp_cli_usage(
			c,
			"load needs a list's name and a file, or - for stdin");
	l.file = c->argv[1];
	r = load_prepare(&l, &e);
	if (!r)
		r = fb_open_writer(c, &l.node, &e);
	if (!r)
		r = load_run(&l, &e);
	if (r)
		status = fp_cli_fail(c, r, &e);
	else if (c->is_dry_run)
		status = load_is_change(&l);
	else
		status = fb_done(&l.node, load_is_change(&l));
	fp_buf_fini(&l.meta);
	free(l.change);
	fp_entries_fini(&l.entries);
	fp_text_fini(&l.text);
	fp_node_close(&l.node);
	return status;
}
