/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync why: what each node's lists say of an address, and its kernel. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "io/clock.h"

#define FIELDS 6   /* of a line: list kind owner prefix until meta */
#define ENDING_S 2 /* two clocks: such an entry may have ended */

struct why_rec {
	const char *node, *list, *kind, *owner, *prefix, *verdict;
	int64_t until_s;
	char why[FP_LINE_MAX], by[FP_LINE_MAX];
};

static const struct fp_field why_fields[] = {
	{ "node", offsetof(struct why_rec, node), FP_F_STR, NULL, "node" },
	{ "list", offsetof(struct why_rec, list), FP_F_STR, NULL,
	  "a list with an entry that covers it; kernel: what the kernel says" },
	{ "kind", offsetof(struct why_rec, kind), FP_F_STR, NULL,
	  "kind of the list" },
	{ "owner", offsetof(struct why_rec, owner), FP_F_STR, NULL,
	  "owner of the list" },
	{ "prefix", offsetof(struct why_rec, prefix), FP_F_STR, NULL,
	  "the entry" },
	{ "until", offsetof(struct why_rec, until_s), FP_F_TIME, NULL, "end" },
	{ "why", offsetof(struct why_rec, why), FP_F_TEXT, NULL, "reason" },
	{ "by", offsetof(struct why_rec, by), FP_F_TEXT, NULL,
	  "who wanted it" },
	{ "verdict", offsetof(struct why_rec, verdict), FP_F_STR, NULL,
	  "of the kernel: none, block, allow or fence" },
};
static const struct fp_type why_type = { "why", why_fields,
					 FS_COUNT(why_fields) };

struct answer {
	struct fp_outcome out;
	struct fp_buf lines;
	enum fp_kind lists_say;
	bool is_ending;
};

struct why {
	struct fs_site site;
	char address[FP_PREFIX_STRLEN];
	struct answer *answer;
	struct fs_tally tally;
	uint64_t covered, disagreed;
};

static void on_opened(void *ctx, struct fp_member *m)
{
	struct why *w = ctx;

	fp_sender_why(m->sender, 0, w->address);
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct answer *a = m->data;

	(void)ctx;
	if (fs_is_note(m, ev))
		return;
	if (ev->kind == FP_EVENT_FAILED)
		fp_outcome_fail(&a->out, ev);
	else if (ev->kind == FP_EVENT_LINES)
		fp_buf_add(&a->lines, ev->body, ev->body_len);
	else if (ev->ask == FP_ASK_WHY)
		a->out.is_done = true;
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct answer *a = m->data;

	(void)ctx;
	if (!a->out.is_done)
		fp_outcome_end(&a->out, m->code, &m->err);
}

/* ---- lines */

static const char *or_null(const char *s)
{
	return strcmp(s, "-") ? s : NULL;
}

static void read_meta(struct why_rec *rec, const char *meta)
{
	struct fp_entry x = { .meta = meta,
			      .meta_len = (uint32_t)strlen(meta) };

	fp_entry_get(&x, "why", rec->why, sizeof(rec->why));
	fp_entry_get(&x, "by", rec->by, sizeof(rec->by));
}

static void judge(struct answer *a, const struct why_rec *rec)
{
	int64_t now_s = fp_clock_unix_s();
	enum fp_kind kind;

	if (llabs(rec->until_s - now_s) <= ENDING_S)
		a->is_ending = true;
	if (rec->until_s && rec->until_s <= now_s)
		return;
	if (rec->kind && !fp_kind_parse(rec->kind, &kind, NULL) &&
	    kind > a->lists_say)
		a->lists_say = kind;
}

static void check_kernel(struct why *w, struct answer *a, const char *node,
			 const char *verdict)
{
	const char *say = fp_kind_name(a->lists_say);

	if (!verdict || a->is_ending || !strcmp(verdict, say))
		return;
	w->disagreed++;
	fp_log(FP_LOG_ERR,
	       "%s: the lists say %s, the kernel %s: fp-block verify --repair",
	       node, say, verdict);
}

static int print_line(struct why *w, struct answer *a, const char *node,
		      char *line, struct fp_err *e)
{
	struct why_rec rec = { .node = node };
	char *field[FIELDS] = { "-", "-", "-", "-", "-", "-" }, *s;

	for (size_t i = 0; i < FIELDS && (s = strsep(&line, "\t")); i++)
		field[i] = s;
	rec.list = field[0];
	rec.kind = or_null(field[1]);
	rec.owner = or_null(field[2]);
	rec.prefix = field[3];
	if (!strcmp(rec.list, "kernel") && !rec.kind) {
		rec.verdict = or_null(field[4]);
		check_kernel(w, a, node, rec.verdict);
	} else {
		fp_parse_time(field[4], strlen(field[4]), &rec.until_s, NULL);
		if (or_null(field[5]))
			read_meta(&rec, field[5]);
		judge(a, &rec);
	}
	return fp_out_record(w->site.c->out, &why_type, &rec, e);
}

static int print_node(struct why *w, const struct fp_host *h, struct answer *a,
		      struct fp_err *e)
{
	char *text = (char *)fp_buf_str(&a->lines), *line;
	int r = text ? 0 : fp_err(e, -ENOMEM, "out of memory");

	fs_tally_add(&w->tally, h->name, &a->out);
	while (!r && (line = strsep(&text, "\n")))
		if (*line)
			r = print_line(w, a, h->name, line, e);
	w->covered += a->lists_say != FP_KIND_NONE;
	fp_buf_fini(&a->lines);
	return r;
}

static int finish(struct why *w)
{
	int status = fs_tally_status(&w->tally, false);

	fp_out_counts(w->site.c->out, false, NULL, "nodes",
		      (uint64_t)w->site.n_hosts, "covered", w->covered,
		      "disagreed", w->disagreed, "unreachable",
		      (uint64_t)w->tally.n[FP_STANDS_AWAY], NULL);
	if (w->disagreed)
		return FP_EXIT_FAIL;
	if (status)
		return status;
	return w->covered ? FP_EXIT_OK : FP_EXIT_NO;
}

static int prepare(struct why *w, struct fp_err *e)
{
	struct fp_cli *c = w->site.c;
	struct fp_prefix host;
	int r = fp_out_check(c->out, &why_type, e);

	if (!r)
		r = fp_prefix_parse(&host, c->argv[0], strlen(c->argv[0]), e);
	if (!r && !fp_prefix_is_host(&host))
		r = fp_err(e, -EINVAL, "%s: one address, not a prefix",
			   c->argv[0]);
	if (!r)
		fp_prefix_print(&host, w->address);
	return r ? r : fs_site_open(&w->site, c, NULL, 0, e);
}

int fs_why(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct why w = { .site.c = c };
	const struct fp_fleet_ops ops = { on_opened, on_event, on_ended, &w };
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "why needs one address");
	r = prepare(&w, &e);
	if (!r) {
		w.answer = calloc(w.site.n_hosts + 1, sizeof(*w.answer));
		r = w.answer ? fs_ask_all(&w.site, &ops, w.answer,
					  sizeof(*w.answer), &e)
			     : fp_err(&e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < w.site.n_hosts && w.answer; i++)
		if (!r)
			r = print_node(&w, w.site.hosts[i], &w.answer[i], &e);
		else
			fp_buf_fini(&w.answer[i].lines);
	r = r ? fp_cli_fail(c, r, &e) : finish(&w);
	free(w.answer);
	fs_site_close(&w.site);
	return r;
}
