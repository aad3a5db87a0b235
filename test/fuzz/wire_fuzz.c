/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of fp-sync from a hostile peer: nothing is read past what came, what is
 * taken keeps to the limits, and written again it is the same. */
#include <stdlib.h>
#include <string.h>

#include "codec/wire.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static bool is_inside(const char *p, size_t len, const char *s, size_t n)
{
	return p >= s && len <= n && p - s <= (ptrdiff_t)(n - len);
}

static void check_fields(const struct fp_wire_msg *m, const char *s, size_t n)
{
	check(m->n_fields <= FP_WIRE_FIELDS_MAX);
	for (size_t i = 0; i < m->n_fields; i++) {
		const struct fp_wire_field *f = &m->field[i];

		check(is_inside(f->key, f->key_len, s, n) && f->key_len);
		check(is_inside(f->value, f->value_len, s, n));
		check(f->value_len <= FP_WIRE_VALUE_MAX);
		check(!memchr(f->value, '\n', f->value_len));
		check(!memchr(f->value, 0, f->value_len));
		for (size_t k = 0; k < i; k++)
			check(f->key_len != m->field[k].key_len ||
			      memcmp(f->key, m->field[k].key, f->key_len));
	}
	check(is_inside(m->body, m->body_len, s, n));
}

static char *copy(const char *s, size_t n)
{
	char *to = calloc(1, n + 1);

	check(to);
	memcpy(to, s, n);
	return to;
}

/* What all who read fields do with them. */
static void check_values(const struct fp_wire_msg *m)
{
	char text[64], code[16];
	struct fp_err e;

	for (size_t i = 0; i < m->n_fields; i++) {
		char *key = copy(m->field[i].key, m->field[i].key_len);
		uint64_t u = 0;
		int64_t d = 0;

		if (fp_wire_str(m, key, text, sizeof(text)))
			check(strlen(text) == m->field[i].value_len);
		if (!fp_wire_u64(m, key, 1000, 0, &u, &e))
			check(u <= 1000);
		if (!fp_wire_i64(m, key, 1000, 0, &d, &e))
			check(d >= -1000 && d <= 1000);
		free(key);
	}
	check(fp_wire_fail(m, code, sizeof(code), &e) < 0);
	check(strlen(code) < sizeof(code) && strlen(e.text) < sizeof(e.text));
}

static void check_again(const struct fp_wire_msg *m, const char *s, size_t n)
{
	struct fp_buf b = { 0 };

	fp_wire_begin(&b, m->type);
	for (size_t i = 0; i < m->n_fields; i++) {
		const struct fp_wire_field *f = &m->field[i];
		char *key = copy(f->key, f->key_len);
		char *value = copy(f->value, f->value_len);

		fp_wire_put(&b, key, value);
		free(key);
		free(value);
	}
	if (m->body_len)
		fp_wire_body(&b, m->body, m->body_len);
	fp_wire_end(&b, 0);
	check(!b.is_failed);
	if (n > 5) /* of a type alone the empty line was left out */
		check(b.len == n && !memcmp(b.data, s, n));
	fp_buf_fini(&b);
}

/* A part of the frame is never a frame. */
static void check_cut(const char *s, size_t n)
{
	struct fp_wire_msg m;
	size_t used;

	for (size_t k = 0; k < n; k += 1 + n / 16) {
		char *part = malloc(k + !k);

		check(part);
		memcpy(part, s, k);
		check(fp_wire_read(part, k, &used, &m, NULL) == 0);
		free(part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly n bytes, so that the sanitizer sees a read past them */
	char *all = malloc(n + !n), *s = all;
	struct fp_wire_msg m;
	struct fp_err e;
	size_t used = 0;
	int r;

	check(all);
	if (n)
		memcpy(all, data, n);
	while ((r = fp_wire_read(s, n, &used, &m, &e)) == 1) {
		check(used > 4 && used <= n);
		check_fields(&m, s, used);
		check_values(&m);
		check_again(&m, s, used);
		check_cut(s, used);
		s += used;
		n -= used;
	}
	check(r == 0 || (r == -EBADMSG && *e.text));
	check(r || n < FP_WIRE_FRAME_MAX + 4);
	free(all);
	return 0;
}
