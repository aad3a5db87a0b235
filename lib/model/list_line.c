/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/list_line.h"

/* A value as it stands in the line, quotes left out. */
struct value {
	const char *s;
	size_t n;
	bool is_set, is_quoted;
};

struct fields {
	struct value until, meta[FP_META_KEYS];
	const char *meta_at;  /* the first key of meta, NULL: none */
	const char *meta_end; /* after the last value */
	int last;             /* meta key seen last, -1: none */
	bool is_canonical;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

static const char *word_end(const char *s, const char *end)
{
	while (s < end && !is_blank(*s))
		s++;
	return s;
}

static int bad(struct fp_err *e, const char *s, const char *end,
	       const char *what)
{
	char word[FP_WORD_SIZE];

	return fp_err(e, -EINVAL, "\"%s\": %s",
		      fp_word(word, s, (size_t)(end - s)), what);
}

/* "..." with \" and \\.  Returns what comes after the closing quote, or NULL. */
static const char *quoted(struct value *v, const char *s, const char *end,
			  const char *key, struct fp_err *e)
{
	const char *p = s + 1;

	for (; p < end && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		if (++p == end)
			break;
		if (*p != '"' && *p != '\\') {
			bad(e, key, word_end(p, end),
			    "only \\\" and \\\\ can follow a \\");
			return NULL;
		}
	}
	if (p >= end) {
		bad(e, key, end, "the quote does not end");
		return NULL;
	}
	v->s = s + 1;
	v->n = (size_t)(p - v->s);
	v->is_quoted = true;
	if (++p < end && !is_blank(*p)) {
		bad(e, key, word_end(p, end), "text after the quote");
		return NULL;
	}
	return p;
}

static const char *bare(struct value *v, const char *s, const char *end,
			const char *key, struct fp_err *e)
{
	const char *stop = word_end(s, end);

	if (memchr(s, '"', (size_t)(stop - s))) {
		bad(e, key, stop, "a quote inside a value");
		return NULL;
	}
	v->s = s;
	v->n = (size_t)(stop - s);
	return stop;
}

/* Which value of f a key fills; *index is -1 for until. */
static struct value *slot(struct fields *f, const char *key, size_t n,
			  int *index)
{
	*index = -1;
	if (n == 5 && !memcmp(key, "until", 5))
		return &f->until;
	for (int i = 0; i < FP_META_KEYS; i++) {
		if (strlen(fp_meta_keys[i]) != n ||
		    memcmp(fp_meta_keys[i], key, n))
			continue;
		*index = i;
		return &f->meta[i];
	}
	return NULL;
}

/* Note that meta key `index` stands from key to stop: is what stands in the line
 * still what fp_entry_print would print? */
static void note_meta(struct fields *f, int index, const char *key,
		      const char *stop, bool needs_quotes)
{
	bool is_next =
		!f->meta_at || (key == f->meta_end + 1 && *f->meta_end == ' ');

	if (!is_next || index < f->last ||
	    needs_quotes != f->meta[index].is_quoted)
		f->is_canonical = false;
	if (!f->meta_at)
		f->meta_at = key;
	f->meta_end = stop;
	f->last = index;
}

/* key=value at s.  Returns what comes after it, or NULL. */
static const char *field(struct fields *f, const char *s, const char *end,
			 struct fp_err *e)
{
	const char *key = s, *eq = s;
	struct value *v;
	bool needs_quotes;
	int index;

	while (eq < end && *eq != '=' && !is_blank(*eq))
		eq++;
	if (eq == end || *eq != '=') {
		bad(e, key, eq, "not key=value");
		return NULL;
	}
	v = slot(f, key, (size_t)(eq - key), &index);
	if (!v || v->is_set) {
		bad(e, key, eq, v ? "given twice" : "unknown key");
		return NULL;
	}
	v->is_set = true;
	s = eq + 1;
	s = s < end && *s == '"' ? quoted(v, s, end, key, e)
				 : bare(v, s, end, key, e);
	if (!s || fp_value_check(v->s, v->n, &needs_quotes, e))
		return NULL;
	if (index >= 0)
		note_meta(f, index, key, s, needs_quotes);
	return s;
}

/* Rewrite the meta in canonical form, at the end of store. */
static int rewrite(struct fp_line *out, const struct fields *f,
		   struct fp_buf *store, struct fp_err *e)
{
	char raw[FP_LINE_MAX];

	out->is_stored = true;
	out->store_at = store->len;
	for (int i = 0; i < FP_META_KEYS; i++) {
		const struct value *v = &f->meta[i];
		size_t n = 0;

		if (!v->is_set)
			continue;
		if (store->len > out->store_at)
			fp_buf_add(store, " ", 1);
		for (size_t k = 0; k < v->n; k++) {
			if (v->is_quoted && v->s[k] == '\\')
				k++;
			raw[n++] = v->s[k];
		}
		fp_buf_str_add(store, fp_meta_keys[i]);
		fp_buf_add(store, "=", 1);
		fp_value_quote(store, raw, n);
	}
	if (store->is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	out->x.meta_len = (uint32_t)(store->len - out->store_at);
	return 0;
}

static int set_meta(struct fp_line *out, const struct fields *f,
		    struct fp_buf *store, struct fp_err *e)
{
	int r = 0;

	if (f->is_canonical) {
		out->x.meta = f->meta_at;
		out->x.meta_len = (uint32_t)(f->meta_end - f->meta_at);
	} else if (store) {
		r = rewrite(out, f, store, e);
	} else {
		return bad(e, f->meta_at, f->meta_end, "not in canonical form");
	}
	if (!r && out->x.meta_len > FP_META_MAX)
		return bad(e, f->meta_at, f->meta_end,
			   "why, by, run and at are too long together");
	return r;
}

static int fields_parse(struct fp_line *out, const char *s, const char *end,
			struct fp_buf *store, struct fp_err *e)
{
	struct fields f = { .last = -1, .is_canonical = true };
	const struct value *at;

	for (;;) {
		s = skip_blanks(s, end);
		if (s == end || *s == '#')
			break;
		s = field(&f, s, end, e);
		if (!s)
			return -EINVAL;
	}
	if (f.until.is_set &&
	    !fp_time_parse(&out->x.until_s, f.until.s, f.until.n))
		return bad(e, f.until.s, f.until.s + f.until.n,
			   "until= is not a time like 2026-01-02T03:04:05Z");
	at = &f.meta[FP_META_AT];
	if (at->is_set && !fp_at_check(at->s, at->n))
		return bad(e, at->s, at->s + at->n, "at= is " FP_AT_WRONG);
	return f.meta_at ? set_meta(out, &f, store, e) : 0;
}

int fp_entry_check(const struct fp_entry *x, struct fp_err *e)
{
	bool is_long = x->meta_len > FP_META_MAX;
	char text[FP_PREFIX_STRLEN];

	if (!is_long && x->until_s >= 0 && x->until_s <= FP_TIME_MAX_S)
		return 0;
	fp_prefix_print(&x->p, text);
	return fp_err(e, -EINVAL, "%s: %s", text,
		      is_long ? "why, by, run and at are too long together"
			      : "until= is not from 1970 to 9999");
}

int fp_line_prefix(struct fp_prefix *out, const char *s, const char *end,
		   struct fp_err *e)
{
	return fp_prefix_parse(out, s, (size_t)(word_end(s, end) - s), e);
}

int fp_line_parse(struct fp_line *out, const char *s, const char *end,
		  struct fp_buf *store, struct fp_err *e)
{
	const char *word;
	int r;

	if (end - s > FP_LINE_MAX)
		return fp_err(e, -EINVAL, "line longer than %d bytes",
			      FP_LINE_MAX);
	word = skip_blanks(s, end);
	if (word == end || *word == '#')
		return 0;
	if (!store && word > s)
		return bad(e, s, end, "not in canonical form");
	s = word_end(word, end);
	r = fp_prefix_parse(&out->x.p, word, (size_t)(s - word), e);
	if (r)
		return r;
	out->x.until_s = 0;
	out->x.meta = NULL;
	out->x.meta_len = 0;
	out->is_stored = false;
	if (s < end)
		r = fields_parse(out, s, end, store, e);
	return r ? r : 1;
}
