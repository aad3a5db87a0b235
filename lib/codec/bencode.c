/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "codec/bencode.h"

#define MAX_DEPTH 16

/* ---- writing */

void fp_bencode_str(struct fp_buf *to, const char *s)
{
	fp_buf_printf(to, "%zu:%s", strlen(s), s);
}

void fp_bencode_int(struct fp_buf *to, int64_t v)
{
	fp_buf_printf(to, "i%" PRId64 "e", v);
}

void fp_bencode_dict(struct fp_buf *to)
{
	fp_buf_add(to, "d", 1);
}

void fp_bencode_list(struct fp_buf *to)
{
	fp_buf_add(to, "l", 1);
}

void fp_bencode_end(struct fp_buf *to)
{
	fp_buf_add(to, "e", 1);
}

/* ---- reading */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits from *at up to `until`, which is stepped over.  BEP 3: no leading
 * zeros. */
static bool read_number(const char *p, size_t n, size_t *at, char until,
			uint64_t *out)
{
	size_t from = *at, i = from;
	uint64_t v = 0;

	for (; i < n && is_digit(p[i]); i++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
			return false;
	if (i == from || i == n || p[i] != until ||
	    (p[from] == '0' && i - from > 1))
		return false;
	*at = i + 1;
	*out = v;
	return true;
}

static bool read_int(struct fp_bencode *out, const char *p, size_t n,
		     size_t *at)
{
	bool is_negative = *at + 1 < n && p[*at + 1] == '-';
	uint64_t v;

	*at += is_negative ? 2 : 1;
	if (!read_number(p, n, at, 'e', &v) || (is_negative && !v) ||
	    v > (uint64_t)INT64_MAX + is_negative)
		return false;
	out->kind = FP_BEN_INT;
	out->i = is_negative ? (int64_t)-v : (int64_t)v;
	return true;
}

static bool read_str(struct fp_bencode *out, const char *p, size_t n,
		     size_t *at)
{
	uint64_t len;

	if (!read_number(p, n, at, ':', &len) || len > n - *at)
		return false;
	out->kind = FP_BEN_STR;
	out->p = p + *at;
	out->n = (size_t)len;
	*at += (size_t)len;
	return true;
}

/* One value at *at, which is stepped over.  What is inside lists and dictionaries
 * is checked, not kept. */
static bool read_value(struct fp_bencode *out, const char *p, size_t n,
		       size_t *at, unsigned int depth)
{
	struct fp_bencode inner;
	size_t from = *at;
	char c;

	if (from >= n || depth > MAX_DEPTH)
		return false;
	*out = (struct fp_bencode){ .p = p + from };
	c = p[from];
	if (is_digit(c))
		return read_str(out, p, n, at);
	if (c == 'i') {
		if (!read_int(out, p, n, at))
			return false;
		out->n = *at - from;
		return true;
	}
	if (c != 'd' && c != 'l')
		return false;
	for (++*at; *at < n && p[*at] != 'e';) {
		if (c == 'd' && !read_str(&inner, p, n, at))
			return false;
		if (!read_value(&inner, p, n, at, depth + 1))
			return false;
	}
	if (*at >= n)
		return false;
	++*at;
	out->kind = c == 'd' ? FP_BEN_DICT : FP_BEN_LIST;
	out->n = *at - from;
	return true;
}

int fp_bencode_parse(struct fp_bencode *out, const char *p, size_t n,
		     struct fp_err *e)
{
	struct fp_bencode v;
	size_t at = 0;

	if (!read_value(&v, p, n, &at, 1))
		return fp_err(e, -EBADMSG, "no bencoding near byte %zu",
			      at < n ? at : n);
	if (at != n)
		return fp_err(e, -EBADMSG, "bencoding ends at byte %zu of %zu",
			      at, n);
	*out = v;
	return 0;
}

/* The value of a key of n bytes; the first one, when it is there twice. */
static bool get_one(const struct fp_bencode *dict, const char *key, size_t n,
		    struct fp_bencode *out)
{
	struct fp_bencode k, v;
	size_t at = 1;

	if (dict->kind != FP_BEN_DICT)
		return false;
	while (at < dict->n && dict->p[at] != 'e') {
		if (!read_str(&k, dict->p, dict->n, &at) ||
		    !read_value(&v, dict->p, dict->n, &at, 1))
			return false;
		if (k.n == n && !memcmp(k.p, key, n)) {
			*out = v;
			return true;
		}
	}
	return false;
}

bool fp_bencode_get(const struct fp_bencode *dict, const char *path,
		    struct fp_bencode *out)
{
	struct fp_bencode at = *dict;

	for (;;) {
		size_t n = strcspn(path, ".");

		if (!get_one(&at, path, n, &at))
			return false;
		if (!path[n])
			break;
		path += n + 1;
	}
	*out = at;
	return true;
}

bool fp_bencode_is(const struct fp_bencode *v, const char *s)
{
	return v->kind == FP_BEN_STR && v->n == strlen(s) &&
	       !memcmp(v->p, s, v->n);
}
