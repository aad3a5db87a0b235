/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync pull: a node's pushed lists into the lists directory. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/array.h"
#include "push.h"

struct pull_rec {
	const char *list, *kind, *action, *detail;
	uint64_t entries;
};

static const struct fp_field pull_fields[] = {
	{ "list", offsetof(struct pull_rec, list), FP_F_STR, NULL, "list" },
	{ "kind", offsetof(struct pull_rec, kind), FP_F_STR, NULL, "its kind" },
	{ "action", offsetof(struct pull_rec, action), FP_F_STR, NULL,
	  "written, kept (it is the same here) or refused" },
	{ "entries", offsetof(struct pull_rec, entries), FP_F_U64, NULL,
	  "entries it has there" },
	{ "detail", offsetof(struct pull_rec, detail), FP_F_STR, NULL,
	  "what differs" },
};
static const struct fp_type pull_type = { "pull", pull_fields,
					  FS_COUNT(pull_fields) };

/* A list as the node has it. */
struct got {
	char name[FP_LIST_NAME_MAX + 1], digest[65];
	enum fp_kind kind;
	struct fp_buf text;
	struct fp_entries entries;
	bool is_whole;
	const char *action;
	char detail[128];
};

struct pull {
	struct fs_site site;
	struct fp_source *ours;
	struct got *got;
	size_t n;
	struct fp_outcome out;
	uint64_t written, refused;
};

/* ---- from the node */

static bool is_meant(const struct pull *p, const char *name)
{
	const struct fp_cli *c = p->site.c;

	for (int i = 1; i < c->argc; i++)
		if (!strcmp(c->argv[i], name))
			return true;
	return c->argc == 1;
}

static int missing(struct pull *p, const struct fp_hello *h, struct fp_err *e)
{
	const struct fp_cli *c = p->site.c;

	for (int i = 1; i < c->argc; i++) {
		const struct fp_hello_list *l = fp_hello_find(h, c->argv[i]);

		if (!l || l->owner != FP_OWNER_PUSHED)
			return fp_err(e, -ENOENT, "no pushed list %s there",
				      c->argv[i]);
	}
	return 0;
}

static int ask_lists(struct pull *p, struct fp_member *m, struct fp_err *e)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	int r = missing(p, h, e);

	if (r)
		return r;
	p->got = calloc(h->n_lists + 1, sizeof(*p->got));
	if (!p->got)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < h->n_lists; i++) {
		const struct fp_hello_list *l = &h->list[i];
		struct got *g = &p->got[p->n];

		if (l->owner != FP_OWNER_PUSHED || l->name[0] == '_' ||
		    !is_meant(p, l->name))
			continue;
		strcpy(g->name, l->name);
		strcpy(g->digest, l->digest);
		g->kind = l->kind;
		fp_sender_get(m->sender, (uint32_t)p->n++, l->name);
	}
	p->out.is_done = !p->n;
	return 0;
}

static void fail(struct pull *p, int code, const struct fp_err *e)
{
	p->out.is_done = true;
	p->out.standing = FP_STANDS_FAILED;
	p->out.err = *e;
	p->out.err.rule[0] = 0;
	(void)code;
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct fp_err e = { .text = "" };
	struct pull *p = ctx;
	int r;

	if (fs_is_note(m, ev))
		return;
	if (ev->kind == FP_EVENT_FAILED) {
		fp_outcome_fail(&p->out, ev);
	} else if (ev->ask == FP_ASK_HELLO) {
		r = ask_lists(p, m, &e);
		if (r)
			fail(p, r, &e);
	} else if (ev->kind == FP_EVENT_LINES) {
		fp_buf_add(&p->got[ev->tag].text, ev->body, ev->body_len);
	} else if (ev->kind == FP_EVENT_DONE) {
		p->got[ev->tag].is_whole = true;
		p->out.is_done = ev->tag + 1 == p->n;
	}
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct pull *p = ctx;

	if (!p->out.is_done)
		fp_outcome_end(&p->out, m->code, &m->err);
}

/* ---- into the directory */

/* What came is what the node said it has. */
static int check(struct got *g, struct fp_err *e)
{
	struct fp_parse_opts o = { .file = g->name };
	struct fp_array a;
	struct fp_stream s = fp_array_stream(&a);
	char digest[65];
	int r = g->text.is_failed ? fp_err(e, -ENOMEM, "out of memory")
				  : fp_entries_parse(&g->entries, g->text.data,
						     g->text.len, &o, e);

	if (r)
		return r;
	a = (struct fp_array){ g->entries.v, g->entries.n, 0 };
	r = fp_stream_digest(g->name, g->kind, &s, NULL, digest, e);
	if (!r && strcmp(digest, g->digest))
		r = fp_err(e, -EBADMSG,
			   "list %s is not what the node said it has", g->name);
	return r;
}

struct count {
	uint64_t more, fewer;
};

static int count_change(void *ctx, const struct fp_change *c)
{
	struct count *n = ctx;

	n->more += !c->is_del;
	n->fewer += c->is_del;
	return 0;
}

static const struct fp_offer *here(const struct pull *p, const char *name)
{
	const struct fp_offers *o = fp_source_offers(p->ours);

	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->v[i].name, name))
			return &o->v[i];
	return NULL;
}

static int decide(struct pull *p, struct got *g, struct fp_err *e)
{
	const struct fp_offer *o = here(p, g->name);
	struct count n = { 0, 0 };
	int r;

	g->action = "written";
	if (!o)
		return 0;
	if (!strcmp(o->digest, g->digest)) {
		g->action = "kept";
		return 0;
	}
	r = fp_array_diff(o->v, o->n, g->entries.v, g->entries.n, count_change,
			  &n, e);
	snprintf(g->detail, sizeof(g->detail),
		 "%llu entries are new or other there, %llu only here%s",
		 (unsigned long long)n.more, (unsigned long long)n.fewer,
		 o->kind == g->kind ? "" : ", and the kind is another");
	if (!fp_cli_overrides(p->site.c, "local")) {
		g->action = "refused";
		p->refused++;
	}
	return r;
}

static int put(struct pull *p, struct got *g, struct fp_err *e)
{
	struct pull_rec rec = { .list = g->name,
				.kind = fp_kind_name(g->kind),
				.action = g->action,
				.entries = g->entries.n,
				.detail = g->detail };
	int r = 0;

	if (!strcmp(g->action, "written")) {
		p->written++;
		if (p->refused)
			rec.action = "refused"; /* all or nothing */
		else if (!p->site.c->is_dry_run)
			r = fp_source_write(fs_lists_dir(p->site.c), g->name,
					    g->kind, g->entries.v, g->entries.n,
					    e);
	}
	return r ? r : fp_out_record(p->site.c->out, &pull_type, &rec, e);
}

static int finish(struct pull *p, struct fp_err *e)
{
	const char *dir = fs_lists_dir(p->site.c);
	int r = 0;

	for (size_t i = 0; i < p->n && !r; i++) {
		r = check(&p->got[i], e);
		if (!r)
			r = decide(p, &p->got[i], e);
	}
	for (size_t i = 0; i < p->n && !r; i++)
		r = put(p, &p->got[i], e);
	if (r)
		return r;
	if (p->refused)
		return fp_refuse(
			e, "local",
			"%llu lists of %s differ from the node's: nothing was written",
			(unsigned long long)p->refused, dir);
	if (p->written && !p->site.c->is_dry_run)
		fp_log_change(NULL, "pull: %llu lists of %s into %s",
			      (unsigned long long)p->written,
			      p->site.hosts[0]->name, dir);
	fp_out_counts(p->site.c->out, p->written > 0, NULL, "written",
		      p->written, "kept", (uint64_t)p->n - p->written, NULL);
	return p->site.c->is_dry_run && p->written ? FP_EXIT_NO : FP_EXIT_OK;
}

static int pull(struct pull *p, struct fp_err *e)
{
	const struct fp_fleet_ops ops = { fs_opened, on_event, on_ended, p };
	struct fs_tally t = { .is_changed = false };
	int r = fs_ask_all(&p->site, &ops, p, 0, e);

	if (r)
		return r;
	if (p->out.standing == FP_STANDS_WELL)
		return finish(p, e);
	fs_tally_add(&t, p->site.hosts[0]->name, &p->out);
	return fs_tally_status(&t, false);
}

int fs_pull(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct pull p = { .site.c = c };
	int r;

	if (!c->argc)
		return fp_cli_usage(c, "pull needs a node");
	r = fp_out_check(c->out, &pull_type, &e);
	if (!r)
		r = fs_site_open(&p.site, c, c->argv, 1, &e);
	if (!r && p.site.n_hosts != 1)
		r = fp_err(&e, -EINVAL, "%s: %zu nodes, pull is from one",
			   c->argv[0], p.site.n_hosts);
	if (!r)
		r = fs_our_lists(c, NULL, 0, &p.ours, &e);
	if (!r)
		r = pull(&p, &e);
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	for (size_t i = 0; i < p.n; i++) {
		fp_entries_fini(&p.got[i].entries);
		fp_buf_fini(&p.got[i].text);
	}
	free(p.got);
	fp_source_free(p.ours);
	fs_site_close(&p.site);
	return r;
}
