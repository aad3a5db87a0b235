/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/out_render.h"

struct fp_out {
	FILE *file;
	const char *fields;
	enum fp_format format;
	bool is_tty;
	int error;                  /* errno of the first write that failed */
	const struct fp_type *type; /* what chosen[] was made for */
	size_t chosen[FP_MAX_FIELDS], n_chosen;
	struct fp_row row;
	struct fp_buf buf;
	struct fp_table table;
	struct fp_metrics metrics;
};

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && strcmp(term, "dumb");
}

int fp_out_open(struct fp_out **out, FILE *file, enum fp_format format,
		const char *fields)
{
	struct fp_out *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->file = file;
	o->fields = fields;
	o->format = format;
	o->is_tty = format == FP_TEXT && isatty(fileno(file));
	o->table.has_colour = o->is_tty && wants_colour();
	*out = o;
	return 0;
}

static int unknown_field(const struct fp_type *type, const char *name, size_t n,
			 struct fp_err *e)
{
	struct fp_buf names = { 0 };
	const char *text;
	int r;

	for (size_t i = 0; i < type->n_fields; i++)
		fp_buf_printf(&names, "%s%s", i ? " " : "",
			      type->fields[i].name);
	text = fp_buf_str(&names);
	r = fp_err(e, -EINVAL,
		   "--fields: \"%.*s\" is not a field of %s, which has: %s",
		   (int)(n < 64 ? n : 64), name, type->name, text ? text : "");
	fp_buf_fini(&names);
	return r;
}

static int choose_field(struct fp_out *o, const struct fp_type *type,
			const char *name, size_t n, struct fp_err *e)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (strlen(type->fields[i].name) == n &&
		    !memcmp(type->fields[i].name, name, n)) {
			if (o->n_chosen == FP_MAX_FIELDS)
				break;
			o->chosen[o->n_chosen++] = i;
			return 0;
		}
	return unknown_field(type, name, n, e);
}

/* Which fields of type are wanted, kept until the type changes. */
static int choose(struct fp_out *o, const struct fp_type *type,
		  struct fp_err *e)
{
	if (o->type == type)
		return 0;
	o->type = NULL;
	o->n_chosen = 0;
	if (!o->fields)
		while (o->n_chosen < type->n_fields &&
		       o->n_chosen < FP_MAX_FIELDS) {
			o->chosen[o->n_chosen] = o->n_chosen;
			o->n_chosen++;
		}
	for (const char *p = o->fields; p; p = *p ? p + 1 : NULL) {
		size_t n = strcspn(p, ",");
		int r = choose_field(o, type, p, n, e);

		if (r)
			return r;
		p += n;
	}
	o->type = type;
	return 0;
}

int fp_out_check(struct fp_out *o, const struct fp_type *type, struct fp_err *e)
{
	const struct fp_type *was = o->type;
	int r = choose(o, type, e);

	if (was && was != type && !r)
		r = choose(o, was, e);
	return r;
}

static void read_value(struct fp_value *v, const struct fp_field *f,
		       const void *rec)
{
	const char *at = (const char *)rec + f->offset;

	v->field = f;
	v->is_absent = false;
	switch (f->kind) {
	case FP_F_STR:
	case FP_F_TEXT:
		v->s = f->kind == FP_F_STR ? *(const char *const *)at : at;
		v->is_absent = !v->s || !*v->s;
		break;
	case FP_F_U64:
		v->u = *(const uint64_t *)at;
		break;
	case FP_F_I64:
	case FP_F_TIME:
	case FP_F_DUR_S:
	case FP_F_COUNT:
		v->i = *(const int64_t *)at;
		v->is_absent = (f->kind == FP_F_TIME && !v->i) ||
			       (f->kind == FP_F_DUR_S && v->i == -1) ||
			       (f->kind == FP_F_COUNT && v->i == -1);
		break;
	case FP_F_BOOL:
		v->b = *(const bool *)at;
		break;
	case FP_F_DOUBLE:
		v->d = *(const double *)at;
		v->is_absent = !isfinite(v->d);
		break;
	}
}

/* Hand the buffer to stdio and remember why when that fails: by the time of
 * close errno is long gone. */
static void put(struct fp_out *o)
{
	if (o->buf.is_failed && !o->error)
		o->error = ENOMEM;
	if (o->buf.len &&
	    fwrite(o->buf.data, 1, o->buf.len, o->file) != o->buf.len &&
	    !o->error)
		o->error = errno;
	o->buf.len = 0;
	o->buf.is_failed = false;
}

static void put_page(struct fp_out *o)
{
	if (o->is_tty)
		fp_table_print(&o->table, &o->buf, &o->row);
	else if (o->format == FP_PROMETHEUS)
		fp_metrics_print(&o->metrics, &o->buf);
	put(o);
}

int fp_out_record(struct fp_out *o, const struct fp_type *type, const void *rec,
		  struct fp_err *e)
{
	int r;

	if (o->is_tty && o->type && o->type != type) {
		put_page(o);
		o->table.has_header = false;
	}
	r = choose(o, type, e);
	if (r)
		return r;
	o->row.type = type;
	o->row.n = o->n_chosen;
	for (size_t i = 0; i < o->n_chosen; i++)
		read_value(&o->row.values[i], &type->fields[o->chosen[i]], rec);
	if (o->format == FP_JSON)
		fp_json_row(&o->buf, &o->row);
	else if (o->format == FP_PROMETHEUS)
		o->buf.is_failed |= fp_metrics_row(&o->metrics, &o->row) < 0;
	else if (o->is_tty)
		fp_table_row(&o->table, &o->row);
	else
		fp_text_row(&o->buf, &o->row);
	put(o);
	return 0;
}

void fp_out_summary(struct fp_out *o, bool is_changed, const char *json,
		    const char *line)
{
	if (o->format == FP_JSON) {
		fp_buf_printf(&o->buf,
			      "{\"type\":\"summary\",\"changed\":%s%s%s}\n",
			      is_changed ? "true" : "false",
			      json && *json ? "," : "", json ? json : "");
		put(o);
	} else if (line) {
		fp_out_flush(o);
		fp_log(FP_LOG_NOTICE, "%s", line);
	}
}

void fp_out_counts(struct fp_out *o, bool is_changed, const char *line, ...)
{
	struct fp_buf json = { 0 };
	const char *name, *comma = "";
	va_list ap;

	va_start(ap, line);
	for (; (name = va_arg(ap, const char *)); comma = ",")
		fp_buf_printf(&json, "%s\"%s\":%llu", comma, name,
			      (unsigned long long)va_arg(ap, uint64_t));
	va_end(ap);
	fp_out_summary(o, is_changed, fp_buf_str(&json), line);
	fp_buf_fini(&json);
}

void fp_out_flush(struct fp_out *o)
{
	put_page(o);
	if (fflush(o->file) && !o->error)
		o->error = errno;
}

/* NFS and quotas may complain only when a descriptor is closed. */
static void close_copy(struct fp_out *o)
{
	int fd = dup(fileno(o->file));

	if (fd >= 0 && close(fd) && !o->error)
		o->error = errno;
}

int fp_out_close(struct fp_out *o, struct fp_err *e)
{
	int error;

	if (!o)
		return 0;
	fp_out_flush(o);
	close_copy(o);
	error = o->error ? o->error : ferror(o->file) ? EIO : 0;
	fp_buf_fini(&o->buf);
	fp_buf_fini(&o->table.cells);
	fp_metrics_fini(&o->metrics);
	free(o);
	return error ? fp_err_sys(e, -error, "cannot write the output") : 0;
}
