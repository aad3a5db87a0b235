/* SPDX-License-Identifier: Apache-2.0 */
#include "model/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define CHUNK_BYTES (16 << 10) /* of lines, between two updates of a hash */
#define ENTRIES_A_BUCKET 64

/* ---- differences */

/* The entry at the head of a stream. */
struct head {
	const struct fp_stream *s;
	struct fp_entry x;
	bool is_end;
};

static int head_next(struct head *h, struct fp_err *e)
{
	int r = h->s->next(h->s->ctx, &h->x, e);

	h->is_end = !r;
	return r < 0 ? r : 0;
}

static bool is_same(const struct fp_entry *a, const struct fp_entry *b)
{
	return a->until_s == b->until_s && a->meta_len == b->meta_len &&
	       (!a->meta_len || !memcmp(a->meta, b->meta, a->meta_len));
}

/* <0: a is first; an ended stream comes last. */
static int head_cmp(const struct head *a, const struct head *b)
{
	if (a->is_end || b->is_end)
		return a->is_end - b->is_end;
	return fp_prefix_cmp(&a->x.p, &b->x.p);
}

int fp_diff(const struct fp_stream *a, const struct fp_stream *b,
	    int (*each)(void *ctx, const struct fp_change *c), void *ctx,
	    struct fp_err *e)
{
	struct head x = { .s = a }, y = { .s = b };
	int r = head_next(&x, e);

	if (!r)
		r = head_next(&y, e);
	while (!r && (!x.is_end || !y.is_end)) {
		int cmp = head_cmp(&x, &y);
		struct fp_change c = { .is_del = cmp < 0 };

		c.entry = cmp < 0 ? x.x : y.x;
		if (cmp || !is_same(&x.x, &y.x))
			r = each(ctx, &c);
		if (!r && cmp <= 0)
			r = head_next(&x, e);
		if (!r && cmp >= 0)
			r = head_next(&y, e);
	}
	return r;
}

void fp_patched_init(struct fp_patched *p, const struct fp_stream *base,
		     const struct fp_change *v, size_t n)
{
	*p = (struct fp_patched){ .base = *base, .v = v, .n = n };
}

/* Fill p->held: 1 it is, -1 the base has ended. */
static int hold(struct fp_patched *p, struct fp_err *e)
{
	int r;

	if (p->has_held)
		return 0;
	r = p->base.next(p->base.ctx, &p->held, e);
	if (r < 0)
		return r;
	p->has_held = r ? 1 : -1;
	return 0;
}

int fp_patched_next(void *patched, struct fp_entry *out, struct fp_err *e)
{
	struct fp_patched *p = patched;

	for (;;) {
		const struct fp_change *c = p->at < p->n ? &p->v[p->at] : NULL;
		int r = hold(p, e), cmp;

		if (r)
			return r;
		if (p->has_held < 0 && !c)
			return 0;
		cmp = p->has_held < 0 ? 1
		      : !c            ? -1
				      : fp_prefix_cmp(&p->held.p, &c->entry.p);
		if (cmp < 0)
			*out = p->held;
		if (cmp <= 0)
			p->has_held = 0;
		if (cmp < 0)
			return 1;
		p->at++;
		if (!c->is_del) {
			*out = c->entry;
			return 1;
		}
	}
}

/* ---- digests of buckets */

uint32_t fp_bucket_count(uint64_t entries)
{
	uint64_t n = entries / ENTRIES_A_BUCKET;

	return n < FP_BUCKETS_MIN   ? FP_BUCKETS_MIN
	       : n > FP_BUCKETS_MAX ? FP_BUCKETS_MAX
				    : (uint32_t)n;
}

uint32_t fp_bucket_of(const struct fp_prefix *p, uint32_t n_buckets)
{
	uint64_t h = p->hi * 0x9e3779b97f4a7c15;

	h = (h ^ h >> 32 ^ p->lo) * 0xd6e8feb86659fd93;
	h = (h ^ h >> 32 ^ p->len) * 0xa0761d6478bd642f;
	return (uint32_t)((h >> 32) * n_buckets >> 32);
}

struct bucket {
	struct fp_sha256 h;
	bool is_used;
};

static void bucket_add(struct bucket *b, const struct fp_buf *line)
{
	if (!b->is_used)
		fp_sha256_init(&b->h);
	b->is_used = true;
	fp_sha256_add(&b->h, line->data, line->len);
}

int fp_bucket_digests(const struct fp_stream *s, uint32_t n_buckets,
		      unsigned char *out, struct fp_err *e)
{
	struct bucket *v = calloc(n_buckets, sizeof(*v));
	unsigned char sum[FP_SHA256_SIZE];
	struct fp_buf line = { 0 };
	struct fp_entry x;
	int r = 0;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	while ((r = s->next(s->ctx, &x, e)) > 0) {
		line.len = 0;
		fp_entry_print(&line, &x);
		bucket_add(&v[fp_bucket_of(&x.p, n_buckets)], &line);
	}
	if (!r && line.is_failed)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (uint32_t i = 0; !r && i < n_buckets; i++) {
		memset(sum, 0, sizeof(sum));
		if (v[i].is_used)
			fp_sha256_fini(&v[i].h, sum);
		memcpy(out + i * FP_BUCKET_DIGEST, sum, FP_BUCKET_DIGEST);
	}
	fp_buf_fini(&line);
	free(v);
	return r;
}

/* ---- digests of lists */

static void flush(struct fp_sha256 *h, struct fp_buf *b)
{
	fp_sha256_add(h, b->data, b->len);
	b->len = 0;
}

static void finish(struct fp_sha256 *h, char hex[FP_SHA256_HEX])
{
	unsigned char sum[FP_SHA256_SIZE];

	fp_sha256_fini(h, sum);
	fp_hex(sum, sizeof(sum), hex);
}

int fp_stream_digest(const char *name, enum fp_kind kind,
		     const struct fp_stream *s, uint64_t *entries, char hex[65],
		     struct fp_err *e)
{
	struct fp_buf b = { 0 };
	struct fp_sha256 h;
	struct fp_entry x;
	uint64_t n = 0;
	int r;

	fp_sha256_init(&h);
	fp_buf_printf(&b, "%s %s\n", name, fp_kind_name(kind));
	while ((r = s->next(s->ctx, &x, e)) > 0) {
		fp_entry_print(&b, &x);
		n++;
		if (b.len >= CHUNK_BYTES)
			flush(&h, &b);
	}
	flush(&h, &b);
	if (!r && b.is_failed)
		r = fp_err(e, -ENOMEM, "out of memory");
	fp_buf_fini(&b);
	if (r)
		return r;
	finish(&h, hex);
	if (entries)
		*entries = n;
	return 0;
}

void fp_policy_digest(const struct fp_list_digest *v, size_t n, char hex[65])
{
	struct fp_sha256 h;

	fp_sha256_init(&h);
	for (size_t i = 0; i < n; i++) {
		const char *part[] = {
			v[i].name, " ",      fp_kind_name(v[i].kind),
			" ",       v[i].hex, "\n"
		};

		for (size_t k = 0; k < sizeof(part) / sizeof(*part); k++)
			fp_sha256_add(&h, part[k], strlen(part[k]));
	}
	finish(&h, hex);
}
