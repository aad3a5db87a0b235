/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block test: ask the kernel.  fp-block why: what the lists say, and what
 * the kernel does. */
#include <stddef.h>
#include <string.h>

#include "block.h"
#include "io/clock.h"
#include "model/words.h"
#include "node/why.h"

struct ask_rec {
	char address[FP_PREFIX_STRLEN];
	const char *verdict, *lists_say, *mode;
	bool is_blocked;
};

static const struct fp_field test_fields[] = {
	{ "address", offsetof(struct ask_rec, address), FP_F_TEXT, NULL,
	  "address" },
	{ "verdict", offsetof(struct ask_rec, verdict), FP_F_STR, NULL,
	  "what the kernel says" },
	{ "blocked", offsetof(struct ask_rec, is_blocked), FP_F_BOOL, NULL,
	  "its packets are dropped now" },
	{ "mode", offsetof(struct ask_rec, mode), FP_F_STR, NULL,
	  "of the lists: enforce, observe, off; none: no NIC has the filter" },
};
static const struct fp_type test_type = { "test", test_fields,
					  FB_COUNT(test_fields) };

static const struct fp_field verdict_fields[] = {
	{ "address", offsetof(struct ask_rec, address), FP_F_TEXT, NULL,
	  "address" },
	{ "lists_say", offsetof(struct ask_rec, lists_say), FP_F_STR, NULL,
	  "verdict of the lists" },
	{ "verdict", offsetof(struct ask_rec, verdict), FP_F_STR, NULL,
	  "what the kernel says" },
	{ "blocked", offsetof(struct ask_rec, is_blocked), FP_F_BOOL, NULL,
	  "its packets are dropped now" },
	{ "mode", offsetof(struct ask_rec, mode), FP_F_STR, NULL,
	  "of the lists" },
};
static const struct fp_type verdict_type = { "verdict", verdict_fields,
					     FB_COUNT(verdict_fields) };

static void ask_record(struct ask_rec *rec, struct fp_node *n,
		       const struct fp_prefix *host, const struct fp_why *w)
{
	fp_prefix_print(host, rec->address);
	rec->lists_say = fp_kind_name(w->lists_say);
	rec->verdict = n->maps ? fp_kind_name(w->kernel) : NULL;
	rec->mode = w->mode;
	rec->is_blocked = w->is_blocked;
}

static int ask_open(struct fp_cli *c, struct fp_node *n, struct fp_err *e)
{
	struct fp_prefix host;
	int r = 0;

	for (int i = 0; i < c->argc && !r; i++)
		r = fb_host(c->argv[i], &host, e);
	if (!r)
		r = fb_open(c, FP_NODE_READ_BOTH, n, e);
	if (!r && !n->maps)
		fp_log(FP_LOG_WARN,
		       "no filter is loaded here: nothing is dropped (fp-load attach IF)");
	return r;
}

int fb_test(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fp_node n = { .lists_fd = -1 };
	uint64_t blocked = 0;
	int r;

	if (!c->argc)
		return fp_cli_usage(c, "test needs an address");
	r = fp_out_check(c->out, &test_type, &e);
	if (!r)
		r = ask_open(c, &n, &e);
	for (int i = 0; i < c->argc && !r; i++) {
		struct ask_rec rec;
		struct fp_prefix host;
		struct fp_why w;

		fb_host(c->argv[i], &host, NULL);
		r = fp_why_kernel(&n, &host, &w, &e);
		if (r)
			break;
		ask_record(&rec, &n, &host, &w);
		r = fp_out_record(c->out, &test_type, &rec, &e);
		blocked += rec.is_blocked;
	}
	if (!r)
		fp_out_counts(c->out, false, NULL, "addresses",
			      (uint64_t)c->argc, "blocked", blocked, NULL);
	fp_node_close(&n);
	if (r)
		return fp_cli_fail(c, r, &e);
	return blocked == (uint64_t)c->argc ? FP_EXIT_OK : FP_EXIT_NO;
}

/* ---- why ---- */

struct why_rec {
	char address[FP_PREFIX_STRLEN], prefix[FP_PREFIX_STRLEN];
	const char *list, *kind, *owner;
	int64_t until_s;
	char why[FP_LINE_MAX], by[FP_LINE_MAX], run[FP_LINE_MAX];
};

static const struct fp_field why_fields[] = {
	{ "address", offsetof(struct why_rec, address), FP_F_TEXT, NULL,
	  "address" },
	{ "prefix", offsetof(struct why_rec, prefix), FP_F_TEXT, NULL,
	  "entry that covers it" },
	{ "list", offsetof(struct why_rec, list), FP_F_STR, NULL, "its list" },
	{ "kind", offsetof(struct why_rec, kind), FP_F_STR, NULL,
	  "kind of the list" },
	{ "owner", offsetof(struct why_rec, owner), FP_F_STR, NULL,
	  "owner of the list" },
	{ "until", offsetof(struct why_rec, until_s), FP_F_TIME, NULL, "end" },
	{ "why", offsetof(struct why_rec, why), FP_F_TEXT, NULL, "reason" },
	{ "by", offsetof(struct why_rec, by), FP_F_TEXT, NULL,
	  "who wanted it" },
	{ "run", offsetof(struct why_rec, run), FP_F_TEXT, NULL,
	  "of a fence: the run it fences" },
};
static const struct fp_type why_type = { "why", why_fields,
					 FB_COUNT(why_fields) };

struct why {
	struct fp_cli *c;
	struct fp_node node;
	bool has_entries, has_verdict; /* are printed: -o chooses */
	uint64_t covered, disagreed;
	int64_t now_s;
	struct fp_err e;
	char address[FP_PREFIX_STRLEN]; /* in hand */
};

static int why_entry(void *ctx, const struct fp_merge_item *item)
{
	const struct fp_list_head *h = fp_list_about(item->list);
	const struct fp_entry *x = &item->entry;
	struct why *w = ctx;
	struct why_rec rec = { .list = h->name,
			       .kind = fp_kind_name(h->kind),
			       .owner = fp_owner_name(h->owner),
			       .until_s = x->until_s };

	if (!w->has_entries || !fp_word_is_live(x, w->now_s))
		return 0;
	strcpy(rec.address, w->address);
	fp_prefix_print(&x->p, rec.prefix);
	fp_entry_get(x, "why", rec.why, sizeof(rec.why));
	fp_entry_get(x, "by", rec.by, sizeof(rec.by));
	fp_entry_get(x, "run", rec.run, sizeof(rec.run));
	return fp_out_record(w->c->out, &why_type, &rec, &w->e);
}

/* Lists and kernel may not disagree; when they do, that is the answer. */
static int why_one(struct why *w, const char *word)
{
	struct fp_prefix host;
	struct ask_rec rec;
	struct fp_why said;
	int r;

	fb_host(word, &host, NULL);
	fp_prefix_print(&host, w->address);
	r = fp_why_ask(&w->node, &host, w->now_s, why_entry, w, &said, &w->e);
	if (r)
		return r;
	ask_record(&rec, &w->node, &host, &said);
	w->covered += said.lists_say != FP_KIND_NONE;
	if (said.disagrees) {
		w->disagreed++;
		fp_log(FP_LOG_ERR,
		       "%s: the lists say %s, the kernel %s: fp-block verify --repair",
		       rec.address, rec.lists_say, rec.verdict);
	}
	return w->has_verdict
		       ? fp_out_record(w->c->out, &verdict_type, &rec, &w->e)
		       : 0;
}

static int why_finish(struct why *w)
{
	fp_out_counts(w->c->out, false, NULL, "addresses", (uint64_t)w->c->argc,
		      "covered", w->covered, "disagreed", w->disagreed, NULL);
	if (w->disagreed)
		return FP_EXIT_FAIL;
	return w->covered ? FP_EXIT_OK : FP_EXIT_NO;
}

int fb_why(struct fp_cli *c)
{
	struct why w = { .c = c,
			 .node.lists_fd = -1,
			 .now_s = fp_clock_unix_s() };
	int r, status;

	if (!c->argc)
		return fp_cli_usage(c, "why needs an address");
	w.has_verdict = !fp_out_check(c->out, &verdict_type, NULL);
	r = fp_out_check(c->out, &why_type, &w.e);
	w.has_entries = !r;
	if (w.has_entries || w.has_verdict)
		r = ask_open(c, &w.node, &w.e);
	for (int i = 0; i < c->argc && !r; i++)
		r = why_one(&w, c->argv[i]);
	status = r ? fp_cli_fail(c, r, &w.e) : why_finish(&w);
	fp_node_close(&w.node);
	return status;
}
