/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "base/time.h"
#include "base/utf8.h"
#include "codec/jobline.h"
#include "codec/member.h"

#define DEPTH_MAX 32
#define VALUES_MAX 1000000
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

#define N_TYPES (sizeof(types) / sizeof(*types))
static const char *const types[] = {
	[FP_JOBLINE_JOB] = "job",     [FP_JOBLINE_EPOCH] = "epoch",
	[FP_JOBLINE_ITEM] = "item",   [FP_JOBLINE_PLAN] = "plan",
	[FP_JOBLINE_STATE] = "state",
};

#define AT(member) offsetof(struct fp_jobline, member)
static const struct {
	const char *key;
	size_t at;
} texts[] = {
	{ "id", AT(id) },     { "tool", AT(tool) },   { "verb", AT(verb) },
	{ "node", AT(node) }, { "by", AT(by) },       { "owner", AT(owner) },
	{ "item", AT(item) }, { "state", AT(state) },
};
#define N_TEXTS (sizeof(texts) / sizeof(*texts))

static const char **text_of(struct fp_jobline *l, size_t i)
{
	return (const char **)(void *)((char *)l + texts[i].at);
}

/* ---- objects */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* NULL: it is no object.  cJSON takes NUL for a space (and power loss leaves NULs),
 * does not mind what is behind a value, and reads past a text that ends in ','
 * (1.7.18 does not). */
static cJSON *parse(const char *s, size_t n)
{
	const char *end;
	cJSON *o;

	while (n && is_space(s[n - 1]))
		n--;
	if (!n || n > FP_JOBLINE_MAX || s[n - 1] != '}' || memchr(s, 0, n) ||
	    !fp_json_is_bounded(s, n, DEPTH_MAX, VALUES_MAX))
		return NULL;
	o = cJSON_ParseWithLengthOpts(s, n, &end, false);
	if (cJSON_IsObject(o) && end == s + n)
		return o;
	cJSON_Delete(o);
	return NULL;
}

static void put_number(struct fp_buf *to, double v)
{
	char text[32] = "null"; /* what JSON has no number for */

	if (fabs(v) <= EXACT_MAX && v == floor(v))
		snprintf(text, sizeof(text), "%.0f", v);
	else if (isfinite(v))
		snprintf(text, sizeof(text), "%.15g", v);
	if (isfinite(v) && strtod(text, NULL) != v)
		snprintf(text, sizeof(text), "%.17g", v);
	fp_buf_str_add(to, text);
}

static void put_value(struct fp_buf *to, const cJSON *v)
{
	const cJSON *in;
	bool is_object = cJSON_IsObject(v);

	if (cJSON_IsString(v)) {
		fp_json_str_add(to, v->valuestring);
	} else if (cJSON_IsNumber(v)) {
		put_number(to, v->valuedouble);
	} else if (is_object || cJSON_IsArray(v)) {
		fp_buf_add(to, is_object ? "{" : "[", 1);
		cJSON_ArrayForEach(in, v)
		{
			if (in != v->child)
				fp_buf_add(to, ",", 1);
			if (is_object) {
				fp_json_str_add(to, in->string);
				fp_buf_add(to, ":", 1);
			}
			put_value(to, in);
		}
		fp_buf_add(to, is_object ? "}" : "]", 1);
	} else {
		fp_buf_str_add(to, cJSON_IsTrue(v)    ? "true"
				   : cJSON_IsFalse(v) ? "false"
						      : "null");
	}
}

static int put_object(struct fp_buf *to, const cJSON *o)
{
	size_t before = to->len;

	put_value(to, o);
	if (to->is_failed)
		return -ENOMEM;
	if (to->len - before <= FP_JOBLINE_OBJECT_MAX)
		return 0;
	to->len = before;
	return -EBADMSG;
}

int fp_jobline_object(struct fp_buf *to, const char *s, size_t n)
{
	cJSON *o = parse(s, n);
	int r = o ? put_object(to, o) : -EBADMSG;

	cJSON_Delete(o);
	return r;
}

/* ---- reading */

/* Not there: 0.  false: no whole number that is exact. */
static bool take_number(int64_t *out, const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*out = 0;
	if (!v)
		return true;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) ||
	    v->valuedouble > EXACT_MAX ||
	    v->valuedouble != floor(v->valuedouble))
		return false;
	*out = (int64_t)v->valuedouble;
	return true;
}

static bool take_flag(bool *out, const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*out = cJSON_IsTrue(v);
	return !v || cJSON_IsBool(v);
}

/* Not there: "".  false: no object, or no memory for it (text.is_failed). */
static bool take_object(const char **out, struct fp_jobline *l, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(l->root, key);

	if (v && (!cJSON_IsObject(v) || put_object(&l->text, v)))
		return false;
	*out = fp_buf_str(&l->text);
	return *out != NULL;
}

/* What its type has to say and it does not; NULL: nothing. */
static const char *lacks(struct fp_jobline *l, int64_t *version)
{
	switch (l->kind) {
	case FP_JOBLINE_JOB:
		if (!take_number(version, l->root, "version"))
			return "no version";
		if (!*l->id || !*l->tool || !*l->verb)
			return "no job";
		return take_object(&l->plan, l, "plan") && *l->plan ? NULL
								    : "no job";
	case FP_JOBLINE_EPOCH:
		return take_number(&l->epoch, l->root, "epoch") &&
				       take_flag(&l->is_alone, l->root,
						 "alone") &&
				       take_flag(&l->is_known, l->root, "known")
			       ? NULL
			       : "no epoch";
	case FP_JOBLINE_ITEM:
		if (!*l->item || !*l->state)
			return "no item, or no state of one";
		return take_object(&l->detail, l, "detail") ? NULL
							    : "a bad detail";
	case FP_JOBLINE_PLAN:
		return take_object(&l->plan, l, "plan") && *l->plan ? NULL
								    : "no plan";
	case FP_JOBLINE_STATE:
		return *l->state ? NULL : "no state";
	default:
		return NULL;
	}
}

static enum fp_jobline_kind kind_of(const char *type)
{
	for (size_t i = FP_JOBLINE_JOB; i < N_TYPES; i++)
		if (!strcmp(types[i], type))
			return (enum fp_jobline_kind)i;
	return FP_JOBLINE_OTHER;
}

static int take(struct fp_jobline *l, struct fp_err *e)
{
	const char *at = fp_member_text(l->root, "at"),
		   *type = fp_member_text(l->root, "type");
	int64_t version = FP_JOBLINE_VERSION;
	const char *what;

	l->kind = kind_of(type);
	l->detail = l->plan = "";
	for (size_t i = 0; i < N_TEXTS; i++)
		*text_of(l, i) = fp_member_text(l->root, texts[i].key);
	what = *type ? lacks(l, &version) : "no \"type\" in it";
	if (l->text.is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	if (version != FP_JOBLINE_VERSION)
		return fp_err(e, -EPROTO,
			      "written by another fastpath (version %lld, this "
			      "one knows %d)",
			      (long long)version, FP_JOBLINE_VERSION);
	if (!what && l->kind != FP_JOBLINE_OTHER &&
	    !fp_time_parse(&l->at_s, at, strlen(at)))
		what = "no time in it";
	return what ? fp_err(e, -EBADMSG, "%s", what) : 0;
}

int fp_jobline_parse(struct fp_jobline *out, const char *s, size_t n,
		     struct fp_err *e)
{
	struct fp_jobline l = { .root = parse(s, n) };
	int r = l.root ? take(&l, e)
		       : fp_err(e, -EBADMSG, "no JSON object of ours");

	if (r)
		fp_jobline_fini(&l);
	else
		*out = l;
	return r;
}

void fp_jobline_fini(struct fp_jobline *l)
{
	cJSON_Delete(l->root);
	fp_buf_fini(&l->text);
	*l = (struct fp_jobline){ .root = NULL };
}

/* ---- writing */

static void put_key(struct fp_buf *to, const char *key)
{
	fp_buf_add(to, ",\"", 2);
	fp_buf_str_add(to, key);
	fp_buf_add(to, "\":", 2);
}

static void put_as_is(struct fp_buf *to, const char *key, const char *object)
{
	if (!object || !*object)
		return;
	put_key(to, key);
	fp_buf_str_add(to, object);
}

void fp_jobline_write(struct fp_buf *to, const struct fp_jobline *l)
{
	char at[FP_TIME_LEN];

	fp_time_print(l->at_s < 1 ? 1 : l->at_s, at);
	fp_buf_printf(to, "{\"type\":\"%s\",\"at\":\"%.*s\"", types[l->kind],
		      FP_TIME_LEN, at);
	if (l->kind == FP_JOBLINE_JOB)
		fp_buf_printf(to, ",\"version\":%d", FP_JOBLINE_VERSION);
	for (size_t i = 0; i < N_TEXTS; i++) {
		const char *s = *text_of((struct fp_jobline *)l, i);

		if (!s || !*s)
			continue;
		put_key(to, texts[i].key);
		fp_json_str_add(to, s);
	}
	if (l->kind == FP_JOBLINE_EPOCH)
		fp_buf_printf(to, ",\"epoch\":%lld", (long long)l->epoch);
	if (l->is_alone)
		fp_buf_str_add(to, ",\"alone\":true");
	if (l->is_known)
		fp_buf_str_add(to, ",\"known\":true");
	put_as_is(to, "detail", l->detail);
	put_as_is(to, "plan", l->plan);
	fp_buf_add(to, "}\n", 2);
}

/* ---- items */

void fp_jobline_item_encode(struct fp_buf *to, const char *item)
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

void fp_jobline_item_decode(char *item)
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
