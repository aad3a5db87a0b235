/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block list: entries, in the form that load takes.  fp-block lists. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "io/clock.h"
#include "model/words.h"

struct entry_rec {
	char prefix[FP_PREFIX_STRLEN];
	const char *list, *kind;
	int64_t until_s;
	char why[FP_LINE_MAX], by[FP_LINE_MAX], run[FP_LINE_MAX];
	int64_t at_s;
};

static const struct fp_field entry_fields[] = {
	{ "prefix", offsetof(struct entry_rec, prefix), FP_F_TEXT, NULL,
	  "address or prefix" },
	{ "list", offsetof(struct entry_rec, list), FP_F_STR, NULL, "list" },
	{ "kind", offsetof(struct entry_rec, kind), FP_F_STR, NULL,
	  "its kind" },
	{ "until", offsetof(struct entry_rec, until_s), FP_F_TIME, NULL,
	  "end" },
	{ "why", offsetof(struct entry_rec, why), FP_F_TEXT, NULL, "reason" },
	{ "by", offsetof(struct entry_rec, by), FP_F_TEXT, NULL,
	  "who wanted it" },
	{ "run", offsetof(struct entry_rec, run), FP_F_TEXT, NULL,
	  "of a fence: the run it fences" },
	{ "at", offsetof(struct entry_rec, at_s), FP_F_TIME, NULL,
	  "of a dynamic list: when it was said" },
};
static const struct fp_type entry_type = { "entry", entry_fields,
					   FB_COUNT(entry_fields) };

static int list_record(struct fp_cli *c, const struct fp_list_head *h,
		       const struct fp_entry *x, struct fp_err *e)
{
	struct entry_rec rec = { .list = h->name,
				 .kind = fp_kind_name(h->kind),
				 .until_s = x->until_s,
				 .at_s = fp_word_at_ms(x) / 1000 };

	fp_prefix_print(&x->p, rec.prefix);
	fp_entry_get(x, "why", rec.why, sizeof(rec.why));
	fp_entry_get(x, "by", rec.by, sizeof(rec.by));
	fp_entry_get(x, "run", rec.run, sizeof(rec.run));
	return fp_out_record(c->out, &entry_type, &rec, e);
}

/* Lines as they stand in a list file, so that `fp-block load` takes them. */
static int list_one(struct fp_cli *c, const struct fp_list *l, uint64_t *n,
		    struct fp_err *e)
{
	const struct fp_list_head *h = fp_list_about(l);
	int64_t now_s = fp_clock_unix_s();
	struct fp_list_iter it;
	struct fp_buf line = { 0 };
	struct fp_entry x;
	int r;

	if (!c->is_json && !c->fields && !c->argc)
		printf("# list %s kind=%s owner=%s\n", h->name,
		       fp_kind_name(h->kind), fp_owner_name(h->owner));
	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, e)) == 1) {
		if (!fb_stands(&x, h->owner, now_s))
			continue;
		++*n;
		if (c->is_json || c->fields) {
			r = list_record(c, h, &x, e);
			if (r)
				break;
			continue;
		}
		fp_entry_print(&line, &x);
		if (line.len > 60000) {
			fwrite(line.data, 1, line.len, stdout);
			line.len = 0;
		}
	}
	if (line.len)
		fwrite(line.data, 1, line.len, stdout);
	if (line.is_failed)
		r = fp_err(e, -ENOMEM, "out of memory");
	fp_buf_fini(&line);
	return r;
}

/* Of list and lists. */
static int list_finish(struct fp_cli *c, struct fp_node *n, int r,
		       uint64_t lists, uint64_t entries, struct fp_err *e)
{
	int status = n->lists.n_broken ? FP_EXIT_PARTIAL : FP_EXIT_OK;

	if (r)
		status = fp_cli_fail(c, r, e);
	else
		fp_out_counts(c->out, false, NULL, "lists", lists, "entries",
			      entries, "broken", (uint64_t)n->lists.n_broken,
			      NULL);
	fp_node_close(n);
	return status;
}

int fb_list(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fp_node n = { .lists_fd = -1 };
	uint64_t lists = 0, entries = 0;
	int r;

	if (c->argc > 1)
		return fp_cli_usage(c, "list takes one list, or none for all");
	r = fp_out_check(c->out, &entry_type, &e);
	if (!r && c->argc)
		r = fp_list_name_check(c->argv[0], &e);
	if (!r)
		r = fb_open(c, FP_NODE_READ, &n, &e);
	if (!r && c->argc && !fp_lists_get(&n.lists, c->argv[0]))
		r = fp_err(&e, -ENOENT,
			   "no list named %s (fp-block lists shows them)",
			   c->argv[0]);
	for (size_t i = 0; i < n.lists.n && !r; i++) {
		const struct fp_list *l = n.lists.v[i];

		if (c->argc && strcmp(fp_list_about(l)->name, c->argv[0]))
			continue;
		r = list_one(c, l, &entries, &e);
		lists++;
	}
	return list_finish(c, &n, r, lists, entries, &e);
}

/* ---- lists ---- */

struct lists_rec {
	const char *list, *kind, *owner;
	uint64_t entries, gen, bytes;
	int64_t changed_s, age_s;
};

static const struct fp_field lists_fields[] = {
	{ "list", offsetof(struct lists_rec, list), FP_F_STR, NULL, "name" },
	{ "kind", offsetof(struct lists_rec, kind), FP_F_STR, NULL,
	  "block, allow or fence" },
	{ "owner", offsetof(struct lists_rec, owner), FP_F_STR, NULL,
	  "pushed, dynamic or local" },
	{ "entries", offsetof(struct lists_rec, entries), FP_F_U64, NULL,
	  "entries" },
	{ "generation", offsetof(struct lists_rec, gen), FP_F_U64, NULL,
	  "counts changes" },
	{ "bytes", offsetof(struct lists_rec, bytes), FP_F_U64, "bytes",
	  "size of the file" },
	{ "changed", offsetof(struct lists_rec, changed_s), FP_F_TIME, NULL,
	  "last change" },
	{ "age_s", offsetof(struct lists_rec, age_s), FP_F_DUR_S, "s",
	  "since then" },
};
static const struct fp_type lists_type = { "list", lists_fields,
					   FB_COUNT(lists_fields) };

int fb_lists(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fp_node n = { .lists_fd = -1 };
	uint64_t entries = 0;
	int r;

	if (c->argc)
		return fp_cli_usage(c, "lists takes no \"%s\"", c->argv[0]);
	r = fp_out_check(c->out, &lists_type, &e);
	if (!r)
		r = fb_open(c, FP_NODE_READ, &n, &e);
	for (size_t i = 0; i < n.lists.n && !r; i++) {
		const struct fp_list_head *h = fp_list_about(n.lists.v[i]);
		struct lists_rec rec = {
			.list = h->name,
			.kind = fp_kind_name(h->kind),
			.owner = fp_owner_name(h->owner),
			.gen = h->gen,
			.bytes = h->body_bytes + h->log_bytes,
			.changed_s = h->mtime_s,
			.age_s = fp_clock_unix_s() - h->mtime_s,
		};

		r = fb_count(n.lists.v[i], fp_clock_unix_s(), &rec.entries, &e);
		entries += rec.entries;
		if (!r)
			r = fp_out_record(c->out, &lists_type, &rec, &e);
	}
	return list_finish(c, &n, r, n.lists.n, entries, &e);
}
