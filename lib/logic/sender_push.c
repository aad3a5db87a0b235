/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/sender_push.h"

#include <stdlib.h>
#include <string.h>

#include "logic/sender_priv.h"
#include "model/diff.h"

#define DATA_BYTES (64 << 10)
#define SMALL_LIST 256 /* entries: whole is no longer than its buckets */

/* ---- lines in DATA frames */

void fp_data_line(struct fp_data *d, char sign, const struct fp_entry *x)
{
	struct fp_entry prefix = { .p = x->p };

	if (!d->is_open) {
		d->begin = fp_wire_begin(d->to, FP_WIRE_DATA);
		fp_wire_body(d->to, NULL, 0);
		d->is_open = true;
	}
	if (sign)
		fp_buf_add(d->to, &sign, 1);
	fp_entry_print(d->to, sign == '-' ? &prefix : x);
	if (d->to->len - d->begin >= DATA_BYTES)
		fp_data_end(d);
}

void fp_data_end(struct fp_data *d)
{
	if (d->is_open)
		fp_wire_end(d->to, d->begin);
	d->is_open = false;
}

/* ---- what a node lacks */

static bool is_offered(const struct fp_order *p, const char *name)
{
	for (size_t i = 0; i < p->offers->n; i++)
		if (!strcmp(p->offers->v[i].name, name))
			return true;
	return false;
}

static bool is_named(const struct fp_order *p, const char *name)
{
	for (size_t i = 0; i < p->n_names; i++)
		if (!strcmp(p->names[i], name))
			return true;
	return !p->n_names;
}

bool fp_order_drops(const struct fp_order *p, const struct fp_hello_list *l)
{
	return p->is_prune && l->owner == FP_OWNER_PUSHED &&
	       l->name[0] != '_' && is_named(p, l->name) &&
	       !is_offered(p, l->name);
}

/* The node's copy of what is offered, or NULL: it is not pushed there. */
static const struct fp_hello_list *have(const struct fp_hello *h,
					const struct fp_offer *o)
{
	const struct fp_hello_list *l = fp_hello_find(h, o->name);

	return l && l->owner == FP_OWNER_PUSHED ? l : NULL;
}

static bool is_same(const struct fp_hello_list *l, const struct fp_offer *o)
{
	return l && l->kind == o->kind && !strcmp(l->digest, o->digest);
}

bool fp_order_is_done(const struct fp_order *p, const struct fp_hello *h)
{
	for (size_t i = 0; i < p->offers->n; i++)
		if (!is_same(have(h, &p->offers->v[i]), &p->offers->v[i]))
			return false;
	for (size_t i = 0; i < h->n_lists; i++)
		if (fp_order_drops(p, &h->list[i]))
			return false;
	return true;
}

static void put_digest(struct fp_list_digest *d, const char *name,
		       enum fp_kind kind, const char *hex)
{
	strcpy(d->name, name);
	strcpy(d->hex, hex);
	d->kind = kind;
}

/* What the node's policy will be: what is offered, and what it keeps. */
int fp_order_policy(const struct fp_order *p, const struct fp_hello *h,
		    char hex[65], struct fp_err *e)
{
	const struct fp_offers *o = p->offers;
	struct fp_list_digest *v = calloc(o->n + h->n_lists + 1, sizeof(*v));
	size_t i = 0, n = 0;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t k = 0; k < h->n_lists; k++) {
		const struct fp_hello_list *l = &h->list[k];

		for (; i < o->n && strcmp(o->v[i].name, l->name) <= 0; i++)
			put_digest(&v[n++], o->v[i].name, o->v[i].kind,
				   o->v[i].digest);
		if (l->owner == FP_OWNER_PUSHED && !is_offered(p, l->name) &&
		    !fp_order_drops(p, l))
			put_digest(&v[n++], l->name, l->kind, l->digest);
	}
	for (; i < o->n; i++)
		put_digest(&v[n++], o->v[i].name, o->v[i].kind, o->v[i].digest);
	fp_policy_digest(v, n, hex);
	free(v);
	return 0;
}

static void add_item(struct fp_pushing *g, const char *name,
		     const struct fp_offer *o, enum fp_item_how how)
{
	struct fp_item *it = &g->item[g->n++];

	*it = (struct fp_item){ .offer = o, .how = how };
	strcpy(it->name, name);
}

static enum fp_item_how first_how(const struct fp_hello_list *l,
				  const struct fp_offer *o)
{
	if (!l || l->kind != o->kind || !l->digest[0] || !l->entries ||
	    o->n < SMALL_LIST)
		return FP_ITEM_WHOLE;
	return FP_ITEM_DIFF;
}

int fp_pushing_init(struct fp_pushing *out, const struct fp_order *p,
		    const struct fp_hello *h, struct fp_err *e)
{
	struct fp_pushing g = { .p = p };
	size_t most = p->offers->n + h->n_lists + 1;
	int r = fp_order_policy(p, h, g.policy, e);

	if (r)
		return r;
	g.item = calloc(most, sizeof(*g.item));
	g.fifo = calloc(most, sizeof(*g.fifo));
	if (!g.item || !g.fifo) {
		fp_pushing_fini(&g);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < p->offers->n; i++) {
		const struct fp_offer *o = &p->offers->v[i];

		if (!is_same(have(h, o), o))
			add_item(&g, o->name, o, first_how(have(h, o), o));
	}
	for (size_t i = 0; i < h->n_lists; i++)
		if (fp_order_drops(p, &h->list[i]))
			add_item(&g, h->list[i].name, NULL, FP_ITEM_DROP);
	*out = g;
	return 0;
}

void fp_pushing_fini(struct fp_pushing *g)
{
	free(g->item);
	free(g->fifo);
	free(g->want);
	*g = (struct fp_pushing){ .n = 0 };
}

/* ---- sending */

/* Answers to everything sent are awaited, so the ring holds at most n. */
static void fifo_put(struct fp_pushing *g, const struct fp_item *it)
{
	size_t to = (g->fifo_at + g->fifo_n++) % g->n;

	g->fifo[to] = (size_t)(it - g->item);
}

static struct fp_item *fifo_head(struct fp_pushing *g)
{
	return g->fifo_n ? &g->item[g->fifo[g->fifo_at]] : NULL;
}

static void fifo_take(struct fp_pushing *g)
{
	g->fifo_at = (g->fifo_at + 1) % g->n;
	g->fifo_n--;
}

static void put_drop(struct fp_buf *to, const struct fp_item *it)
{
	size_t begin = fp_wire_begin(to, FP_WIRE_DROP);

	fp_wire_put(to, "name", it->name);
	fp_wire_end(to, begin);
}

static void put_commit(const struct fp_pushing *g, const struct fp_hello *h,
		       struct fp_buf *to)
{
	const struct fp_order *p = g->p;
	size_t begin = fp_wire_begin(to, FP_WIRE_COMMIT);

	fp_wire_put(to, "push", p->id);
	fp_wire_put(to, "base", h->accepted);
	fp_wire_put(to, "policy", g->policy);
	fp_wire_put(to, "by", p->by);
	if (p->why)
		fp_wire_put(to, "why", p->why);
	fp_wire_put_u64(to, "adopt", p->is_adopt);
	fp_wire_put_i64(to, "confirm_ms", p->confirm_ms);
	fp_wire_put_u64(to, "dry_run", p->is_dry_run);
	if (p->overrides)
		fp_wire_put(to, "override", p->overrides);
	if (p->max_change >= 0)
		fp_wire_put_u64(to, "max_change", (uint64_t)p->max_change);
	fp_wire_end(to, begin);
}

/* The smallest that is known to converge comes first. */
static int frames_of(struct fp_pushing *g, const struct fp_hello *h,
		     struct fp_item *it, struct fp_err *e)
{
	const struct fp_offers *o = g->p->offers;
	int r = -ENOENT;

	if (it->how == FP_ITEM_DIFF) {
		r = o->diff(o->ctx, it->offer, have(h, it->offer)->digest,
			    &g->frames, e);
		if (r == -ENOENT)
			it->how = FP_ITEM_BUCKETS;
		else
			return r;
	}
	if (it->how == FP_ITEM_WHOLE)
		return o->whole(o->ctx, it->offer, &g->frames, e);
	g->n_buckets = fp_bucket_count(it->offer->n);
	g->is_wanting = true;
	return o->buckets(o->ctx, it->offer, g->n_buckets, &g->frames, e);
}

static int start_item(struct fp_pushing *g, const struct fp_hello *h,
		      struct fp_item *it, struct fp_buf *to, struct fp_err *e)
{
	int r = 0;

	it->state = FP_ITEM_SENT;
	fifo_put(g, it);
	if (it->how == FP_ITEM_DROP) {
		put_drop(to, it);
		return 0;
	}
	g->frames_at = 0;
	r = frames_of(g, h, it, e);
	g->current = it;
	return r;
}

static struct fp_item *next_item(struct fp_pushing *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->item[i].state == FP_ITEM_UNSENT)
			return &g->item[i];
	return NULL;
}

static bool is_wanted(const struct fp_pushing *g, const struct fp_entry *x)
{
	uint32_t i = fp_bucket_of(&x->p, g->n_buckets);

	return g->want[i / 8] >> i % 8 & 1;
}

/* Entries of the wanted buckets, up to a frame or the list's end. */
static void fill_wanted(struct fp_pushing *g, struct fp_buf *to)
{
	const struct fp_offer *o = g->current->offer;
	struct fp_data d = { .to = to };
	size_t was = to->len;

	while (g->bucket_at < o->n && (d.is_open || to->len == was)) {
		const struct fp_entry *x = &o->v[g->bucket_at++];

		if (is_wanted(g, x))
			fp_data_line(&d, 0, x);
	}
	fp_data_end(&d);
	if (g->bucket_at < o->n)
		return;
	fp_wire_end(to, fp_wire_begin(to, FP_WIRE_END));
	free(g->want);
	g->want = NULL;
	g->current = NULL;
}

static void fill_frames(struct fp_pushing *g, struct fp_buf *to, size_t max)
{
	size_t n = g->frames.len - g->frames_at;

	if (n > max)
		n = max;
	fp_buf_add(to, g->frames.data + g->frames_at, n);
	g->frames_at += n;
	if (g->frames_at == g->frames.len && g->current->how != FP_ITEM_BUCKETS)
		g->current = NULL;
}

static bool all_staged(const struct fp_pushing *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->item[i].state != FP_ITEM_STAGED)
			return false;
	return true;
}

/* One step.  1: something was written.  0: the node's turn.  -errno. */
static int fill_step(struct fp_pushing *g, const struct fp_hello *h,
		     struct fp_buf *to, size_t max, struct fp_err *e)
{
	struct fp_item *it;
	int r;

	if (g->current && g->frames_at < g->frames.len) {
		fill_frames(g, to, max);
		return 1;
	}
	if (g->current && !g->want)
		return 0;
	if (g->current) {
		fill_wanted(g, to);
		return 1;
	}
	if (g->failed.kind == FP_EVENT_FAILED || g->is_committed)
		return 0;
	it = next_item(g);
	if (it) {
		r = start_item(g, h, it, to, e);
		return r ? r : 1;
	}
	if (!all_staged(g))
		return 0;
	put_commit(g, h, to);
	g->is_committed = true;
	return 1;
}

int fp_pushing_fill(struct fp_pushing *g, const struct fp_hello *h,
		    struct fp_buf *to, size_t max, struct fp_err *e)
{
	size_t was = to->len;
	int r = 1;

	while (r > 0 && to->len - was < max && !to->is_failed)
		r = fill_step(g, h, to, max - (to->len - was), e);
	return r < 0 ? r : 0;
}

/* ---- answers */

static int on_want(struct fp_pushing *g, const struct fp_wire_msg *m,
		   struct fp_err *e)
{
	size_t n = (g->n_buckets + 7) / 8;

	if (!g->is_wanting || g->frames_at < g->frames.len ||
	    fifo_head(g) != g->current || m->body_len != n)
		return fp_err(e, -EBADMSG, "WANT: not what was asked");
	g->want = malloc(n);
	if (!g->want)
		return fp_err(e, -ENOMEM, "out of memory");
	memcpy(g->want, m->body, n);
	g->is_wanting = false;
	g->bucket_at = 0;
	return 0;
}

/* Can the list go another way?  What a node says of a list that was not sent to
 * its end leaves open what it makes of the rest. */
static bool try_otherwise(struct fp_pushing *g, struct fp_item *it,
			  const struct fp_event *why)
{
	if (g->current == it && !g->is_wanting)
		return false;
	if (it->how == FP_ITEM_DIFF && !strcmp(why->code, "base"))
		it->how = FP_ITEM_BUCKETS;
	else if ((it->how == FP_ITEM_DIFF || it->how == FP_ITEM_BUCKETS) &&
		 (!strcmp(why->code, "digest") || !strcmp(why->code, "base") ||
		  !strcmp(why->code, "absent")))
		it->how = FP_ITEM_WHOLE;
	else
		return false;
	it->state = FP_ITEM_UNSENT;
	return true;
}

static int on_staged(struct fp_pushing *g, const struct fp_wire_msg *m,
		     struct fp_err *e)
{
	struct fp_item *it = fifo_head(g);
	struct fp_event why = { .kind = FP_EVENT_DONE };
	bool is_current;

	if (!it || (m->type != FP_WIRE_OK && m->type != FP_WIRE_FAIL))
		return fp_err(e, -EBADMSG, "an answer out of turn (%c)",
			      (char)m->type);
	is_current = g->current == it;
	if (is_current && m->type == FP_WIRE_OK)
		return fp_err(e, -EBADMSG, "OK for a list that is not sent");
	fifo_take(g);
	if (m->type == FP_WIRE_OK) {
		it->state = FP_ITEM_STAGED;
		return 0;
	}
	fp_event_fail(&why, m);
	if (!try_otherwise(g, it, &why) && g->failed.kind != FP_EVENT_FAILED) {
		fp_err_prefix(&why.err, 0, "list %s", it->name);
		why.is_over = true; /* with what is staged there */
		g->failed = why;
	}
	if (is_current) {
		g->current = NULL;
		g->is_wanting = false;
	}
	return 0;
}

static int on_commit(const struct fp_wire_msg *m, struct fp_event *out,
		     struct fp_err *e)
{
	if (m->type == FP_WIRE_FAIL) {
		fp_event_fail(out, m);
		return 1;
	}
	if (m->type != FP_WIRE_OK)
		return fp_err(e, -EBADMSG, "COMMIT was answered with %c",
			      (char)m->type);
	out->kind = FP_EVENT_DONE;
	return fp_answer_read(&out->answer, m, e) ? -EBADMSG : 1;
}

int fp_pushing_answer(struct fp_pushing *g, const struct fp_wire_msg *m,
		      struct fp_event *out, struct fp_err *e)
{
	int r;

	if (g->is_committed)
		return on_commit(m, out, e);
	r = m->type == FP_WIRE_WANT ? on_want(g, m, e) : on_staged(g, m, e);
	if (r || g->failed.kind != FP_EVENT_FAILED)
		return r;
	*out = g->failed;
	return 1;
}
