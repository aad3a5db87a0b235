/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync compare: in what nodes' pushed lists differ from ours. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "push.h"

#define MAX_SHOWN 1000 /* of a list */

struct compare_rec {
	const char *node, *list, *prefix, *here, *there;
};

static const struct fp_field compare_fields[] = {
	{ "node", offsetof(struct compare_rec, node), FP_F_STR, NULL, "node" },
	{ "list", offsetof(struct compare_rec, list), FP_F_STR, NULL, "list" },
	{ "prefix", offsetof(struct compare_rec, prefix), FP_F_STR, NULL,
	  "entry that differs; absent: the list itself" },
	{ "here", offsetof(struct compare_rec, here), FP_F_STR, NULL,
	  "the entry, or the kind of the list, in the lists directory" },
	{ "there", offsetof(struct compare_rec, there), FP_F_STR, NULL,
	  "the same on the node" },
};
static const struct fp_type compare_type = { "difference", compare_fields,
					     FS_COUNT(compare_fields) };

/* A node's lists come one after the other, and each in order: it is compared
 * as it comes. */
struct answer {
	struct fp_outcome out;
	const struct fp_offer *offer; /* in hand */
	size_t at;                    /* of its entries */
	uint64_t n;                   /* differences of it */
};

struct compare {
	struct fs_site site;
	struct fp_plan plan; /* for its source */
	struct answer *answer;
	struct fs_tally tally;
	uint64_t max, differences;
	int code; /* printing failed */
	struct fp_err err;
};

static void print(struct compare *c, const struct fp_member *m,
		  const char *list, const char *prefix, const char *here,
		  const char *there)
{
	struct compare_rec rec = { m->host->name, list, prefix, here, there };

	c->differences++;
	if (!c->code)
		c->code = fp_out_record(c->site.c->out, &compare_type, &rec,
					&c->err);
}

/* ---- entries */

/* The line of x, without its end. */
static void entry_text(const struct fp_entry *x, char out[FP_LINE_MAX + 1])
{
	struct fp_buf b = { 0 };

	fp_entry_print(&b, x);
	snprintf(out, FP_LINE_MAX + 1, "%.*s", b.len ? (int)b.len - 1 : 0,
		 b.data ? b.data : "");
	fp_buf_fini(&b);
}

static void entry_differs(struct compare *c, const struct fp_member *m,
			  const struct fp_entry *here,
			  const struct fp_entry *there)
{
	char prefix[FP_PREFIX_STRLEN], a[FP_LINE_MAX + 1], b[FP_LINE_MAX + 1];
	struct answer *x = m->data;

	if (x->n++ >= c->max) {
		c->differences++;
		return;
	}
	fp_prefix_print(here ? &here->p : &there->p, prefix);
	if (here)
		entry_text(here, a);
	if (there)
		entry_text(there, b);
	print(c, m, x->offer->name, prefix, here ? a : NULL, there ? b : NULL);
}

static bool is_same(const struct fp_entry *a, const struct fp_entry *b)
{
	return a->until_s == b->until_s && a->meta_len == b->meta_len &&
	       (!a->meta_len || !memcmp(a->meta, b->meta, a->meta_len));
}

static void take_entry(struct compare *c, const struct fp_member *m,
		       const struct fp_entry *there)
{
	struct answer *x = m->data;
	const struct fp_offer *o = x->offer;
	int order = 1;

	for (; x->at < o->n; x->at++) {
		order = fp_prefix_cmp(&o->v[x->at].p, &there->p);
		if (order >= 0)
			break;
		entry_differs(c, m, &o->v[x->at], NULL);
	}
	if (x->at == o->n || order)
		entry_differs(c, m, NULL, there);
	else if (!is_same(&o->v[x->at++], there))
		entry_differs(c, m, &o->v[x->at - 1], there);
}

static void take_lines(struct compare *c, struct fp_member *m,
		       const struct fp_event *ev)
{
	struct fp_parse_opts o = { .file = m->host->name };
	struct fp_entries x;

	if (c->code)
		return;
	c->code = fp_entries_parse(&x, ev->body, ev->body_len, &o, &c->err);
	if (c->code)
		return;
	for (size_t i = 0; i < x.n; i++)
		take_entry(c, m, &x.v[i]);
	fp_entries_fini(&x);
}

static void take_end(struct compare *c, const struct fp_member *m)
{
	struct answer *x = m->data;

	while (x->at < x->offer->n)
		entry_differs(c, m, &x->offer->v[x->at++], NULL);
	if (x->n > c->max)
		fp_log(FP_LOG_WARN,
		       "%s: list %s: %llu more differences (--max)",
		       m->host->name, x->offer->name,
		       (unsigned long long)(x->n - c->max));
}

/* ---- lists */

/* Lists that differ in themselves are said; the entries of others are asked
 * for. */
static void take_hello(struct compare *c, struct fp_member *m)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	const struct fp_offers *o = c->plan.push.offers;
	struct fp_order all = c->plan.push;
	struct answer *x = m->data;

	for (size_t i = 0; i < o->n; i++) {
		const struct fp_offer *ours = &o->v[i];
		const struct fp_hello_list *l = fp_hello_find(h, ours->name);

		if (!l || l->owner != FP_OWNER_PUSHED || l->kind != ours->kind)
			print(c, m, ours->name, NULL, fp_kind_name(ours->kind),
			      !l ? NULL
			      : l->owner == FP_OWNER_PUSHED
				      ? fp_kind_name(l->kind)
				      : fp_owner_name(l->owner));
		else if (strcmp(l->digest, ours->digest))
			fp_sender_get(m->sender, (uint32_t)i, ours->name);
	}
	all.is_prune = true;
	for (size_t i = 0; i < h->n_lists; i++)
		if (fp_order_drops(&all, &h->list[i]))
			print(c, m, h->list[i].name, NULL, NULL,
			      fp_kind_name(h->list[i].kind));
	x->out.is_done = true;
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct compare *c = ctx;
	struct answer *x = m->data;

	if (fs_is_note(m, ev))
		return;
	if (ev->kind == FP_EVENT_FAILED) {
		fp_outcome_fail(&x->out, ev);
	} else if (ev->ask == FP_ASK_HELLO) {
		take_hello(c, m);
	} else if (ev->kind == FP_EVENT_HEAD) {
		x->offer = &c->plan.push.offers->v[ev->tag];
		x->at = x->n = 0;
		x->out.is_done = false;
	} else if (ev->kind == FP_EVENT_LINES) {
		take_lines(c, m, ev);
	} else {
		take_end(c, m);
		x->out.is_done = true;
	}
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct answer *x = m->data;

	(void)ctx;
	if (!x->out.is_done || (m->code && x->out.standing == FP_STANDS_WELL))
		fp_outcome_end(&x->out, m->code, &m->err);
}

/* ---- the verb */

static int read_max(struct compare *c, struct fp_err *e)
{
	const char *s = fp_cli_get(c->site.c, "max");
	char *end;

	c->max = MAX_SHOWN;
	if (!s)
		return 0;
	c->max = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end)
		return fp_err(e, -EINVAL, "--max %s: a number", s);
	return 0;
}

static int finish(struct compare *c)
{
	int status;

	for (size_t i = 0; i < c->site.n_hosts; i++)
		fs_tally_add(&c->tally, c->site.hosts[i]->name,
			     &c->answer[i].out);
	status = fs_tally_status(&c->tally, false);
	fp_out_counts(c->site.c->out, false, NULL, "nodes",
		      (uint64_t)c->site.n_hosts, "differences", c->differences,
		      "unreachable", (uint64_t)c->tally.n[FP_STANDS_AWAY],
		      NULL);
	if (status)
		return status;
	return c->differences ? FP_EXIT_NO : FP_EXIT_OK;
}

int fs_compare(struct fp_cli *cli)
{
	struct fp_err e = { .text = "" };
	struct compare c = { .site.c = cli };
	const struct fp_fleet_ops ops = { fs_opened, on_event, on_ended, &c };
	int r = fp_out_check(cli->out, &compare_type, &e);

	if (!r)
		r = read_max(&c, &e);
	if (!r)
		r = fs_site_open(&c.site, cli, cli->argv, (size_t)cli->argc,
				 &e);
	if (!r)
		r = fs_our_lists(cli, NULL, 0, &c.plan.source, &e);
	if (!r) {
		c.plan.push.offers = fp_source_offers(c.plan.source);
		c.answer = calloc(c.site.n_hosts + 1, sizeof(*c.answer));
		r = c.answer ? fs_ask_all(&c.site, &ops, c.answer,
					  sizeof(*c.answer), &e)
			     : fp_err(&e, -ENOMEM, "out of memory");
	}
	if (!r && c.code) {
		r = c.code;
		e = c.err;
	}
	r = r ? fp_cli_fail(cli, r, &e) : finish(&c);
	free(c.answer);
	fp_plan_fini(&c.plan);
	fs_site_close(&c.site);
	return r;
}
