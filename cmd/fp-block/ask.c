/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block test: ask the kernel.  fp-block why: what the lists say, and what
 * the kernel does. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "fp_maps.h"
#include "io/clock.h"

static const char *const mode_name[] = { "off", "observe", "enforce" };

struct ask_rec {
	char address[FP_PREFIX_STRLEN];
	const char *verdict, *lists_say, *mode;
	bool is_blocked;
};

static const struct fp_field test_fields[] = {
	{ "address", offsetof(struct ask_rec, address), FP_F_TEXT, NULL, "address" },
	{ "verdict", offsetof(struct ask_rec, verdict), FP_F_STR, NULL, "what the kernel says" },
	{ "blocked", offsetof(struct ask_rec, is_blocked), FP_F_BOOL, NULL, "its packets are dropped now" },
	{ "mode", offsetof(struct ask_rec, mode), FP_F_STR, NULL, "of the lists: enforce, observe, off; none: no NIC has the filter" },
};
static const struct fp_type test_type = { "test", test_fields,
					  FB_COUNT(test_fields) };

static const struct fp_field verdict_fields[] = {
	{ "address", offsetof(struct ask_rec, address), FP_F_TEXT, NULL, "address" },
	{ "lists_say", offsetof(struct ask_rec, lists_say), FP_F_STR, NULL, "verdict of the lists" },
	{ "verdict", offsetof(struct ask_rec, verdict), FP_F_STR, NULL, "what the kernel says" },
	{ "blocked", offsetof(struct ask_rec, is_blocked), FP_F_BOOL, NULL, "its packets are dropped now" },
	{ "mode", offsetof(struct ask_rec, mode), FP_F_STR, NULL, "of the lists" },
};
static const struct fp_type verdict_type = { "verdict", verdict_fields,
					     FB_COUNT(verdict_fields) };

/* The mode that counts: none when nothing is attached. */
static const char *ask_mode(struct fp_node *n)
{
	uint32_t mode;

	if (!fp_node_is_in_force(n))
		return "none";
	mode = fp_maps_conf(n->maps)->lists;
	return mode_name[mode <= FP_ENFORCE ? mode : FP_OFF];
}

static int ask_kernel(struct fp_node *n, const struct fp_prefix *host,
		      struct ask_rec *rec, enum fp_kind *kind,
		      struct fp_err *e)
{
	int r = 0;

	*kind = FP_KIND_NONE;
	if (n->maps)
		r = fp_maps_ask(n->maps, host, 1, kind, e);
	fp_prefix_print(host, rec->address);
	rec->mode = ask_mode(n);
	rec->verdict = fp_kind_name(*kind);
	rec->is_blocked = !strcmp(rec->mode, "enforce") &&
			  (*kind == FP_KIND_BLOCK || *kind == FP_KIND_FENCE);
	return r;
}

static int ask_open(struct fp_cli *c, struct fp_node *n, struct fp_err *e)
{
	int r = fb_open(c, FP_NODE_READ_BOTH, n, e);

	if (!r && !n->maps)
		fp_log(FP_LOG_WARN, "no filter is loaded here: nothing is dropped (fp-load attach IF)");
	return r;
}

int fb_test(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fp_prefix host;
	struct fp_node n;
	enum fp_kind kind;
	bool is_all = true;
	int r, status;

	if (!c->argc)
		return fp_cli_usage(c, "test: which address?");
	for (int i = 0; i < c->argc; i++)
		if (fb_host(c->argv[i], &host, &e))
			return fp_cli_fail(c, -EINVAL, &e);
	r = ask_open(c, &n, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	for (int i = 0; i < c->argc && !r; i++) {
		struct ask_rec rec = { .address = "" };

		fb_host(c->argv[i], &host, &e);
		r = ask_kernel(&n, &host, &rec, &kind, &e);
		if (!r)
			r = fp_out_record(c->out, &test_type, &rec, &e);
		is_all = is_all && rec.is_blocked;
	}
	status = r ? fp_cli_fail(c, r, &e) : !is_all;
	fp_node_close(&n);
	return status;
}

/* ---- why ---- */

struct why_rec {
	char address[FP_PREFIX_STRLEN], prefix[FP_PREFIX_STRLEN];
	const char *list, *kind, *owner;
	int64_t until_s;
	char why[FP_LINE_MAX], by[FP_LINE_MAX], run[FP_LINE_MAX];
};

static const struct fp_field why_fields[] = {
	{ "address", offsetof(struct why_rec, address), FP_F_TEXT, NULL, "address" },
	{ "prefix", offsetof(struct why_rec, prefix), FP_F_TEXT, NULL, "entry that covers it" },
	{ "list", offsetof(struct why_rec, list), FP_F_STR, NULL, "its list" },
	{ "kind", offsetof(struct why_rec, kind), FP_F_STR, NULL, "kind of the list" },
	{ "owner", offsetof(struct why_rec, owner), FP_F_STR, NULL, "owner of the list" },
	{ "until", offsetof(struct why_rec, until_s), FP_F_TIME, NULL, "end" },
	{ "why", offsetof(struct why_rec, why), FP_F_TEXT, NULL, "reason" },
	{ "by", offsetof(struct why_rec, by), FP_F_TEXT, NULL, "who wanted it" },
	{ "run", offsetof(struct why_rec, run), FP_F_TEXT, NULL, "of a fence: the run it fences" },
};
static const struct fp_type why_type = { "why", why_fields,
					 FB_COUNT(why_fields) };

struct why {
	struct fp_cli *c;
	const char *address;
	int64_t now_s;
	enum fp_kind lists_say;
	bool is_covered; /* by any entry, live or not */
	struct fp_err *e;
};

static int why_entry(void *ctx, const struct fp_merge_item *item)
{
	const struct fp_list_head *h = fp_list_head(item->list);
	const struct fp_entry *x = &item->entry;
	struct why *w = ctx;
	struct why_rec rec = { .list = h->name,
			       .kind = fp_kind_name(h->kind),
			       .owner = fp_owner_name(h->owner),
			       .until_s = x->until_s };

	if (x->until_s && x->until_s <= w->now_s)
		return 0; /* over; the sweep will take it out */
	w->is_covered = true;
	if (h->kind > w->lists_say)
		w->lists_say = h->kind;
	strcpy(rec.address, w->address);
	fp_prefix_print(&x->p, rec.prefix);
	fp_entry_get(x, "why", rec.why, sizeof(rec.why));
	fp_entry_get(x, "by", rec.by, sizeof(rec.by));
	fp_entry_get(x, "run", rec.run, sizeof(rec.run));
	return fp_out_record(w->c->out, &why_type, &rec, w->e);
}

/* Lists and kernel may not disagree; when they do, that is the answer. */
static int why_one(struct fp_cli *c, struct fp_node *n, const char *word,
		   bool *is_covered, bool *is_disagreed, struct fp_err *e)
{
	struct why w = { .c = c, .now_s = fp_clock_unix_s(), .e = e };
	struct ask_rec rec = { .address = "" };
	struct fp_prefix host;
	enum fp_kind kernel;
	int r;

	fb_host(word, &host, e);
	r = ask_kernel(n, &host, &rec, &kernel, e);
	w.address = rec.address;
	if (!r)
		r = fp_lists_covering(&n->lists, &host, why_entry, &w);
	if (r)
		return r;
	rec.lists_say = fp_kind_name(w.lists_say);
	*is_covered = *is_covered || w.is_covered;
	if (n->maps && kernel != w.lists_say) {
		*is_disagreed = true;
		fp_log(FP_LOG_ERR,
		       "%s: the lists say %s, the kernel %s: fp-block verify --repair",
		       rec.address, rec.lists_say, rec.verdict);
	}
	return fp_out_record(c->out, &verdict_type, &rec, e);
}

int fb_why(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	bool is_covered = false, is_disagreed = false;
	struct fp_prefix host;
	struct fp_node n;
	int r, status;

	if (!c->argc)
		return fp_cli_usage(c, "why: which address?");
	for (int i = 0; i < c->argc; i++)
		if (fb_host(c->argv[i], &host, &e))
			return fp_cli_fail(c, -EINVAL, &e);
	r = ask_open(c, &n, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	for (int i = 0; i < c->argc && !r; i++)
		r = why_one(c, &n, c->argv[i], &is_covered, &is_disagreed, &e);
	if (r)
		status = fp_cli_fail(c, r, &e);
	else if (is_disagreed)
		status = FP_EXIT_FAIL;
	else
		status = is_covered ? FP_EXIT_OK : FP_EXIT_NO;
	fp_node_close(&n);
	return status;
}
