/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/opt.h"
#include "cli/out_render.h"

void fp_json_str(FILE *f, const char *s)
{
	struct fp_buf b = { 0 };

	fp_json_str_add(&b, s);
	if (!b.is_failed)
		fwrite(b.data, 1, b.len, f);
	fp_buf_fini(&b);
}

static void add_value(struct fp_buf *b, const struct fp_value *v)
{
	char time[FP_TIME_STRLEN];

	switch (v->field->kind) {
	case FP_F_STR:
	case FP_F_TEXT:
		fp_json_str_add(b, v->s);
		break;
	case FP_F_BOOL:
		fp_buf_str_add(b, v->b ? "true" : "false");
		break;
	case FP_F_TIME:
		fp_print_time(v->i, time);
		fp_json_str_add(b, time);
		break;
	default:
		fp_value_number(b, v);
	}
}

void fp_json_row(struct fp_buf *b, const struct fp_row *row)
{
	fp_buf_str_add(b, "{\"type\":");
	fp_json_str_add(b, row->type->name);
	for (size_t i = 0; i < row->n; i++) {
		const struct fp_value *v = &row->values[i];

		if (v->is_absent)
			continue;
		fp_buf_add(b, ",", 1);
		fp_json_str_add(b, v->field->name);
		fp_buf_add(b, ":", 1);
		add_value(b, v);
	}
	fp_buf_str_add(b, "}\n");
}
