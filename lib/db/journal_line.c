/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a job's copy on disk, a JSON object each:
 *   {"type":"job","version":1,"id":...,"tool":...,"verb":...,"node":...,"by":...,
 *    "owner":...,"at":"2026-11-21T21:03:12Z","plan":{...}}	the first
 *   {"type":"epoch","at":...,"epoch":7,"owner":...}	what follows is under it
 *   {"type":"item","at":...,"item":"call:...","state":"moved","detail":{...}}
 *   {"type":"plan","at":...,"plan":{...}}
 *   {"type":"state","at":...,"state":"stopped"}
 * Members that are not known are passed over, lines of other types too. */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/utf8.h"
#include "db/journal_priv.h"

/* ---- reading */

enum what { TEXT, OBJECT, NUMBER, FLAG };

#define AT(member) offsetof(struct fp_journal_line, member)
static const struct field {
	const char *key;
	enum what what;
	size_t at;
} fields[] = {
	{ "type", TEXT, AT(type) },         { "at", TEXT, AT(at) },
	{ "item", TEXT, AT(item) },         { "state", TEXT, AT(state) },
	{ "detail", OBJECT, AT(detail) },   { "plan", OBJECT, AT(plan) },
	{ "owner", TEXT, AT(owner) },       { "id", TEXT, AT(id) },
	{ "tool", TEXT, AT(tool) },         { "verb", TEXT, AT(verb) },
	{ "node", TEXT, AT(node) },         { "by", TEXT, AT(by) },
	{ "version", NUMBER, AT(version) }, { "epoch", NUMBER, AT(epoch) },
	{ "alone", FLAG, AT(is_alone) },    { "known", FLAG, AT(is_known) },
};

static const struct field *find_field(const char *key)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(fields[i].key, key))
			return &fields[i];
	return NULL;
}

/* A string into *text, which has the room. */
static const char *take_text(struct fp_jscan *s, struct fp_buf *text)
{
	const char *from = text->data + text->len;
	bool is_ok;

	s->to = text;
	s->is_text = true;
	is_ok = fp_jscan_string(s);
	s->to = NULL;
	s->is_text = false;
	fp_buf_add(text, "", 1);
	return is_ok ? from : NULL;
}

static const char *take_object(struct fp_jscan *s, struct fp_buf *text)
{
	const char *from = text->data + text->len;
	bool is_ok;

	s->to = text;
	is_ok = fp_jscan_value(s) && *from == '{';
	s->to = NULL;
	fp_buf_add(text, "", 1);
	return is_ok ? from : NULL;
}

static bool take_number(struct fp_jscan *s, struct fp_buf *text, int64_t *out)
{
	const char *from = text->data + text->len;
	bool is_ok;
	char *end;

	s->to = text;
	is_ok = fp_jscan_value(s);
	s->to = NULL;
	fp_buf_add(text, "", 1);
	errno = 0;
	*out = strtoll(from, &end, 10);
	return is_ok && *from >= '0' && *from <= '9' && !*end && !errno;
}

static bool take_flag(struct fp_jscan *s, bool *out)
{
	const char *from = s->at;

	if (!fp_jscan_value(s))
		return false;
	*out = s->at[-1] == 'e' && s->at - from >= 4 && s->at[-4] == 't';
	return *out || (s->at - from >= 5 && s->at[-5] == 'f');
}

static bool take(struct fp_journal_line *out, const struct field *f,
		 struct fp_jscan *s, struct fp_buf *text)
{
	void *to = (char *)out + f->at;
	const char *got;

	switch (f->what) {
	case NUMBER:
		return take_number(s, text, to);
	case FLAG:
		return take_flag(s, to);
	default:
		got = f->what == TEXT ? take_text(s, text)
				      : take_object(s, text);
		if (got)
			*(const char **)to = got;
		return got != NULL;
	}
}

static bool member(struct fp_journal_line *out, struct fp_jscan *s,
		   struct fp_buf *text)
{
	const struct field *f;
	const char *key = take_text(s, text);

	if (!key || !fp_jscan_is(s, ':'))
		return false;
	f = find_field(key);
	return f ? take(out, f, s, text) : fp_jscan_value(s);
}

static bool members(struct fp_journal_line *out, struct fp_jscan *s,
		    struct fp_buf *text)
{
	if (!fp_jscan_is(s, '{'))
		return false;
	if (fp_jscan_is(s, '}'))
		return true;
	do
		if (!member(out, s, text))
			return false;
	while (fp_jscan_is(s, ','));
	return fp_jscan_is(s, '}');
}

static bool fits(const char *s, size_t size)
{
	size_t n = strlen(s);

	return n && n < size;
}

static bool is_head(const struct fp_journal_line *l)
{
	struct fp_job_head h;

	return fp_journal_is_id(l->id) && fits(l->tool, sizeof(h.tool)) &&
	       fits(l->verb, sizeof(h.verb)) &&
	       strlen(l->node) < sizeof(h.node) &&
	       strlen(l->by) < sizeof(h.by) &&
	       strlen(l->owner) < sizeof(h.owner) && *l->plan;
}

/* What its type has to say.  NULL: it does. */
static const char *lacks(struct fp_journal_line *l)
{
	if (!*l->type)
		return "no \"type\" in it";
	if (!strcmp(l->type, "item")) {
		l->kind = FP_LINE_ITEM;
		if (!*l->item || !fits(l->state, FP_JOURNAL_STATE_MAX + 1))
			return "no item, or no state of one";
	} else if (!strcmp(l->type, "epoch")) {
		l->kind = FP_LINE_EPOCH;
		if (strlen(l->owner) >= 128)
			return "an owner that is too long";
	} else if (!strcmp(l->type, "state")) {
		l->kind = FP_LINE_STATE;
		if (!fits(l->state, sizeof(((struct fp_job_head *)0)->state)))
			return "no state";
	} else if (!strcmp(l->type, "plan")) {
		l->kind = FP_LINE_PLAN;
		if (!*l->plan)
			return "no plan";
	} else if (!strcmp(l->type, "job")) {
		l->kind = FP_LINE_JOB;
		if (!is_head(l))
			return "no job";
	}
	return NULL;
}

int fp_journal_line_parse(struct fp_journal_line *out, struct fp_buf *text,
			  const char *s, size_t n, struct fp_err *e)
{
	struct fp_jscan scan = { .at = s, .end = s + n };
	const char *what;

	*out = (struct fp_journal_line){
		.type = "",
		.at = "",
		.item = "",
		.state = "",
		.detail = "",
		.plan = "",
		.owner = "",
		.id = "",
		.tool = "",
		.verb = "",
		.node = "",
		.by = "",
	};
	text->len = 0;
	/* what is read is never longer than what it was read from, its quotes or
	 * its comma are the NUL: the room does not move */
	if (!fp_buf_room(text, n + 2))
		return fp_err(e, -ENOMEM, "out of memory");
	if (!members(out, &scan, text))
		return fp_err(e, -EBADMSG, "no JSON object of ours");
	while (scan.at < scan.end && strchr(" \t\r", *scan.at) && *scan.at)
		scan.at++;
	if (scan.at != scan.end)
		return fp_err(e, -EBADMSG, "more than a JSON object");
	what = lacks(out);
	if (what)
		return fp_err(e, -EBADMSG, "%s", what);
	if (out->kind == FP_LINE_JOB && out->version != FP_JOURNAL_VERSION)
		return fp_err(e, -EPROTO,
			      "written by another fastpath (version %lld, this "
			      "one knows %d)",
			      (long long)out->version, FP_JOURNAL_VERSION);
	if (out->kind != FP_LINE_OTHER &&
	    !fp_time_parse(&out->at_s, out->at, strlen(out->at)))
		return fp_err(e, -EBADMSG, "no time in it");
	return 0;
}

/* ---- writing */

static void text_member(struct fp_buf *to, const char *key, const char *s)
{
	fp_buf_add(to, ",\"", 2);
	fp_buf_str_add(to, key);
	fp_buf_add(to, "\":", 2);
	fp_journal_string(to, s);
}

static void begin(struct fp_buf *to, const char *type, int64_t at_s)
{
	char at[FP_TIME_LEN];

	fp_time_print(at_s < 1 ? 1 : at_s, at);
	fp_buf_str_add(to, "{\"type\":\"");
	fp_buf_str_add(to, type);
	fp_buf_str_add(to, "\",\"at\":\"");
	fp_buf_add(to, at, sizeof(at));
	fp_buf_add(to, "\"", 1);
}

static void object_member(struct fp_buf *to, const char *key, const char *s)
{
	fp_buf_add(to, ",\"", 2);
	fp_buf_str_add(to, key);
	fp_buf_add(to, "\":", 2);
	fp_buf_str_add(to, s);
}

static void end(struct fp_buf *to)
{
	fp_buf_add(to, "}\n", 2);
}

void fp_journal_line_job(struct fp_buf *to, const struct fp_job_head *h,
			 const char *plan)
{
	begin(to, "job", h->started_s);
	fp_buf_printf(to, ",\"version\":%d", FP_JOURNAL_VERSION);
	text_member(to, "id", h->id);
	text_member(to, "tool", h->tool);
	text_member(to, "verb", h->verb);
	text_member(to, "node", h->node);
	text_member(to, "by", h->by);
	text_member(to, "owner", h->owner);
	object_member(to, "plan", plan);
	end(to);
}

void fp_journal_line_epoch(struct fp_buf *to, int64_t at_s, int64_t epoch,
			   const char *owner, bool is_alone, bool is_known)
{
	begin(to, "epoch", at_s);
	fp_buf_printf(to, ",\"epoch\":%lld", (long long)epoch);
	text_member(to, "owner", owner);
	if (is_alone)
		fp_buf_str_add(to, ",\"alone\":true");
	if (is_known)
		fp_buf_str_add(to, ",\"known\":true");
	end(to);
}

void fp_journal_line_item(struct fp_buf *to, int64_t at_s, const char *item,
			  const char *state, const char *detail)
{
	begin(to, "item", at_s);
	text_member(to, "item", item);
	text_member(to, "state", state);
	if (*detail && strcmp(detail, "{}"))
		object_member(to, "detail", detail);
	end(to);
}

void fp_journal_line_plan(struct fp_buf *to, int64_t at_s, const char *plan)
{
	begin(to, "plan", at_s);
	object_member(to, "plan", plan);
	end(to);
}

void fp_journal_line_state(struct fp_buf *to, int64_t at_s, const char *state)
{
	begin(to, "state", at_s);
	text_member(to, "state", state);
	end(to);
}

/* ---- items */

void fp_journal_item_encode(struct fp_buf *to, const char *item)
{
	while (*item) {
		size_t n = *item == '\\' ? 0 : fp_utf8_len(item);

		if (n)
			fp_buf_add(to, item, n);
		else
			fp_buf_printf(to, "\\x%02x", (unsigned char)*item);
		item += n ? n : 1;
	}
	fp_buf_add(to, "", 1);
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

void fp_journal_item_decode(char *item)
{
	char *to = item;

	for (const char *s = item; *s;) {
		int high = s[0] == '\\' && s[1] == 'x' ? hex(s[2]) : -1;
		int low = high >= 0 ? hex(s[3]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

void fp_journal_clean(char *to, size_t size, const char *s)
{
	size_t at = 0;

	while (*s) {
		size_t n = (unsigned char)*s < ' ' ? 0 : fp_utf8_len(s);

		if (at + (n ? n : 1) >= size)
			break;
		memcpy(to + at, n ? s : "?", n ? n : 1);
		at += n ? n : 1;
		s += n ? n : 1;
	}
	to[at] = 0;
}

bool fp_journal_is_id(const char *id)
{
	size_t n = 0;

	for (; id[n]; n++)
		if (!(id[n] >= 'a' && id[n] <= 'z') &&
		    !(id[n] >= 'A' && id[n] <= 'Z') &&
		    !(id[n] >= '0' && id[n] <= '9') &&
		    !(n && (id[n] == '-' || id[n] == '.' || id[n] == '_')))
			return false;
	return n && n < sizeof(((struct fp_job_head *)0)->id);
}
