/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block del: take prefixes off the lists. */
#include <stdlib.h>
#include <string.h>

#include "change.h"

struct del {
	struct fp_cli *c;
	struct fp_node node;
	struct fb_input in;
	const char *list; /* --list, or NULL: every list that holds it */
	enum fp_kind kind;
	struct fp_change *change; /* of the list in hand */
	bool *is_removed;	  /* of each entry of in: from some list */
	size_t n_removed;
};

static bool del_is_meant(const struct del *d, const struct fp_list_head *h)
{
	if (d->list)
		return !strcmp(d->list, h->name);
	return h->kind == d->kind;
}

/* Refuse before anything is taken off anywhere. */
static int del_check(struct del *d, struct fp_err *e)
{
	struct fp_entry x;
	int r = 0;

	if (d->list && !fp_lists_get(&d->node.lists, d->list))
		return fp_err(e, -ENOENT, "no list named %s", d->list);
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
	struct fp_entry x;
	size_t n = 0;
	int r = 0;

	for (size_t j = 0; j < d->in.entries.n; j++) {
		if (!fp_list_find(l, &d->in.entries.v[j].p, &x))
			continue;
		d->is_removed[j] = true;
		d->change[n++] = (struct fp_change){
			.is_del = true, .entry.p = x.p,
		};
	}
	if (!n)
		return 0;
	if (!d->c->is_dry_run)
		r = fp_node_change(&d->node, h.name, d->change, n, NULL, e);
	if (!r && !d->c->is_dry_run)
		fp_log_change(fp_cli_get(d->c, "why"),
			      "del: %zu prefix%s off %s list %s, first %s", n,
			      n == 1 ? "" : "es", fp_kind_name(h.kind), h.name,
			      d->c->argv[0]);
	d->n_removed += n;
	for (size_t i = 0; i < n && !r; i++)
		r = del_record(d, &d->change[i].entry.p, &h, "removed", e);
	return r;
}

struct del_still {
	const struct fp_prefix *p;
	bool is_on; /* at least once */
};

static int del_tell(void *ctx, const struct fp_merge_item *item)
{
	const struct fp_list_head *h = fp_list_head(item->list);
	char p[FP_PREFIX_STRLEN], by[FP_PREFIX_STRLEN];
	struct del_still *s = ctx;

	if (h->kind != FP_KIND_BLOCK)
		return 0;
	s->is_on = true;
	fp_prefix_print(s->p, p);
	fp_prefix_print(&item->entry.p, by);
	fp_log(FP_LOG_WARN, "%s is still blocked by %s of list %s", p, by,
	       h->name);
	return 0;
}

static int del_absent(struct del *d, struct fp_err *e)
{
	int r = 0;

	for (size_t j = 0; j < d->in.entries.n && !r; j++) {
		const struct fp_prefix *p = &d->in.entries.v[j].p;
		struct del_still s = { p, false };

		if (!d->c->is_dry_run && d->kind == FP_KIND_BLOCK)
			fp_lists_covering(&d->node.lists, p, del_tell, &s);
		if (!d->is_removed[j])
			r = del_record(d, p, NULL, "absent", e);
	}
	return r;
}

static int del_run(struct del *d, struct fp_err *e)
{
	struct fp_list_head *heads;
	size_t n = 0;
	int r;

	r = fb_input_read(d->c, "", 0, &d->in, e);
	if (!r)
		r = del_check(d, e);
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
	return r ? r : del_absent(d, e);
}

int fb_del(struct fp_cli *c)
{
	const char *kind = fp_cli_get(c, "kind");
	struct fp_err e = { .text = "" };
	struct del d = { .c = c, .list = fp_cli_get(c, "list"),
			 .kind = FP_KIND_BLOCK };
	int r = 0, status;

	if (!c->argc)
		return fp_cli_usage(c, "del: which prefix?");
	if (kind)
		r = fp_kind_parse(kind, &d.kind, &e);
	if (!r)
		r = fb_open_writer(c, &d.node, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = del_run(&d, &e);
	if (r) {
		status = fp_cli_fail(c, r, &e);
	} else {
		fp_out_summary(c->out, d.n_removed > 0, NULL, NULL);
		status = c->is_dry_run ? d.n_removed > 0 : FP_EXIT_OK;
	}
	fb_input_fini(&d.in);
	free(d.change);
	free(d.is_removed);
	fp_node_close(&d.node);
	return status;
}
