/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define LEN_SIZE 4
#define ERRNO_MAX 200 /* above the highest of Linux */

static uint32_t be32(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool is_type(char c)
{
	return c && strchr("ABCDEFGHKLMTUVWXY", c);
}

static bool is_key(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') &&
		    !(s[i] >= '0' && s[i] <= '9') && s[i] != '_')
			return false;
	return n > 0;
}

/* The length of the UTF-8 character at s, of which n bytes are there; 0: it is
 * none, or a control character (C0, DEL, C1). */
static size_t char_len(const char *s, size_t n)
{
	char c[5] = { 0 };

	if ((unsigned char)*s < 0x80)
		return *s >= ' ' && *s != 0x7f;
	memcpy(c, s, n < 4 ? n : 4);
	return memcmp(c, "\xc2\xa0", 2) < 0 ? 0 : fp_utf8_len(c);
}

static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = char_len(s + i, n - i);
		if (!len)
			return false;
	}
	return true;
}

static const struct fp_wire_field *find(const struct fp_wire_msg *m,
					const char *key, size_t n)
{
	for (size_t i = 0; i < m->n_fields; i++)
		if (m->field[i].key_len == n &&
		    !memcmp(m->field[i].key, key, n))
			return &m->field[i];
	return NULL;
}

/* ---- reading */

static int bad_field(const struct fp_wire_msg *m, const char *key, size_t n,
		     const char *what, struct fp_err *e)
{
	return fp_err(e, -EBADMSG, "frame %c: %.*s: %s", (char)m->type,
		      (int)(n < 40 ? n : 40), key, what);
}

/* The line from s to nl. */
static int add_field(struct fp_wire_msg *m, const char *s, const char *nl,
		     struct fp_err *e)
{
	const char *eq = memchr(s, '=', (size_t)(nl - s));
	size_t n = eq ? (size_t)(eq - s) : 0;
	struct fp_wire_field x = { .key = s, .key_len = (uint32_t)n };

	if (!is_key(s, n))
		return fp_err(e, -EBADMSG, "frame %c: a line is not key=value",
			      (char)m->type);
	x.value = eq + 1;
	x.value_len = (uint32_t)(nl - x.value);
	if (x.value_len > FP_WIRE_VALUE_MAX)
		return bad_field(m, s, n, "too long", e);
	if (!is_text(x.value, x.value_len))
		return bad_field(m, s, n, "a control character, or not UTF-8",
				 e);
	if (find(m, s, n))
		return bad_field(m, s, n, "given twice", e);
	if (m->n_fields == FP_WIRE_FIELDS_MAX)
		return bad_field(m, s, n, "one field too many", e);
	m->field[m->n_fields++] = x;
	return 0;
}

/* Head and body, from s to end; a frame may have neither. */
static int read_rest(struct fp_wire_msg *m, const char *s, const char *end,
		     struct fp_err *e)
{
	const char *nl = s;
	int r;

	for (; s < end; s = nl + 1) {
		nl = memchr(s, '\n', (size_t)(end - s));
		if (!nl)
			return fp_err(e, -EBADMSG,
				      "frame %c: its head does not end",
				      (char)m->type);
		if (nl == s)
			break;
		r = add_field(m, s, nl, e);
		if (r)
			return r;
	}
	if (m->n_fields && s == end)
		return fp_err(e, -EBADMSG, "frame %c: no empty line",
			      (char)m->type);
	m->body = s < end ? s + 1 : end;
	m->body_len = (size_t)(end - m->body);
	return 0;
}

int fp_wire_read(const char *buf, size_t n, size_t *used,
		 struct fp_wire_msg *out, struct fp_err *e)
{
	struct fp_wire_msg m;
	uint32_t len;
	int r;

	if (n < LEN_SIZE)
		return 0;
	len = be32(buf);
	if (!len || len > FP_WIRE_FRAME_MAX)
		return fp_err(e, -EBADMSG, "a frame of %" PRIu32 " bytes", len);
	if (n == LEN_SIZE)
		return 0;
	if (!is_type(buf[LEN_SIZE]))
		return fp_err(e, -EBADMSG, "a frame of unknown type 0x%02x",
			      (unsigned char)buf[LEN_SIZE]);
	if (n - LEN_SIZE < len)
		return 0;
	m.type = (enum fp_wire_type)buf[LEN_SIZE];
	m.n_fields = 0;
	r = read_rest(&m, buf + LEN_SIZE + 1, buf + LEN_SIZE + len, e);
	if (r)
		return r;
	*out = m;
	*used = LEN_SIZE + len;
	return 1;
}

bool fp_wire_str(const struct fp_wire_msg *m, const char *key, char *out,
		 size_t size)
{
	const struct fp_wire_field *f = find(m, key, strlen(key));

	if (!f || f->value_len >= size)
		return false;
	memcpy(out, f->value, f->value_len);
	out[f->value_len] = 0;
	return true;
}

/* Digits only, at most max. */
static bool number(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	if (!n || v > max)
		return false;
	*out = v;
	return true;
}

int fp_wire_u64(const struct fp_wire_msg *m, const char *key, uint64_t max,
		uint64_t absent, uint64_t *out, struct fp_err *e)
{
	const struct fp_wire_field *f = find(m, key, strlen(key));

	if (!f)
		*out = absent;
	else if (!number(f->value, f->value_len, max, out))
		return fp_err(e, -EBADMSG,
			      "frame %c: %s is no number from 0 to %" PRIu64,
			      (char)m->type, key, max);
	return 0;
}

int fp_wire_i64(const struct fp_wire_msg *m, const char *key, int64_t max,
		int64_t absent, int64_t *out, struct fp_err *e)
{
	const struct fp_wire_field *f = find(m, key, strlen(key));
	bool is_minus = f && f->value_len && *f->value == '-';
	uint64_t v;

	if (!f)
		*out = absent;
	else if (number(f->value + is_minus, f->value_len - is_minus,
			(uint64_t)max, &v))
		*out = is_minus ? -(int64_t)v : (int64_t)v;
	else
		return fp_err(e, -EBADMSG,
			      "frame %c: %s is no number from -%" PRId64
			      " to %" PRId64,
			      (char)m->type, key, max, max);
	return 0;
}

/* ---- writing */

size_t fp_wire_begin(struct fp_buf *b, enum fp_wire_type type)
{
	size_t begin = b->len;
	char head[LEN_SIZE + 1] = { [LEN_SIZE] = (char)type };

	fp_buf_add(b, head, sizeof(head));
	return begin;
}

/* The value as it may travel; returns its length. */
static size_t fit(char out[FP_WIRE_VALUE_MAX], const char *s)
{
	size_t to = 0, n = strlen(s);

	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = char_len(s + i, n - i);
		if (to + (len ? len : 1) > FP_WIRE_VALUE_MAX)
			break;
		if (len)
			memcpy(out + to, s + i, len);
		else
			out[to] = '?';
		to += len ? len : 1;
	}
	return to;
}

void fp_wire_put(struct fp_buf *b, const char *key, const char *value)
{
	char text[FP_WIRE_VALUE_MAX];

	fp_buf_str_add(b, key);
	fp_buf_add(b, "=", 1);
	fp_buf_add(b, text, fit(text, value));
	fp_buf_add(b, "\n", 1);
}

void fp_wire_put_u64(struct fp_buf *b, const char *key, uint64_t value)
{
	fp_buf_printf(b, "%s=%" PRIu64 "\n", key, value);
}

void fp_wire_put_i64(struct fp_buf *b, const char *key, int64_t value)
{
	fp_buf_printf(b, "%s=%" PRId64 "\n", key, value);
}

void fp_wire_body(struct fp_buf *b, const void *body, size_t n)
{
	fp_buf_add(b, "\n", 1);
	fp_buf_add(b, body, n);
}

/* Is there an empty line in the head that begins at `at`? */
static bool has_body(const struct fp_buf *b, size_t at)
{
	while (at < b->len && b->data[at] != '\n') {
		const char *nl = memchr(b->data + at, '\n', b->len - at);

		at = nl ? (size_t)(nl + 1 - b->data) : b->len;
	}
	return at < b->len;
}

void fp_wire_end(struct fp_buf *b, size_t begin)
{
	size_t len;

	if (b->is_failed)
		return;
	if (!has_body(b, begin + LEN_SIZE + 1))
		fp_buf_add(b, "\n", 1);
	len = b->len - begin - LEN_SIZE;
	if (b->is_failed || len > FP_WIRE_FRAME_MAX) {
		b->is_failed = true;
		return;
	}
	for (int i = 0; i < LEN_SIZE; i++)
		b->data[begin + (size_t)i] = (char)(len >> (24 - 8 * i));
}

/* ---- FAIL */

void fp_wire_put_fail(struct fp_buf *b, const char *code, int err,
		      const struct fp_err *e)
{
	size_t begin = fp_wire_begin(b, FP_WIRE_FAIL);
	const char *name = strerrorname_np(-err);

	fp_wire_put(b, "code", code);
	if (name)
		fp_wire_put(b, "errno", name);
	if (e->rule[0])
		fp_wire_put(b, "rule", e->rule);
	fp_wire_put(b, "text", e->text);
	fp_wire_end(b, begin);
}

/* Names, since numbers differ between machines. */
static int errno_of(const char *name)
{
	for (int i = 1; i < ERRNO_MAX; i++) {
		const char *s = strerrorname_np(i);

		if (s && !strcmp(s, name))
			return -i;
	}
	return -EREMOTEIO;
}

int fp_wire_fail(const struct fp_wire_msg *m, char *code, size_t size,
		 struct fp_err *e)
{
	char name[32] = "", text[FP_WIRE_VALUE_MAX + 1] = "no reason given";
	struct fp_err x;

	if (!fp_wire_str(m, "code", code, size))
		snprintf(code, size, "failed");
	fp_wire_str(m, "errno", name, sizeof(name));
	fp_wire_str(m, "text", text, sizeof(text));
	fp_err(&x, 0, "%s", text);
	fp_wire_str(m, "rule", x.rule, sizeof(x.rule));
	if (e)
		*e = x;
	return errno_of(name);
}
