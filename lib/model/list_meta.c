/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/list_line.h"

const char *const fp_meta_keys[] = { [FP_META_WHY] = "why",
				     [FP_META_BY] = "by",
				     [FP_META_RUN] = "run",
				     [FP_META_AT] = "at",
				     [FP_META_KEYS] = NULL };

/* Printable ASCII that needs no quotes around it. */
static const bool is_plain[256] = {
	['!'] = true,
	['$' ... '['] = true,
	[']' ... '~'] = true,
};

static size_t plain_len(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_plain[(unsigned char)s[i]])
		i++;
	return i;
}

static bool is_special(char c)
{
	return c == ' ' || c == '"' || c == '#' || c == '\\';
}

int fp_value_check(const char *value, size_t n, bool *needs_quotes,
		   struct fp_err *e)
{
	char word[FP_WORD_SIZE];

	*needs_quotes = false;
	for (size_t i = plain_len(value, n), len; i < n;
	     i += len, i += plain_len(value + i, n - i)) {
		len = fp_char_len(value + i, n - i);
		if (!len)
			return fp_err(e, -EINVAL,
				      "\"%s\": a control character, or not "
				      "UTF-8",
				      fp_word(word, value, n));
		if (is_special(value[i]))
			*needs_quotes = true;
	}
	return 0;
}

bool fp_at_check(const char *value, size_t n)
{
	int64_t ms = 0;

	if (!n || *value == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		ms = ms * 10 + value[i] - '0';
		if (ms > FP_AT_MAX_MS)
			return false;
	}
	return true;
}

void fp_value_quote(struct fp_buf *b, const char *value, size_t n)
{
	size_t plain = 0;

	while (plain < n && !is_special(value[plain]))
		plain++;
	if (plain == n) {
		fp_buf_add(b, value, n);
		return;
	}
	fp_buf_add(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		if (value[i] == '"' || value[i] == '\\')
			fp_buf_add(b, "\\", 1);
		fp_buf_add(b, value + i, 1);
	}
	fp_buf_add(b, "\"", 1);
}

/* Where the value at s ends, quotes included. */
static const char *value_end(const char *s, const char *end)
{
	if (s == end || *s != '"')
		return (s = memchr(s, ' ', (size_t)(end - s))) ? s : end;
	for (s++; s < end && *s != '"'; s++)
		if (*s == '\\' && s + 1 < end)
			s++;
	return s < end ? s + 1 : end;
}

/* The raw value of key in a canonical meta: *len bytes, or NULL. */
static const char *value_find(const char *meta, size_t meta_len,
			      const char *key, size_t *len)
{
	const char *s = meta, *end = meta + meta_len, *stop;
	size_t key_len = strlen(key);

	for (; s < end; s = stop + 1) {
		const char *eq = memchr(s, '=', (size_t)(end - s));

		if (!eq)
			return NULL;
		stop = value_end(eq + 1, end);
		if ((size_t)(eq - s) == key_len && !memcmp(s, key, key_len)) {
			*len = (size_t)(stop - (eq + 1));
			return eq + 1;
		}
	}
	return NULL;
}

bool fp_entry_get(const struct fp_entry *x, const char *key, char *out,
		  size_t size)
{
	const char *s, *end;
	size_t len, to = 0;
	bool is_quoted;

	s = x->meta_len ? value_find(x->meta, x->meta_len, key, &len) : NULL;
	if (!s)
		return false;
	is_quoted = len >= 2 && *s == '"';
	end = s + len - is_quoted;
	for (s += is_quoted; s < end && to + 1 < size; s++) {
		if (is_quoted && *s == '\\')
			s++;
		out[to++] = *s;
	}
	if (size)
		out[to] = 0;
	return true;
}

/* Is key one, and do none of those that come from it on stand in b? */
static bool is_next_key(const struct fp_buf *b, const char *key)
{
	const char *const *k = fp_meta_keys;
	size_t len;

	while (*k && strcmp(*k, key))
		k++;
	if (!*k)
		return false;
	for (; *k; k++)
		if (b->len && value_find(b->data, b->len, *k, &len))
			return false;
	return true;
}

int fp_meta_add(struct fp_buf *b, const char *key, const char *value,
		struct fp_err *e)
{
	size_t n = strlen(value), was = b->len;
	bool quotes;
	int r;

	if (!is_next_key(b, key))
		return fp_err(e, -EINVAL, "%s: not a key, or out of order",
			      key);
	r = fp_value_check(value, n, &quotes, e);
	if (!r && !strcmp(key, "at") && !fp_at_check(value, n))
		r = fp_err(e, -EINVAL, FP_AT_WRONG);
	if (r)
		return fp_err_prefix(e, r, "%s", key);
	if (was)
		fp_buf_add(b, " ", 1);
	fp_buf_str_add(b, key);
	fp_buf_add(b, "=", 1);
	fp_value_quote(b, value, n);
	if (b->is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	if (b->len <= FP_META_MAX)
		return 0;
	b->len = was;
	return fp_err(
		e, -EINVAL,
		"%s: why, by, run and at are longer than %d bytes together",
		key, FP_META_MAX);
}

void fp_entry_print(struct fp_buf *b, const struct fp_entry *x)
{
	char *start = fp_buf_room(b, FP_PREFIX_STRLEN + 8 + FP_TIME_LEN +
					     x->meta_len),
	     *to = start;

	if (!to)
		return;
	to += fp_prefix_print(&x->p, to);
	if (x->until_s) {
		memcpy(to, " until=", 7);
		fp_time_print(x->until_s, to + 7);
		to += 7 + FP_TIME_LEN;
	}
	if (x->meta_len) {
		*to++ = ' ';
		memcpy(to, x->meta, x->meta_len);
		to += x->meta_len;
	}
	*to++ = '\n';
	b->len += (size_t)(to - start);
}
