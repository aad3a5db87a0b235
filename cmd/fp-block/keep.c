/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block verify, digest, sweep: that the lists and the tables stay true. */
#include <stddef.h>
#include <string.h>

#include "block.h"
#include "fp_maps.h"
#include "io/clock.h"

#define VERIFY_SHOWN 100
#define SWEEP_STALE 100000 /* look-here bits for nothing: compile anew */

/* ---- verify ---- */

struct differ_rec {
	char prefix[FP_PREFIX_STRLEN];
	const char *what;
};

static const struct fp_field differ_fields[] = {
	{ "prefix", offsetof(struct differ_rec, prefix), FP_F_TEXT, NULL, "where" },
	{ "what", offsetof(struct differ_rec, what), FP_F_STR, NULL, "what differs" },
};
static const struct fp_type differ_type = { "difference", differ_fields,
					    FB_COUNT(differ_fields) };

struct verify {
	struct fp_cli *c;
	int64_t shown;
};

static void verify_each(void *ctx, const struct fp_prefix *p, const char *text)
{
	struct verify *v = ctx;
	struct differ_rec rec = { .what = text };

	if (v->shown++ >= VERIFY_SHOWN)
		return;
	fp_prefix_print(p, rec.prefix);
	fb_record(v->c, &differ_type, &rec);
}

static int verify_repair(struct fp_cli *c, struct fp_node *n, int64_t *differ,
			 struct fp_err *e)
{
	struct verify v = { c, 0 };
	int r = fp_node_compile(n, NULL, e);

	if (r)
		return r;
	fp_log_change(NULL, "verify: %lld differences repaired",
		      (long long)*differ);
	*differ = fp_node_verify(n, verify_each, &v, e);
	return *differ < 0 ? (int)*differ : 0;
}

int fb_verify(struct fp_cli *c)
{
	bool is_repair = fp_cli_get(c, "repair") && !c->is_dry_run;
	struct fp_err e = { .text = "" };
	struct verify v = { c, 0 };
	struct fp_node n;
	int64_t differ, found;
	int r, status;

	if (c->argc)
		return fp_cli_usage(c, "verify takes no operand: %s",
				    c->argv[0]);
	r = fb_open(c, is_repair ? FP_NODE_WRITE : FP_NODE_READ_BOTH, &n, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	found = differ = fp_node_verify(&n, verify_each, &v, &e);
	if (differ > 0 && is_repair)
		r = verify_repair(c, &n, &differ, &e);
	if (r || differ < 0) {
		status = fp_cli_fail(c, r ? r : (int)differ, &e);
	} else {
		if (found > VERIFY_SHOWN)
			fp_log(FP_LOG_WARN, "%lld differences in all",
			       (long long)found);
		fp_out_summary(c->out, found > 0 && is_repair, NULL,
			       differ	? "the tables do NOT equal the lists: fp-block verify --repair" :
			       found	? "the tables differed; compiled anew, they equal the lists" :
					  "the tables equal the lists");
		status = differ ? FP_EXIT_NO : FP_EXIT_OK;
	}
	fp_node_close(&n);
	return status;
}

/* ---- digest ---- */

struct digest_rec {
	char digest[FP_SHA256_HEX];
	uint64_t lists, entries, dynamic;
};

static const struct fp_field digest_fields[] = {
	{ "digest", offsetof(struct digest_rec, digest), FP_F_TEXT, NULL, "SHA-256 over the pushed lists" },
	{ "lists", offsetof(struct digest_rec, lists), FP_F_U64, NULL, "pushed lists" },
	{ "entries", offsetof(struct digest_rec, entries), FP_F_U64, NULL, "their entries" },
	{ "dynamic", offsetof(struct digest_rec, dynamic), FP_F_U64, NULL, "entries on dynamic lists, not in the digest" },
};
static const struct fp_type digest_type = { "digest", digest_fields,
					    FB_COUNT(digest_fields) };

int fb_digest(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct digest_rec rec = { .digest = "" };
	struct fp_node n;
	int r, status = FP_EXIT_OK;

	if (c->argc)
		return fp_cli_usage(c, "digest takes no operand: %s",
				    c->argv[0]);
	r = fb_open(c, FP_NODE_READ_BOTH, &n, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	for (size_t i = 0; i < n.lists.n; i++) {
		const struct fp_list_head *h = fp_list_head(n.lists.v[i]);

		rec.lists += h->owner == FP_OWNER_PUSHED;
		if (h->owner == FP_OWNER_PUSHED)
			rec.entries += h->entries;
		if (h->owner == FP_OWNER_DYNAMIC)
			rec.dynamic += h->entries;
	}
	r = fp_lists_digest(&n.lists, rec.digest, &e);
	if (!r)
		r = fp_out_record(c->out, &digest_type, &rec, &e);
	if (r)
		status = fp_cli_fail(c, r, &e);
	fp_node_close(&n);
	return status;
}

/* ---- sweep ---- */

struct sweep_rec {
	const char *list;
	uint64_t expired;
	bool is_compacted;
};

static const struct fp_field sweep_fields[] = {
	{ "list", offsetof(struct sweep_rec, list), FP_F_STR, NULL, "list" },
	{ "expired", offsetof(struct sweep_rec, expired), FP_F_U64, NULL, "entries that had ended, removed" },
	{ "compacted", offsetof(struct sweep_rec, is_compacted), FP_F_BOOL, NULL, "its file was written anew" },
};
static const struct fp_type sweep_type = { "sweep", sweep_fields,
					   FB_COUNT(sweep_fields) };

static int sweep_count(const struct fp_list *l, int64_t now_s,
		       uint64_t *expired, struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	int r;

	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, e)) == 1)
		*expired += x.until_s && x.until_s <= now_s;
	return r;
}

static int sweep_list(struct fp_cli *c, struct fp_node *n, const char *name,
		      bool *is_changed, struct fp_err *e)
{
	const struct fp_list *l = fp_lists_get(&n->lists, name);
	struct sweep_rec rec = { .list = name };
	int64_t now_s = fp_clock_unix_s();
	int r = sweep_count(l, now_s, &rec.expired, e);

	if (r)
		return r;
	rec.is_compacted = rec.expired || fp_list_wants_compact(l);
	if (!rec.is_compacted)
		return 0;
	*is_changed = true;
	if (!c->is_dry_run)
		r = fp_node_compact(n, name, now_s, NULL, e);
	return r ? r : fp_out_record(c->out, &sweep_type, &rec, e);
}

static int sweep_run(struct fp_cli *c, struct fp_node *n, bool *is_changed,
		     struct fp_err *e)
{
	char name[FP_LIST_NAME_MAX + 1];
	int r = 0;

	for (size_t i = 0; i < n->lists.n && !r; i++) {
		strcpy(name, fp_list_head(n->lists.v[i])->name);
		r = sweep_list(c, n, name, is_changed, e);
	}
	if (r || c->is_dry_run || !n->maps)
		return r;
	if (*is_changed ||
	    fp_maps_conf(n->maps)->look_stale > SWEEP_STALE)
		r = fp_node_compile(n, NULL, e);
	return r;
}

int fb_sweep(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	bool is_changed = false;
	struct fp_node n;
	int r, status;

	if (c->argc)
		return fp_cli_usage(c, "sweep takes no operand: %s",
				    c->argv[0]);
	r = fb_open_writer(c, &n, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = sweep_run(c, &n, &is_changed, &e);
	if (r) {
		status = fp_cli_fail(c, r, &e);
	} else {
		fp_out_summary(c->out, is_changed, NULL, NULL);
		status = c->is_dry_run ? is_changed : FP_EXIT_OK;
	}
	fp_node_close(&n);
	return status;
}
