/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync history: what this controller has pushed. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common.h"

struct history_rec {
	char push[65], digest[65];
	int64_t at_s;
	const char *list, *kind, *by, *why;
	uint64_t entries, added, removed;
};

static const struct fp_field history_fields[] = {
	{ "push", offsetof(struct history_rec, push), FP_F_TEXT, NULL,
	  "name of the push" },
	{ "time", offsetof(struct history_rec, at_s), FP_F_TIME, NULL, "when" },
	{ "list", offsetof(struct history_rec, list), FP_F_STR, NULL,
	  "a list that was another one than before" },
	{ "kind", offsetof(struct history_rec, kind), FP_F_STR, NULL,
	  "its kind; absent: it went" },
	{ "digest", offsetof(struct history_rec, digest), FP_F_TEXT, NULL,
	  "its digest, for rollback --to" },
	{ "entries", offsetof(struct history_rec, entries), FP_F_U64, NULL,
	  "entries it had" },
	{ "added", offsetof(struct history_rec, added), FP_F_U64, NULL,
	  "entries put on it or replaced" },
	{ "removed", offsetof(struct history_rec, removed), FP_F_U64, NULL,
	  "entries taken off" },
	{ "by", offsetof(struct history_rec, by), FP_F_STR, NULL,
	  "who pushed" },
	{ "why", offsetof(struct history_rec, why), FP_F_STR, NULL, "why" },
};
static const struct fp_type history_type = { "version", history_fields,
					     FS_COUNT(history_fields) };

/* The version of a list in the last push before number n that had it. */
static const struct fp_version *before(const struct fp_pushed *all, size_t n,
				       const char *name)
{
	while (n--)
		for (size_t i = 0; i < all[n].n_lists; i++)
			if (!strcmp(all[n].list[i].name, name))
				return &all[n].list[i];
	return NULL;
}

static int print_version(struct fp_cli *c, const struct fp_pushed *p,
			 const struct fp_version *v, struct fp_err *e)
{
	struct history_rec rec = {
		.at_s = p->at_s,
		.list = v->name,
		.kind = v->kind ? fp_kind_name(v->kind) : NULL,
		.by = p->by,
		.why = p->why,
		.entries = v->entries,
		.added = v->added,
		.removed = v->removed,
	};

	fs_digest(c, p->id, rec.push);
	fs_digest(c, v->digest, rec.digest);
	return fp_out_record(c->out, &history_type, &rec, e);
}

static bool is_meant(const struct fp_cli *c, const char *name)
{
	for (int i = 0; i < c->argc; i++)
		if (!strcmp(c->argv[i], name))
			return true;
	return !c->argc;
}

/* The newest first. */
static int print_all(struct fp_cli *c, const struct fp_history *h,
		     struct fp_err *e)
{
	size_t n;
	const struct fp_pushed *all = fp_history_all(h, &n);
	uint64_t versions = 0;
	int r = 0;

	for (size_t i = n; i-- && !r;)
		for (size_t k = 0; k < all[i].n_lists && !r; k++) {
			const struct fp_version *v = &all[i].list[k];
			const struct fp_version *old = before(all, i, v->name);

			if (!is_meant(c, v->name) ||
			    (old && !strcmp(old->digest, v->digest)))
				continue;
			versions++;
			r = print_version(c, &all[i], v, e);
		}
	if (!r)
		fp_out_counts(c->out, false, NULL, "pushes", (uint64_t)n,
			      "versions", versions, NULL);
	return r;
}

int fs_history(struct fp_cli *c)
{
	struct fp_history *h = NULL;
	struct fp_err e = { .text = "" };
	int r = fp_out_check(c->out, &history_type, &e);

	for (int i = 0; i < c->argc && !r; i++)
		r = fp_list_name_check(c->argv[i], &e);
	if (!r)
		r = fp_history_open(&h, c->state_dir, &e);
	if (!r)
		r = print_all(c, h, &e);
	fp_history_close(h);
	return r ? fp_cli_fail(c, r, &e) : FP_EXIT_OK;
}
