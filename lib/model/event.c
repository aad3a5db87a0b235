/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "model/event_priv.h"
#include "model/list_line.h"

struct fp_event_ban *fp_event_more(struct fp_event_body *ev, int *code,
				   struct fp_err *e)
{
	size_t cap = ev->n ? ev->n * 2 : 1;
	struct fp_event_ban *v = ev->v;

	if (ev->n == FP_EVENT_BANS_MAX) {
		*code = fp_err(e, -E2BIG, "more than %d bans in one message",
			       FP_EVENT_BANS_MAX);
		return NULL;
	}
	if (!(ev->n & (ev->n - 1))) /* full, at powers of two */
		v = reallocarray(ev->v, cap, sizeof(*v));
	if (!v) {
		*code = fp_err(e, -ENOMEM, "out of memory");
		return NULL;
	}
	ev->v = v;
	v += ev->n++;
	memset(v, 0, sizeof(*v));
	return v;
}

void fp_event_text(char *to, size_t size, const char *s, size_t n)
{
	size_t at = 0, len;

	for (size_t i = 0; i < n; i += len) {
		size_t good = fp_char_len(s + i, n - i);

		len = good ? good : 1;
		if (at + len >= size)
			break;
		if (good)
			memcpy(to + at, s + i, len);
		else
			to[at] = '?';
		at += len;
	}
	to[at] = 0;
}

/* ---- lines of a list */

static int line(struct fp_event_body *ev, const char *s, const char *end,
		struct fp_buf *store, struct fp_err *e)
{
	bool is_del = s < end && *s == '-';
	struct fp_event_ban *ban;
	struct fp_line got;
	int r;

	s += s < end && (*s == '-' || *s == '+');
	store->len = 0;
	r = fp_line_parse(&got, s, end, store, e);
	if (r < 1)
		return r;
	ban = fp_event_more(ev, &r, e);
	if (!ban)
		return r;
	if (got.is_stored)
		got.x.meta = store->data + got.store_at;
	ban->p = got.x.p;
	ban->is_del = is_del;
	ban->until_s = got.x.until_s;
	fp_entry_get(&got.x, "why", ban->why, sizeof(ban->why));
	fp_entry_get(&got.x, "by", ban->by, sizeof(ban->by));
	return 0;
}

static int lines(struct fp_event_body *ev, const char *body, size_t n,
		 struct fp_err *e)
{
	const char *s = body, *end = body + n;
	struct fp_buf store = { 0 };
	int r = 0;

	for (size_t no = 1; s < end && !r; no++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		const char *stop = nl ? nl : end;

		if (stop > s && stop[-1] == '\r')
			stop--;
		r = line(ev, s, stop, &store, e);
		if (r == -EINVAL)
			fp_err_prefix(e, r, "line %zu", no);
		s = nl ? nl + 1 : end;
	}
	fp_buf_fini(&store);
	return r;
}

/* ---- a body */

/* Where text begins that is no white space; -errno: none of it can be. */
static int64_t start(const char *body, size_t n, struct fp_err *e)
{
	size_t skip = 0;

	if (n > FP_EVENT_BODY_MAX)
		return fp_err(e, -E2BIG, "more than %u bytes",
			      FP_EVENT_BODY_MAX);
	while (skip < n && memchr(" \t\r\n", body[skip], 4))
		skip++;
	if (skip < n && memchr(body, 0, n))
		return fp_err(e, -EINVAL, "a NUL in the text");
	return (int64_t)skip;
}

static bool is_json(char c)
{
	return c == '{' || c == '[';
}

int fp_event_parse(struct fp_event_body *out, const char *body, size_t n,
		   struct fp_err *e)
{
	struct fp_event_body ev = { 0 };
	int64_t at = start(body, n, e);
	int r = at < 0 ? (int)at : 0;

	if (!r && (size_t)at < n)
		r = is_json(body[at])
			    ? fp_event_json(&ev, body + at, n - (size_t)at, e)
			    : lines(&ev, body, n, e);
	if (!r && !ev.n)
		r = fp_err(e, -EINVAL, "no address in it");
	if (r)
		fp_event_fini(&ev);
	else
		*out = ev;
	return r;
}

int fp_event_parse_line(struct fp_event_body *out, const char *s, size_t n,
			struct fp_err *e)
{
	struct fp_event_body ev = { 0 };
	struct fp_buf store = { 0 };
	int64_t at = start(s, n, e);
	int r = at < 0 ? (int)at : 0;

	if (!r && (size_t)at < n)
		r = is_json(s[at])
			    ? fp_event_json(&ev, s + at, n - (size_t)at, e)
			    : line(&ev, s, s + n, &store, e);
	fp_buf_fini(&store);
	if (r)
		fp_event_fini(&ev);
	else
		*out = ev;
	return r;
}

void fp_event_fini(struct fp_event_body *ev)
{
	free(ev->v);
	*ev = (struct fp_event_body){ 0 };
}

/* ---- printing */

/* Text that fp_event_text made fit: no control characters. */
static void member(struct fp_buf *b, const char *key, const char *text)
{
	if (!*text)
		return;
	fp_buf_printf(b, ",\"%s\":\"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fp_buf_add(b, "\\", 1);
		fp_buf_add(b, text, 1);
	}
	fp_buf_add(b, "\"", 1);
}

void fp_event_print(struct fp_buf *b, const struct fp_event_ban *ban)
{
	char p[FP_PREFIX_STRLEN], at[FP_TIME_LEN + 1] = "";

	fp_prefix_print(&ban->p, p);
	fp_buf_printf(b, "{\"%s\":\"%s\",\"action\":\"%s\"",
		      fp_prefix_is_host(&ban->p) ? "ip" : "prefix", p,
		      ban->is_del ? "del" : "add");
	if (ban->for_s)
		fp_buf_printf(b, ",\"for\":%lld", (long long)ban->for_s);
	if (ban->until_s)
		fp_time_print(ban->until_s, at);
	member(b, "until", at);
	member(b, "why", ban->why);
	member(b, "by", ban->by);
	fp_buf_add(b, "}", 1);
}
