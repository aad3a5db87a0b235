/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/list_disk.h"
#include "model/list_line.h"
#include "model/list_collect.h"

/* ---- the log, an array */

/* The first log entry >= p, or with is_after > p. */
static size_t log_lower(const struct fp_list *l, const struct fp_prefix *p,
			bool is_after)
{
	size_t lo = 0, hi = l->log.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (fp_prefix_cmp(&l->log.v[mid].p, p) < is_after)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct fp_entry *log_find(const struct fp_list *l,
				       const struct fp_prefix *p)
{
	size_t i = log_lower(l, p, false);

	if (i == l->log.n || fp_prefix_cmp(&l->log.v[i].p, p))
		return NULL;
	return &l->log.v[i];
}

/* ---- the body, lines of text */

static const char *body_end(const struct fp_list *l)
{
	return l->map + l->map_len;
}

/* Parse the line at `at` (before end).  Returns the next line, or NULL: bad. */
static const char *body_line(const char *at, const char *end,
			     struct fp_entry *out, struct fp_err *e)
{
	const char *nl = memchr(at, '\n', (size_t)(end - at));
	struct fp_line x;
	int r = nl ? fp_line_parse(&x, at, nl, NULL, e) : 0;

	if (r > 0) {
		*out = x.x;
		return nl + 1;
	}
	if (!r)
		fp_err(e, -EBADMSG, nl ? "no entry" : "the line does not end");
	return NULL;
}

/* The first line whose prefix is >= p, or with is_after > p.  A search that
 * meets a line which is no entry ends there, so that a walk from there on says
 * so. */
static const char *body_lower(const struct fp_list *l,
			      const struct fp_prefix *p, bool is_after)
{
	const char *lo = l->body, *hi = body_end(l);
	struct fp_prefix x;

	while (lo < hi) {
		const char *mid = lo + (hi - lo) / 2;
		const char *nl = memrchr(lo, '\n', (size_t)(mid - lo));

		mid = nl ? nl + 1 : lo;
		nl = memchr(mid, '\n', (size_t)(hi - mid));
		if (!nl || fp_line_prefix(&x, mid, nl, NULL))
			return mid;
		if (fp_prefix_cmp(&x, p) < is_after)
			lo = nl + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool body_find(const struct fp_list *l, const struct fp_prefix *p,
		      struct fp_entry *out)
{
	const char *at = body_lower(l, p, false);
	struct fp_entry x;

	if (at == body_end(l) || !body_line(at, body_end(l), &x, NULL) ||
	    fp_prefix_cmp(&x.p, p))
		return false;
	*out = x;
	return true;
}

/* ---- both */

bool fp_list_find(const struct fp_list *l, const struct fp_prefix *p,
		  struct fp_entry *out)
{
	const struct fp_entry *x = log_find(l, p);

	if (!x)
		return body_find(l, p, out);
	if (x->until_s == FP_UNTIL_DELETED)
		return false;
	*out = *x;
	return true;
}

/* What the log changes about the number of entries of the body. */
static void count(struct fp_list *l)
{
	struct fp_entry x;

	l->head.entries = l->body_entries;
	for (size_t i = 0; i < l->log.n; i++) {
		bool is_now = l->log.v[i].until_s != FP_UNTIL_DELETED;
		bool was = body_find(l, &l->log.v[i].p, &x);

		l->head.entries += (uint64_t)is_now - (uint64_t)was;
	}
	l->is_counted = true;
}

const struct fp_list_head *fp_list_head(const struct fp_list *l)
{
	if (!l->is_counted)
		count((struct fp_list *)l);
	return &l->head;
}

const struct fp_list_head *fp_list_about(const struct fp_list *l)
{
	return &l->head;
}

int fp_list_before(const struct fp_list *l, const struct fp_prefix *p,
		   struct fp_entry *out)
{
	const char *at = body_lower(l, p, true), *prev;
	size_t log_i = log_lower(l, p, true);
	bool has_body = at > l->body;
	struct fp_entry x;

	if (at < body_end(l) && !body_line(at, body_end(l), &x, NULL))
		return -EBADMSG;
	if (has_body) {
		prev = memrchr(l->map, '\n', (size_t)(at - 1 - l->map));
		if (!body_line(prev + 1, body_end(l), out, NULL))
			return -EBADMSG;
	}
	if (!log_i)
		return has_body;
	if (!has_body || fp_prefix_cmp(&l->log.v[log_i - 1].p, &out->p) >= 0)
		*out = l->log.v[log_i - 1];
	return 1;
}

void fp_list_seek(const struct fp_list *l, struct fp_list_iter *it,
		  const struct fp_prefix *from)
{
	*it = (struct fp_list_iter){
		.list = l,
		.at = from ? body_lower(l, from, false) : l->body,
		.end = body_end(l),
		.log_i = from ? log_lower(l, from, false) : 0,
		.is_whole = !from,
	};
}

static int bad_body(const struct fp_list_iter *it, struct fp_err *e)
{
	const struct fp_list *l = it->list;

	return fp_err_prefix(e, -EBADMSG, "%s%s:%ju", l->head.name,
			     FP_LIST_SUFFIX,
			     (uintmax_t)fp_list_line(l, it->at));
}

/* Read the next line of the body into it->body. */
static int body_next(struct fp_list_iter *it, struct fp_err *e)
{
	struct fp_prefix prev = it->body.p;
	const char *next = body_line(it->at, it->end, &it->body, e);
	char text[FP_PREFIX_STRLEN];

	if (!next)
		return bad_body(it, e);
	if (it->n_body && fp_prefix_cmp(&prev, &it->body.p) >= 0) {
		fp_prefix_print(&it->body.p, text);
		fp_err(e, -EBADMSG, "\"%s\": out of order, or twice", text);
		return bad_body(it, e);
	}
	it->at = next;
	it->n_body++;
	it->has_body = true;
	return 0;
}

/* A body that is shorter or longer than its head says was edited, or lost its
 * end. */
static int check_count(const struct fp_list_iter *it, struct fp_err *e)
{
	const struct fp_list *l = it->list;

	if (!it->is_whole || it->n_body == l->body_entries)
		return 0;
	return fp_err(e, -EBADMSG, "%s%s:1: entries=%ju, but there are %ju",
		      l->head.name, FP_LIST_SUFFIX, (uintmax_t)l->body_entries,
		      (uintmax_t)it->n_body);
}

int fp_list_next(struct fp_list_iter *it, struct fp_entry *out,
		 struct fp_err *e)
{
	const struct fp_entries *log = &it->list->log;
	int r, cmp;

	for (;;) {
		if (!it->has_body && it->at < it->end) {
			r = body_next(it, e);
			if (r)
				return r;
		}
		if (!it->has_body && it->log_i == log->n)
			return check_count(it, e);
		if (it->log_i == log->n)
			cmp = 1;
		else if (!it->has_body)
			cmp = -1;
		else
			cmp = fp_prefix_cmp(&log->v[it->log_i].p, &it->body.p);
		if (cmp > 0) {
			*out = it->body;
			it->has_body = false;
			return 1;
		}
		if (!cmp)
			it->has_body = false;
		*out = log->v[it->log_i++];
		if (out->until_s != FP_UNTIL_DELETED)
			return 1;
	}
}
