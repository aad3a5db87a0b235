/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block verify, digest, sweep: that the lists and the tables stay true. */
#include <stddef.h>
#include <string.h>

#include "change.h"
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
	{ "prefix", offsetof(struct differ_rec, prefix), FP_F_TEXT, NULL,
	  "where" },
	{ "what", offsetof(struct differ_rec, what), FP_F_STR, NULL,
	  "what differs" },
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

static int verify_finish(struct fp_cli *c, const struct fp_node *n,
			 int64_t found, int64_t differ)
{
	bool is_broken = n->lists.n_broken;

	if (found > VERIFY_SHOWN)
		fp_log(FP_LOG_WARN, "%lld differences in all",
		       (long long)found);
	fp_out_counts(
		c->out, found > differ,
		differ ? "the tables do NOT equal the lists: fp-block verify --repair"
		: is_broken ? "the tables equal the lists that can be read"
		: found ? "the tables differed; compiled anew, they equal the lists"
			: "the tables equal the lists",
		"found", (uint64_t)found, "left", (uint64_t)differ, "broken",
		(uint64_t)n->lists.n_broken, NULL);
	if (differ)
		return FP_EXIT_NO;
	return is_broken ? FP_EXIT_PARTIAL : FP_EXIT_OK;
}

int fb_verify(struct fp_cli *c)
{
	bool is_repair = fp_cli_get(c, "repair") && !c->is_dry_run;
	struct fp_node n = { .lists_fd = -1 };
	struct fp_err e = { .text = "" };
	struct verify v = { c, 0 };
	int64_t differ = 0, found = 0;
	int r, status;

	if (c->argc)
		return fp_cli_usage(c, "verify takes no \"%s\"", c->argv[0]);
	r = fp_out_check(c->out, &differ_type, &e);
	if (!r)
		r = fb_open(c, is_repair ? FP_NODE_WRITE : FP_NODE_READ_BOTH,
			    &n, &e);
	if (!r)
		found = differ = fp_node_verify(&n, verify_each, &v, &e);
	if (!r && differ > 0 && is_repair)
		r = verify_repair(c, &n, &differ, &e);
	if (r || differ < 0)
		status = fp_cli_fail(c, r ? r : (int)differ, &e);
	else
		status = verify_finish(c, &n, found, differ);
	fp_node_close(&n);
	return status;
}

/* ---- digest ---- */

struct digest_rec {
	char digest[FP_SHA256_HEX];
	uint64_t lists, entries, dynamic;
};

static const struct fp_field digest_fields[] = {
	{ "digest", offsetof(struct digest_rec, digest), FP_F_TEXT, NULL,
	  "SHA-256 over the pushed lists" },
	{ "lists", offsetof(struct digest_rec, lists), FP_F_U64, NULL,
	  "pushed lists" },
	{ "entries", offsetof(struct digest_rec, entries), FP_F_U64, NULL,
	  "their entries" },
	{ "dynamic", offsetof(struct digest_rec, dynamic), FP_F_U64, NULL,
	  "entries on dynamic lists, not in the digest" },
};
static const struct fp_type digest_type = { "digest", digest_fields,
					    FB_COUNT(digest_fields) };

static int digest_count(const struct fp_list *l, struct digest_rec *rec,
			struct fp_err *e)
{
	enum fp_owner owner = fp_list_about(l)->owner;
	uint64_t n;
	int r;

	if (owner == FP_OWNER_LOCAL)
		return 0;
	r = fb_count(l, fp_clock_unix_s(), &n, e);
	if (r)
		return r;
	rec->lists += owner == FP_OWNER_PUSHED;
	*(owner == FP_OWNER_PUSHED ? &rec->entries : &rec->dynamic) += n;
	return 0;
}

int fb_digest(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct digest_rec rec = { .digest = "" };
	struct fp_node n = { .lists_fd = -1 };
	int r;

	if (c->argc)
		return fp_cli_usage(c, "digest takes no \"%s\"", c->argv[0]);
	r = fp_out_check(c->out, &digest_type, &e);
	if (!r)
		r = fb_open(c, FP_NODE_READ_BOTH, &n, &e);
	for (size_t i = 0; i < n.lists.n && !r; i++)
		r = digest_count(n.lists.v[i], &rec, &e);
	if (!r)
		r = fp_lists_digest(&n.lists, rec.digest, &e);
	if (!r)
		r = fp_out_record(c->out, &digest_type, &rec, &e);
	if (!r)
		fp_out_counts(c->out, false, NULL, NULL);
	fp_node_close(&n);
	return r ? fp_cli_fail(c, r, &e) : FP_EXIT_OK;
}

/* ---- sweep ---- */

struct sweep_rec {
	const char *list;
	uint64_t expired;
	bool is_compacted;
};

static const struct fp_field sweep_fields[] = {
	{ "list", offsetof(struct sweep_rec, list), FP_F_STR, NULL, "list" },
	{ "expired", offsetof(struct sweep_rec, expired), FP_F_U64, NULL,
	  "entries that had ended, removed" },
	{ "compacted", offsetof(struct sweep_rec, is_compacted), FP_F_BOOL,
	  NULL, "its file was written anew" },
};
static const struct fp_type sweep_type = { "sweep", sweep_fields,
					   FB_COUNT(sweep_fields) };

static int sweep_count(const struct fp_list *l, int64_t now_s,
		       uint64_t *expired, struct fp_err *e)
{
	enum fp_owner owner = fp_list_about(l)->owner;
	struct fp_list_iter it;
	struct fp_entry x;
	int r;

	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, e)) == 1)
		*expired += fp_entry_is_over(&x, owner, now_s);
	return r;
}

struct sweep {
	struct fp_cli *c;
	struct fp_node node;
	uint64_t expired, compacted;
};

static int sweep_list(struct sweep *s, const char *name, struct fp_err *e)
{
	const struct fp_list *l = fp_lists_get(&s->node.lists, name);
	struct sweep_rec rec = { .list = name };
	int64_t now_s = fp_clock_unix_s();
	int r = sweep_count(l, now_s, &rec.expired, e);

	if (r)
		return r;
	/* a pushed list is the controller's, ended entries too: the digest */
	if (fp_list_about(l)->owner == FP_OWNER_PUSHED)
		rec.expired = now_s = 0;
	rec.is_compacted = rec.expired || fp_list_wants_compact(l);
	if (!rec.is_compacted)
		return 0;
	s->expired += rec.expired;
	s->compacted++;
	if (!s->c->is_dry_run)
		r = fp_node_compact(&s->node, name, now_s, NULL, e);
	return r ? r : fp_out_record(s->c->out, &sweep_type, &rec, e);
}

/* sshd may listen elsewhere by now: no guarded port may cover that. */
static int sweep_ports(struct sweep *s, struct fp_err *e)
{
	struct fp_settings settings;
	bool is_changed;
	int r = fp_settings_read(&settings, s->c->state_dir, NULL, NULL, e);

	if (r < 0)
		return r;
	if (r > 0) {
		fp_log(FP_LOG_WARN,
		       "settings: a line is bad, nothing of it is touched (fp-load set shows it)");
		return 0;
	}
	return fp_facts_settings(&s->node, &settings, &is_changed, e);
}

static int sweep_run(struct sweep *s, struct fp_err *e)
{
	char name[FP_LIST_NAME_MAX + 1];
	int r = 0;

	for (size_t i = 0; i < s->node.lists.n && !r; i++) {
		strcpy(name, fp_list_about(s->node.lists.v[i])->name);
		r = sweep_list(s, name, e);
	}
	if (r || s->c->is_dry_run || !s->node.maps)
		return r;
	if (s->compacted ||
	    fp_maps_conf(s->node.maps)->look_stale > SWEEP_STALE)
		r = fp_node_compile(&s->node, NULL, e);
	return r ? r : sweep_ports(s, e);
}

static int sweep_finish(struct sweep *s)
{
	fp_out_counts(s->c->out, s->compacted > 0, NULL, "expired", s->expired,
		      "compacted", s->compacted, NULL);
	return s->c->is_dry_run && s->compacted ? FP_EXIT_NO : FP_EXIT_OK;
}

int fb_sweep(struct fp_cli *c)
{
	struct sweep s = { .c = c, .node.lists_fd = -1 };
	struct fp_err e = { .text = "" };
	int r, status;

	if (c->argc)
		return fp_cli_usage(c, "sweep takes no \"%s\"", c->argv[0]);
	r = fp_out_check(c->out, &sweep_type, &e);
	if (!r)
		r = fb_open_writer(c, &s.node, &e);
	if (!r)
		r = sweep_run(&s, &e);
	status = r ? fp_cli_fail(c, r, &e) : sweep_finish(&s);
	fp_node_close(&s.node);
	return status;
}
