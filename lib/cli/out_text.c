/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/opt.h"
#include "cli/out_render.h"

/* How many bytes from s on can stand in a record as they are. */
static size_t plain_len(const char *s)
{
	const char *p = s;

	for (;;) {
		size_t n;

		while (*p >= ' ' && *p < 0x7f && *p != '\\')
			p++;
		if ((unsigned char)*p < 0x80)
			return (size_t)(p - s);
		n = fp_utf8_len(p);
		if (!n || fp_utf8_is_control(fp_utf8_char(p, n)))
			return (size_t)(p - s);
		p += n;
	}
}

static void escaped(struct fp_buf *b, const char *s)
{
	static const char from[] = "\\\t\n\r", to[] = "\\tnr";

	while (*s) {
		size_t n = plain_len(s);
		const char *known;

		fp_buf_add(b, s, n);
		s += n;
		if (!*s)
			return;
		known = strchr(from, *s);
		if (known)
			fp_buf_printf(b, "\\%c", to[known - from]);
		else
			fp_buf_printf(b, "\\x%02x", (unsigned char)*s);
		s++;
	}
}

static void add_u64(struct fp_buf *b, uint64_t u)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = '0' + (char)(u % 10);
	while (u /= 10);
	fp_buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

/* The shortest of the forms that read back as the same number. */
static void add_double(struct fp_buf *b, double d)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	fp_buf_str_add(b, text);
}

void fp_value_number(struct fp_buf *b, const struct fp_value *v)
{
	switch (v->field->kind) {
	case FP_F_U64:
		add_u64(b, v->u);
		break;
	case FP_F_DOUBLE:
		add_double(b, v->d);
		break;
	default:
		fp_buf_printf(b, "%" PRId64, v->i);
	}
}

void fp_value_text(struct fp_buf *b, const struct fp_value *v)
{
	char time[FP_TIME_STRLEN];

	if (v->is_absent) {
		fp_buf_str_add(b, "-");
		return;
	}
	switch (v->field->kind) {
	case FP_F_STR:
	case FP_F_TEXT:
		escaped(b, v->s);
		break;
	case FP_F_BOOL:
		fp_buf_str_add(b, v->b ? "yes" : "no");
		break;
	case FP_F_DOUBLE:
		fp_buf_printf(b, "%.6g", v->d);
		break;
	case FP_F_TIME:
		fp_buf_add(b, time, fp_print_time(v->i, time));
		break;
	default:
		fp_value_number(b, v);
		if (v->field->kind == FP_F_DUR_S)
			fp_buf_str_add(b, "s");
	}
}

void fp_text_row(struct fp_buf *b, const struct fp_row *row)
{
	for (size_t i = 0; i < row->n; i++) {
		if (i)
			fp_buf_add(b, "\t", 1);
		fp_value_text(b, &row->values[i]);
	}
	fp_buf_add(b, "\n", 1);
}

/* Columns of a terminal: one a character, which is right for what lists hold. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static bool is_number(enum fp_field_kind kind)
{
	return kind == FP_F_U64 || kind == FP_F_I64 || kind == FP_F_DOUBLE ||
	       kind == FP_F_DUR_S || kind == FP_F_COUNT;
}

static void grow(struct fp_table *t, size_t i, size_t n)
{
	if (t->widths[i] < n)
		t->widths[i] = n;
}

static void start_header(struct fp_table *t, const struct fp_row *row)
{
	t->n_columns = row->n;
	for (size_t i = 0; i < row->n; i++) {
		t->widths[i] = strlen(row->values[i].field->name);
		t->is_right[i] = is_number(row->values[i].field->kind);
	}
}

void fp_table_row(struct fp_table *t, const struct fp_row *row)
{
	if (!t->n_rows && !t->has_header)
		start_header(t, row);
	for (size_t i = 0; i < row->n; i++) {
		size_t start = t->cells.len;

		fp_value_text(&t->cells, &row->values[i]);
		fp_buf_add(&t->cells, "", 1);
		if (!t->cells.is_failed)
			grow(t, i, width(t->cells.data + start));
	}
	t->n_rows++;
}

static void print_cell(const struct fp_table *t, struct fp_buf *b, size_t i,
		       const char *s)
{
	int pad = (int)(t->widths[i] - width(s));
	bool is_last = i + 1 == t->n_columns;

	if (t->is_right[i])
		fp_buf_printf(b, "%*s%s", pad, "", s);
	else
		fp_buf_printf(b, "%s%*s", s, is_last ? 0 : pad, "");
	fp_buf_str_add(b, is_last ? "" : "  ");
}

static void print_header(const struct fp_table *t, struct fp_buf *b,
			 const struct fp_row *row)
{
	fp_buf_str_add(b, t->has_colour ? "\033[1m" : "");
	for (size_t i = 0; i < t->n_columns; i++) {
		char name[64];
		size_t n = 0;

		for (const char *s = row->values[i].field->name;
		     *s && n < sizeof(name) - 1; s++)
			name[n++] = (char)toupper((unsigned char)*s);
		name[n] = 0;
		print_cell(t, b, i, name);
	}
	fp_buf_str_add(b, t->has_colour ? "\033[0m\n" : "\n");
}

void fp_table_print(struct fp_table *t, struct fp_buf *b,
		    const struct fp_row *last)
{
	const char *s = t->cells.data;

	b->is_failed |= t->cells.is_failed;
	if (!t->n_rows || b->is_failed)
		return;
	if (!t->has_header)
		print_header(t, b, last);
	t->has_header = true;
	for (size_t r = 0; r < t->n_rows; r++) {
		for (size_t i = 0; i < t->n_columns; i++) {
			print_cell(t, b, i, s);
			s += strlen(s) + 1;
		}
		fp_buf_add(b, "\n", 1);
	}
	t->cells.len = 0;
	t->n_rows = 0;
}
