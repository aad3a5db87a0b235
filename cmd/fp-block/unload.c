/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block unload: remove a list. */
#include <stddef.h>

#include "change.h"
#include "io/clock.h"

struct unload_rec {
	const char *list, *kind, *owner;
	uint64_t entries;
};

static const struct fp_field unload_fields[] = {
	{ "list", offsetof(struct unload_rec, list), FP_F_STR, NULL, "list" },
	{ "kind", offsetof(struct unload_rec, kind), FP_F_STR, NULL,
	  "its kind" },
	{ "owner", offsetof(struct unload_rec, owner), FP_F_STR, NULL,
	  "its owner" },
	{ "entries", offsetof(struct unload_rec, entries), FP_F_U64, NULL,
	  "entries it had" },
};
static const struct fp_type unload_type = { "unload", unload_fields,
					    FB_COUNT(unload_fields) };

/* *entries: -1 when there is no such list. */
static int unload_run(struct fp_cli *c, struct fp_node *n, int64_t *entries,
		      struct fp_err *e)
{
	struct fp_list *l = fp_lists_get(&n->lists, c->argv[0]);
	struct fp_list_head h;
	struct unload_rec rec;
	int r;

	*entries = -1;
	if (!l)
		return 0;
	h = *fp_list_about(l);
	r = fb_may_change(c, &h, e);
	if (!r)
		r = fb_count(l, fp_clock_unix_s(), &h.entries, e);
	if (!r && h.owner == FP_OWNER_DYNAMIC)
		fp_log(FP_LOG_WARN,
		       "list %s is dynamic: fp-sync brings back what other nodes have of it (del lifts a ban everywhere)",
		       h.name);
	if (!r && !c->is_dry_run)
		r = fp_node_remove(n, h.name, NULL, e);
	if (r)
		return r;
	if (!c->is_dry_run)
		fp_log_change(fp_cli_get(c, "why"),
			      "unload: %s list %s of %llu entries",
			      fp_kind_name(h.kind), h.name,
			      (unsigned long long)h.entries);
	*entries = (int64_t)h.entries;
	rec = (struct unload_rec){ h.name, fp_kind_name(h.kind),
				   fp_owner_name(h.owner), h.entries };
	return fp_out_record(c->out, &unload_type, &rec, e);
}

static int unload_finish(struct fp_cli *c, int64_t entries)
{
	bool is_changed = entries >= 0;

	fp_out_counts(c->out, is_changed,
		      is_changed ? NULL : "there is no such list", "lists",
		      (uint64_t)is_changed, "entries",
		      is_changed ? (uint64_t)entries : 0, NULL);
	return c->is_dry_run && is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

int fb_unload(struct fp_cli *c)
{
	struct fp_node n = { .lists_fd = -1 };
	struct fp_err e = { .text = "" };
	int64_t entries;
	int r, status;

	if (c->argc != 1)
		return fp_cli_usage(c, "unload needs the name of one list");
	r = fp_out_check(c->out, &unload_type, &e);
	if (!r)
		r = fp_list_name_check(c->argv[0], &e);
	if (!r)
		r = fb_open_writer(c, &n, &e);
	if (!r)
		r = unload_run(c, &n, &entries, &e);
	status = r ? fp_cli_fail(c, r, &e) : unload_finish(c, entries);
	fp_node_close(&n);
	return status;
}
