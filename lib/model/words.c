/* SPDX-License-Identifier: Apache-2.0 */
#include "model/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/list_line.h"

/* The length of a canonical meta without its at=, which is the last key and of
 * digits only: a quoted value would end in a quote.  *at: the digits. */
static size_t before_at(const char *meta, size_t n, const char **at)
{
	size_t i = n;

	*at = NULL;
	while (i && meta[i - 1] >= '0' && meta[i - 1] <= '9')
		i--;
	if (i < 3 || memcmp(meta + i - 3, "at=", 3) ||
	    (i > 3 && meta[i - 4] != ' '))
		return n;
	*at = meta + i;
	return i > 3 ? i - 4 : 0;
}

int64_t fp_word_at_ms(const struct fp_entry *x)
{
	const char *s;
	int64_t ms = 0;

	before_at(x->meta, x->meta_len, &s);
	for (; s && s < x->meta + x->meta_len && ms <= FP_AT_MAX_MS; s++)
		ms = ms * 10 + *s - '0';
	return ms <= FP_AT_MAX_MS ? ms : FP_AT_MAX_MS;
}

bool fp_word_is_lift(const struct fp_entry *x)
{
	return x->until_s && x->until_s <= fp_word_at_ms(x) / 1000;
}

bool fp_word_is_live(const struct fp_entry *x, int64_t now_s)
{
	return !x->until_s || (x->until_s > now_s && !fp_word_is_lift(x));
}

/* Total: 0 only when the two are the same. */
static int word_cmp(const struct fp_entry *a, const struct fp_entry *b)
{
	int64_t x = fp_word_at_ms(a), y = fp_word_at_ms(b);
	size_t n = a->meta_len < b->meta_len ? a->meta_len : b->meta_len;
	int cmp;

	if (x != y)
		return x < y ? -1 : 1;
	if (a->until_s != b->until_s)
		return (uint64_t)a->until_s - 1 < (uint64_t)b->until_s - 1
			       ? -1
			       : 1; /* 0, for ever, wraps to the top */
	cmp = n ? memcmp(a->meta, b->meta, n) : 0;
	return cmp ? cmp
		   : (a->meta_len > b->meta_len) - (a->meta_len < b->meta_len);
}

bool fp_word_wins(const struct fp_entry *a, const struct fp_entry *b)
{
	return word_cmp(a, b) > 0;
}

/* Append meta and its at= to store, and point *out at them. */
static int finish(struct fp_buf *store, struct fp_entry *out,
		  const struct fp_entry *x, int64_t at_ms, struct fp_err *e)
{
	size_t start = store->len;
	struct fp_entry word = *x;
	char at[32] = "";

	if (at_ms)
		snprintf(at, sizeof(at), "%sat=%" PRId64,
			 x->meta_len ? " " : "", at_ms);
	word.meta_len += (uint32_t)strlen(at);
	if (fp_entry_check(&word, e))
		return -EINVAL;
	fp_buf_add(store, x->meta, x->meta_len);
	fp_buf_str_add(store, at);
	if (store->is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	word.meta = store->data + start;
	*out = word;
	return 0;
}

int fp_word_make(struct fp_buf *store, struct fp_entry *out,
		 const struct fp_prefix *p, int64_t until_s, int64_t at_ms,
		 const char *why, const char *by, struct fp_err *e)
{
	return fp_word_make_run(store, out, p, until_s, at_ms, why, by, NULL,
				e);
}

int fp_word_make_run(struct fp_buf *store, struct fp_entry *out,
		     const struct fp_prefix *p, int64_t until_s, int64_t at_ms,
		     const char *why, const char *by, const char *run,
		     struct fp_err *e)
{
	struct fp_entry x = { .p = *p, .until_s = until_s };
	struct fp_buf meta = { 0 };
	int r = 0;

	if (at_ms < 0 || at_ms > FP_AT_MAX_MS)
		return fp_err(e, -EINVAL, "at= is not from 1970 to 9999");
	if (why)
		r = fp_meta_add(&meta, "why", why, e);
	if (!r && by)
		r = fp_meta_add(&meta, "by", by, e);
	if (!r && run)
		r = fp_meta_add(&meta, "run", run, e);
	x.meta = meta.data;
	x.meta_len = (uint32_t)meta.len;
	if (!r)
		r = finish(store, out, &x, at_ms, e);
	fp_buf_fini(&meta);
	return r;
}

/* t + add, kept within 1 and max; 0 stays what it means. */
static int64_t moved(int64_t t, int64_t add, int64_t max)
{
	if (!t)
		return 0;
	if (__builtin_add_overflow(t, add, &t))
		return max;
	return t < 1 ? 1 : t > max ? max : t;
}

int fp_word_shift(struct fp_buf *store, struct fp_entry *out,
		  const struct fp_entry *x, int64_t add_ms, struct fp_err *e)
{
	int64_t until_ms = moved(x->until_s * 1000, add_ms, FP_AT_MAX_MS);
	struct fp_entry y = *x;
	const char *at;

	/* downwards, so that what is not later than its at= stays so */
	y.until_s = until_ms && until_ms < 1000 ? 1 : until_ms / 1000;
	y.meta_len = (uint32_t)before_at(x->meta, x->meta_len, &at);
	return finish(store, out, &y,
		      moved(fp_word_at_ms(x), add_ms, FP_AT_MAX_MS), e);
}
