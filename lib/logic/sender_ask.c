/* SPDX-License-Identifier: Apache-2.0 */
/* What a controller asks for. */
#include <stdlib.h>
#include <string.h>

#include "logic/sender_priv.h"
#include "model/diff.h"

#define CHANGE_BYTES (256 << 10) /* of words in one frame */

/* A new one at the end; NULL: no memory, which fp_sender_next will tell. */
static struct fp_asked *ask_new(struct fp_sender *s, enum fp_ask what,
				uint32_t tag)
{
	size_t cap = s->cap ? s->cap * 2 : 8;
	struct fp_asked *v;

	if (s->n == s->cap) {
		v = reallocarray(s->ask, cap, sizeof(*v));
		if (!v) {
			s->is_failed = true;
			return NULL;
		}
		s->ask = v;
		s->cap = cap;
	}
	v = &s->ask[s->n++];
	*v = (struct fp_asked){ .what = what, .tag = tag, .left = 1 };
	return v;
}

void fp_sender_hello(struct fp_sender *s, int64_t clock_ms)
{
	struct fp_asked *a = ask_new(s, FP_ASK_HELLO, 0);
	size_t begin;

	if (!a)
		return;
	begin = fp_wire_begin(&a->bytes, FP_WIRE_HELLO);
	fp_wire_put_u64(&a->bytes, "v", FP_WIRE_VERSION);
	fp_wire_put_u64(&a->bytes, "min", FP_WIRE_VERSION);
	fp_wire_put(&a->bytes, "name", s->name);
	fp_wire_put_i64(&a->bytes, "clock_ms", clock_ms);
	fp_wire_put_i64(&a->bytes, "timeout_ms", s->timeout_ms);
	fp_wire_end(&a->bytes, begin);
}

static size_t change_begin(struct fp_buf *b, const char *list,
			   enum fp_kind kind, const char *by, const char *why,
			   const char *overrides)
{
	size_t begin = fp_wire_begin(b, FP_WIRE_CHANGE);

	fp_wire_put(b, "list", list);
	fp_wire_put(b, "kind", fp_kind_name(kind));
	if (by)
		fp_wire_put(b, "by", by);
	if (why)
		fp_wire_put(b, "why", why);
	if (overrides)
		fp_wire_put(b, "override", overrides);
	fp_wire_body(b, NULL, 0);
	return begin;
}

void fp_sender_change(struct fp_sender *s, uint32_t tag, const char *list,
		      enum fp_kind kind, const char *by, const char *why,
		      const char *overrides, const struct fp_entry *v, size_t n)
{
	struct fp_asked *a = ask_new(s, FP_ASK_CHANGE, tag);
	size_t begin;

	if (!a)
		return;
	begin = change_begin(&a->bytes, list, kind, by, why, overrides);
	for (size_t i = 0; i < n; i++) {
		if (a->bytes.len - begin >= CHANGE_BYTES) {
			fp_wire_end(&a->bytes, begin);
			begin = change_begin(&a->bytes, list, kind, by, why,
					     overrides);
			a->left++;
		}
		fp_entry_print(&a->bytes, &v[i]);
	}
	fp_wire_end(&a->bytes, begin);
}

void fp_sender_words(struct fp_sender *s, uint32_t tag, const char *list,
		     enum fp_kind kind, const void *digests, uint32_t n_buckets)
{
	struct fp_asked *a = ask_new(s, FP_ASK_WORDS, tag);
	size_t begin;

	if (!a)
		return;
	a->n_buckets = n_buckets;
	begin = fp_wire_begin(&a->bytes, FP_WIRE_WORDS);
	fp_wire_put_u64(&a->bytes, "n_buckets", n_buckets);
	fp_wire_put(&a->bytes, "list", list);
	fp_wire_put(&a->bytes, "kind", fp_kind_name(kind));
	fp_wire_body(&a->bytes, digests, (size_t)n_buckets * FP_BUCKET_DIGEST);
	fp_wire_end(&a->bytes, begin);
}

/* A request of one field. */
static void ask_one(struct fp_sender *s, enum fp_ask what, uint32_t tag,
		    enum fp_wire_type type, const char *key, const char *value)
{
	struct fp_asked *a = ask_new(s, what, tag);
	size_t begin;

	if (!a)
		return;
	begin = fp_wire_begin(&a->bytes, type);
	fp_wire_put(&a->bytes, key, value);
	fp_wire_end(&a->bytes, begin);
}

void fp_sender_why(struct fp_sender *s, uint32_t tag, const char *addr)
{
	ask_one(s, FP_ASK_WHY, tag, FP_WIRE_WHY, "addr", addr);
}

void fp_sender_get(struct fp_sender *s, uint32_t tag, const char *list)
{
	ask_one(s, FP_ASK_GET, tag, FP_WIRE_GET, "list", list);
}

void fp_sender_confirm(struct fp_sender *s, uint32_t tag, const char *push,
		       bool is_back)
{
	ask_one(s, FP_ASK_CONFIRM, tag,
		is_back ? FP_WIRE_BACK : FP_WIRE_CONFIRM, "push", push);
}

void fp_sender_mode(struct fp_sender *s, uint32_t tag, int64_t bypass_ms,
		    const char *why, const char *by)
{
	struct fp_asked *a = ask_new(s, FP_ASK_MODE, tag);
	size_t begin;

	if (!a)
		return;
	begin = fp_wire_begin(&a->bytes, FP_WIRE_MODE);
	fp_wire_put_i64(&a->bytes, "bypass_ms", bypass_ms);
	if (why)
		fp_wire_put(&a->bytes, "why", why);
	fp_wire_put(&a->bytes, "by", by);
	fp_wire_end(&a->bytes, begin);
}

bool fp_sender_push(struct fp_sender *s, uint32_t tag, const struct fp_order *p)
{
	struct fp_asked *a;

	if (!p->is_adopt && !fp_hello_is_behind(&s->hello) &&
	    fp_order_is_done(p, &s->hello))
		return false;
	a = ask_new(s, FP_ASK_PUSH, tag);
	if (a)
		a->push = p;
	return true;
}
