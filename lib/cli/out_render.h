/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_OUT_RENDER_H
#define FP_CLI_OUT_RENDER_H

/* What out.c and the renderers share; not for others. */

#include "base/buf.h"
#include "cli/out.h"

#define FP_MAX_FIELDS 64

/* One field of one record, read from its struct. */
struct fp_value {
	const struct fp_field *field;
	bool is_absent;
	union {
		const char *s;
		uint64_t u;
		int64_t i;
		double d;
		bool b;
	};
};

/* The values of one record that -o chose, in its order. */
struct fp_row {
	const struct fp_type *type;
	struct fp_value values[FP_MAX_FIELDS];
	size_t n;
};

/* Rows that wait for their column widths, on a terminal. */
struct fp_table {
	struct fp_buf cells; /* C strings, one after the other */
	size_t n_rows, n_columns;
	size_t widths[FP_MAX_FIELDS]; /* only grow: pages of a watch line up */
	bool is_right[FP_MAX_FIELDS], has_header, has_colour;
};

/* Samples of one metric stand together, whatever order records come in. */
struct fp_metric {
	const struct fp_type *type;
	const struct fp_field *field;
	struct fp_buf samples;
};

struct fp_metrics {
	struct fp_metric *list;
	size_t n;
};

/* A value as text: control characters, backslashes and what is not UTF-8 are
 * escaped as in C, so that a record stays a line and a field a field. */
void fp_value_text(struct fp_buf *b, const struct fp_value *v);
/* Exactly: integers as they are, a double in its shortest form that reads back
 * as the same. */
void fp_value_number(struct fp_buf *b, const struct fp_value *v);

void fp_text_row(struct fp_buf *b, const struct fp_row *row);
void fp_json_row(struct fp_buf *b, const struct fp_row *row);

void fp_table_row(struct fp_table *t, const struct fp_row *row);
/* Print what waits, a header first for row->type's first page. */
void fp_table_print(struct fp_table *t, struct fp_buf *b,
		    const struct fp_row *last);

int fp_metrics_row(struct fp_metrics *m, const struct fp_row *row);
void fp_metrics_print(struct fp_metrics *m, struct fp_buf *b);
void fp_metrics_fini(struct fp_metrics *m);

#endif
