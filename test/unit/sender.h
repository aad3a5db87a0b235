/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_SENDER_H
#define FP_TEST_SENDER_H

/* Lists to be offered to a sender, made of text; for unit test and fuzzer. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/wire.h"
#include "logic/sender.h"
#include "model/diff.h"

#define OFFERS 4

struct offers {
	struct fp_offers o;
	struct fp_offer v[OFFERS];
	struct fp_entries entries[OFFERS];
	struct fp_buf frames[OFFERS * 3];
	char *text[OFFERS];
	const char
		*known; /* digest that diffs can be made from; they are fake */
	unsigned int n_whole, n_diff, n_buckets;
};

struct offers_walk {
	const struct fp_offer *o;
	size_t at;
};

static inline int offers_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct offers_walk *w = ctx;

	(void)e;
	if (w->at == w->o->n)
		return 0;
	*out = w->o->v[w->at++];
	return 1;
}

static inline size_t offers_head(struct fp_buf *b, const struct fp_offer *o,
				 const char *how)
{
	size_t begin = fp_wire_begin(b, FP_WIRE_LIST);

	fp_wire_put(b, "name", o->name);
	fp_wire_put(b, "kind", fp_kind_name(o->kind));
	fp_wire_put(b, "digest", o->digest);
	fp_wire_put_u64(b, "entries", o->n);
	fp_wire_put(b, "how", how);
	return begin;
}

static inline int offers_done(struct fp_buf *b, struct fp_frames *out)
{
	*out = (struct fp_frames){ b->data, b->len };
	return b->is_failed ? -ENOMEM : 0;
}

static inline int offers_whole(void *ctx, const struct fp_offer *o,
			       struct fp_frames *out, struct fp_err *e)
{
	struct offers *x = ctx;
	struct fp_buf *b = &x->frames[o - x->v];
	struct fp_data d = { .to = b };

	(void)e;
	x->n_whole++;
	b->len = 0;
	fp_wire_end(b, offers_head(b, o, "whole"));
	for (size_t i = 0; i < o->n; i++)
		fp_data_line(&d, 0, &o->v[i]);
	fp_data_end(&d);
	fp_wire_end(b, fp_wire_begin(b, FP_WIRE_END));
	return offers_done(b, out);
}

/* What is in it does not matter to a sender. */
static inline int offers_diff(void *ctx, const struct fp_offer *o,
			      const char *from, struct fp_frames *out,
			      struct fp_err *e)
{
	struct offers *x = ctx;
	struct fp_buf *b = &x->frames[OFFERS + (o - x->v)];
	size_t begin;

	(void)e;
	if (!x->known || strcmp(from, x->known))
		return -ENOENT;
	x->n_diff++;
	b->len = 0;
	begin = offers_head(b, o, "diff");
	fp_wire_put(b, "from", from);
	fp_wire_end(b, begin);
	fp_wire_end(b, fp_wire_begin(b, FP_WIRE_END));
	return offers_done(b, out);
}

static inline int offers_buckets(void *ctx, const struct fp_offer *o,
				 uint32_t n_buckets, struct fp_frames *out,
				 struct fp_err *e)
{
	struct offers *x = ctx;
	struct fp_buf *b = &x->frames[2 * OFFERS + (o - x->v)];
	struct offers_walk w = { o, 0 };
	struct fp_stream s = { offers_next, &w };
	size_t size = (size_t)n_buckets * FP_BUCKET_DIGEST, begin;
	char *to;

	x->n_buckets++;
	b->len = 0;
	begin = offers_head(b, o, "buckets");
	fp_wire_put_u64(b, "n_buckets", n_buckets);
	fp_wire_body(b, NULL, 0);
	to = fp_buf_room(b, size);
	if (!to || fp_bucket_digests(&s, n_buckets, (unsigned char *)to, e))
		return -ENOMEM;
	b->len += size;
	fp_wire_end(b, begin);
	return offers_done(b, out);
}

/* Add a list (names in order). */
static inline void offers_add(struct offers *x, const char *name,
			      enum fp_kind kind, const char *text)
{
	struct fp_parse_opts p = { .file = name };
	size_t i = x->o.n++;
	struct offers_walk w = { &x->v[i], 0 };
	struct fp_stream s = { offers_next, &w };

	x->text[i] = strdup(text);
	if (fp_entries_parse(&x->entries[i], x->text[i], strlen(text), &p,
			     NULL))
		abort();
	x->v[i] = (struct fp_offer){ .kind = kind,
				     .v = x->entries[i].v,
				     .n = x->entries[i].n };
	snprintf(x->v[i].name, sizeof(x->v[i].name), "%s", name);
	if (fp_stream_digest(name, kind, &s, NULL, x->v[i].digest, NULL))
		abort();
	x->o.v = x->v;
	x->o.whole = offers_whole;
	x->o.diff = offers_diff;
	x->o.buckets = offers_buckets;
	x->o.ctx = x;
}

static inline void offers_fini(struct offers *x)
{
	for (size_t i = 0; i < x->o.n; i++) {
		fp_entries_fini(&x->entries[i]);
		free(x->text[i]);
	}
	for (size_t i = 0; i < OFFERS * 3; i++)
		fp_buf_fini(&x->frames[i]);
	*x = (struct offers){ .known = NULL };
}

/* n hosts, as text; the caller frees. */
static inline char *offers_hosts(size_t n)
{
	struct fp_buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		fp_buf_printf(&b, "10.%zu.%zu.%zu\n", i >> 16 & 255,
			      i >> 8 & 255, i & 255);
	fp_buf_str(&b);
	return b.data;
}

#endif
