/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block del: take prefixes off the lists. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "io/clock.h"
#include "model/words.h"

struct del {
	struct fp_cli *c;
	struct fp_node node;
	struct fb_input in;
	const char *list;  /* --list, or NULL: every list that holds it */
	enum fp_kind kind; /* of --kind, or of that list */
	int64_t now_s;
	struct fp_buf meta;       /* of words that lift */
	struct fp_change *change; /* of the list in hand */
	bool *is_removed;         /* of each entry of in: from some list */
	size_t n_removed, n_absent;
};

static bool del_is_meant(const struct del *d, const struct fp_list_head *h)
{
	if (d->list)
		return !strcmp(d->list, h->name);
	return h->kind == d->kind;
}

static int del_check_list(struct del *d, struct fp_err *e)
{
	const struct fp_list *l = fp_lists_get(&d->node.lists, d->list);
	enum fp_kind kind;

	if (!l)
		return fp_err(e, -ENOENT,
			      "no list named %s (fp-block lists shows them)",
			      d->list);
	kind = fp_list_about(l)->kind;
	if (fp_cli_get(d->c, "kind") && kind != d->kind)
		return fp_err(e, -EINVAL, "list %s is of kind %s, not %s",
			      d->list, fp_kind_name(kind),
			      fp_kind_name(d->kind));
	d->kind = kind;
	return 0;
}

/* Refuse before anything is taken off anywhere. */
static int del_check(struct del *d, struct fp_err *e)
{
	struct fp_entry x;
	int r = d->list ? del_check_list(d, e) : 0;

	for (size_t i = 0; i < d->node.lists.n && !r; i++) {
		const struct fp_list *l = d->node.lists.v[i];

		if (!del_is_meant(d, fp_list_head(l)))
			continue;
		for (size_t j = 0; j < d->in.entries.n && !r; j++)
			if (fp_list_find(l, &d->in.entries.v[j].p, &x))
				r = fb_may_change(d->c, fp_list_head(l), e);
	}
	return r;
}

static int del_record(struct del *d, const struct fp_prefix *p,
		      const struct fp_list_head *h, const char *action,
		      struct fp_err *e)
{
	struct fb_change_rec rec = { .list = h ? h->name : d->list,
				     .kind = h ? fp_kind_name(h->kind) : NULL,
				     .action = action };
	int r = 0;

	if (!d->c->is_dry_run)
		r = fb_ask(&d->node, p, 1, &rec.verdict, e);
	fp_prefix_print(p, rec.prefix);
	return r ? r : fp_out_record(d->c->out, &fb_change_type, &rec, e);
}

/* One list's part of the change. The list is opened anew by the change, so its
 * head is copied. */
static int del_from(struct del *d, struct fp_list_head h, struct fp_err *e)
{
	const struct fp_list *l = fp_lists_get(&d->node.lists, h.name);
	char first[FP_PREFIX_STRLEN];
	struct fp_entry x;
	size_t n = 0;
	int r = 0;

	for (size_t j = 0; j < d->in.entries.n; j++) {
		if (!fp_list_find(l, &d->in.entries.v[j].p, &x) ||
		    !fb_stands(&x, h.owner, d->now_s))
			continue;
		d->is_removed[j] = true;
		d->change[n++] = (struct fp_change){
			.is_del = true,
			.entry = { .p = x.p,
				   .meta = d->meta.data,
				   .meta_len = (uint32_t)d->meta.len },
		};
	}
	if (!n)
		return 0;
	if (!d->c->is_dry_run)
		r = fb_change(&d->node, &h, d->change, n, e);
	fp_prefix_print(&d->change[0].entry.p, first);
	if (!r && !d->c->is_dry_run)
		fp_log_change(fp_cli_get(d->c, "why"),
			      "del: %zu prefix%s off %s list %s, first %s", n,
			      n == 1 ? "" : "es", fp_kind_name(h.kind), h.name,
			      first);
	d->n_removed += n;
	for (size_t i = 0; i < n && !r; i++)
		r = del_record(d, &d->change[i].entry.p, &h, "removed", e);
	return r;
}

/* What is still listed, of the kind that was to go or of another. */
struct del_still {
	const struct del *d;
	const struct fp_prefix *p;
	bool is_absent, is_allowed;
};

static int del_find_allow(void *ctx, const struct fp_merge_item *item)
{
	struct del_still *s = ctx;

	if (fp_word_is_live(&item->entry, s->d->now_s) &&
	    fp_list_about(item->list)->kind > FP_KIND_BLOCK)
		s->is_allowed = true;
	return 0;
}

static int del_tell(void *ctx, const struct fp_merge_item *item)
{
	const struct fp_list_head *h = fp_list_about(item->list);
	char p[FP_PREFIX_STRLEN], by[FP_PREFIX_STRLEN];
	const struct del_still *s = ctx;

	if (!fp_word_is_live(&item->entry, s->d->now_s))
		return 0;
	fp_prefix_print(s->p, p);
	fp_prefix_print(&item->entry.p, by);
	if (h->kind == FP_KIND_BLOCK && s->d->kind == h->kind && !s->is_allowed)
		fp_log(FP_LOG_WARN, "%s is still blocked by %s of list %s", p,
		       by, h->name);
	else if (h->kind != s->d->kind && s->is_absent &&
		 !fp_prefix_cmp(s->p, &item->entry.p))
		fp_log(FP_LOG_WARN,
		       "%s is on %s list %s: --kind %s takes it off", p,
		       fp_kind_name(h->kind), h->name, fp_kind_name(h->kind));
	return 0;
}

static int del_leftovers(struct del *d, struct fp_err *e)
{
	int r = 0;

	for (size_t j = 0; j < d->in.entries.n && !r; j++) {
		const struct fp_prefix *p = &d->in.entries.v[j].p;
		struct del_still s = { d, p, !d->is_removed[j], false };

		if (s.is_absent)
			r = del_record(d, p, NULL, "absent", e);
		d->n_absent += s.is_absent;
		if (d->c->is_dry_run || r)
			continue;
		fp_lists_covering(&d->node.lists, p, del_find_allow, &s);
		fp_lists_covering(&d->node.lists, p, del_tell, &s);
	}
	return r;
}

static int del_run(struct del *d, struct fp_err *e)
{
	struct fp_list_head *heads;
	size_t n = 0;
	int r = del_check(d, e);

	if (r)
		return r;
	d->change = calloc(d->in.entries.n + 1, sizeof(*d->change));
	d->is_removed = calloc(d->in.entries.n + 1, sizeof(*d->is_removed));
	heads = calloc(d->node.lists.n + 1, sizeof(*heads));
	if (!d->change || !d->is_removed || !heads)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < d->node.lists.n && !r; i++)
		if (del_is_meant(d, fp_list_head(d->node.lists.v[i])))
			heads[n++] = *fp_list_head(d->node.lists.v[i]);
	for (size_t i = 0; i < n && !r; i++)
		r = del_from(d, heads[i], e);
	free(heads);
	return r ? r : del_leftovers(d, e);
}

static int del_prepare(struct del *d, struct fp_err *e)
{
	const char *kind = fp_cli_get(d->c, "kind");
	int r = fp_out_check(d->c->out, &fb_change_type, e);

	if (!r && kind)
		r = fp_kind_parse(kind, &d->kind, e);
	if (!r && d->list)
		r = fp_list_name_check(d->list, e);
	if (!r)
		r = fb_lift_meta(d->c, &d->meta, e);
	return r ? r : fb_input_read(d->c, &d->in, e);
}

int fb_del(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct del d = { .c = c,
			 .list = fp_cli_get(c, "list"),
			 .kind = FP_KIND_BLOCK,
			 .node.lists_fd = -1,
			 .now_s = fp_clock_unix_s() };
	int r, status;

	if (!c->argc)
		return fp_cli_usage(c, "del needs a prefix");
	r = del_prepare(&d, &e);
	if (!r)
		r = fb_open_writer(c, &d.node, &e);
	if (!r)
		r = del_run(&d, &e);
	if (r) {
		status = fp_cli_fail(c, r, &e);
	} else {
		fp_out_counts(c->out, d.n_removed > 0, NULL, "removed",
			      (uint64_t)d.n_removed, "absent",
			      (uint64_t)d.n_absent, NULL);
		status = c->is_dry_run && d.n_removed ? FP_EXIT_NO : FP_EXIT_OK;
	}
	fb_input_fini(&d.in);
	fp_buf_fini(&d.meta);
	free(d.change);
	free(d.is_removed);
	fp_node_close(&d.node);
	return status;
}
