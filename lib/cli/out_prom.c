/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/out_render.h"

/* Prometheus text exposition format 0.0.4: HELP and TYPE once, then all samples
 * of a metric in one group. */

static bool is_label(const struct fp_field *f)
{
	return f->kind == FP_F_STR || f->kind == FP_F_TEXT;
}

/* Label values escape backslash, quote and line feed. */
static void add_label(struct fp_buf *b, const char *s)
{
	for (size_t n; *s; s += n) {
		n = fp_utf8_len(s);
		if (*s == '\n')
			fp_buf_str_add(b, "\\n");
		else if (*s == '"' || *s == '\\')
			fp_buf_printf(b, "\\%c", *s);
		else if (n)
			fp_buf_add(b, s, n);
		else
			fp_buf_str_add(b, "\xef\xbf\xbd");
		n += !n;
	}
}

static void add_labels(struct fp_buf *b, const struct fp_row *row)
{
	const char *before = "{";

	for (size_t i = 0; i < row->n; i++) {
		const struct fp_value *v = &row->values[i];

		if (v->is_absent || !is_label(v->field))
			continue;
		fp_buf_printf(b, "%s%s=\"", before, v->field->name);
		add_label(b, v->s);
		fp_buf_add(b, "\"", 1);
		before = ",";
	}
	if (*before == ',')
		fp_buf_add(b, "}", 1);
}

static void add_name(struct fp_buf *b, const struct fp_metric *m)
{
	fp_buf_printf(b, "fastpath_%s_%s", m->type->name, m->field->name);
}

static struct fp_metric *metric_of(struct fp_metrics *m,
				   const struct fp_type *type,
				   const struct fp_field *field)
{
	struct fp_metric *list;

	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].field == field && m->list[i].type == type)
			return &m->list[i];
	list = reallocarray(m->list, m->n + 1, sizeof(*list));
	if (!list)
		return NULL;
	m->list = list;
	list[m->n] = (struct fp_metric){ .type = type, .field = field };
	return &list[m->n++];
}

int fp_metrics_row(struct fp_metrics *m, const struct fp_row *row)
{
	for (size_t i = 0; i < row->n; i++) {
		const struct fp_value *v = &row->values[i];
		struct fp_metric *metric;

		if (v->is_absent || is_label(v->field))
			continue;
		metric = metric_of(m, row->type, v->field);
		if (!metric)
			return -ENOMEM;
		add_name(&metric->samples, metric);
		add_labels(&metric->samples, row);
		fp_buf_add(&metric->samples, " ", 1);
		if (v->field->kind == FP_F_BOOL)
			fp_buf_str_add(&metric->samples, v->b ? "1" : "0");
		else
			fp_value_number(&metric->samples, v);
		fp_buf_add(&metric->samples, "\n", 1);
	}
	return 0;
}

static bool is_counter(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && !strcmp(name + n - 6, "_total");
}

void fp_metrics_print(struct fp_metrics *m, struct fp_buf *b)
{
	for (size_t i = 0; i < m->n; i++) {
		struct fp_metric *metric = &m->list[i];
		const struct fp_field *f = metric->field;

		if (!metric->samples.len)
			continue;
		b->is_failed |= metric->samples.is_failed;
		fp_buf_str_add(b, "# HELP ");
		add_name(b, metric);
		fp_buf_printf(b, " %s\n# TYPE ", f->help ? f->help : f->name);
		add_name(b, metric);
		fp_buf_printf(b, " %s\n",
			      is_counter(f->name) ? "counter" : "gauge");
		fp_buf_add(b, metric->samples.data, metric->samples.len);
		metric->samples.len = 0;
	}
}

void fp_metrics_fini(struct fp_metrics *m)
{
	for (size_t i = 0; i < m->n; i++)
		fp_buf_fini(&m->list[i].samples);
	free(m->list);
	*m = (struct fp_metrics){ 0 };
}
