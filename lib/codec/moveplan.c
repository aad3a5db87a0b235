/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "codec/moveplan.h"

#define SIZE_MAX_BYTES (16u << 20)
#define DEPTH_MAX 8
#define VALUES_MAX 1000000
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

/* ---- writing */

static void put_text(struct fp_buf *to, const char *key, const char *s)
{
	if (!s || !*s)
		return;
	fp_buf_printf(to, ",\"%s\":", key);
	fp_json_str_add(to, s);
}

static void put_number(struct fp_buf *to, const char *key, int64_t v)
{
	if (v)
		fp_buf_printf(to, ",\"%s\":%lld", key, (long long)v);
}

static void put_tags(struct fp_buf *to, const struct fp_moveplan *p)
{
	fp_buf_str_add(to, ",\"tags\":[");
	for (size_t i = 0; i < p->n_tags; i++) {
		const struct fp_moveplan_tag *t = &p->tag[i];

		fp_buf_str_add(to, i ? ",{\"tag\":" : "{\"tag\":");
		fp_json_str_add(to, t->tag);
		put_text(to, "from", t->from);
		put_text(to, "to", t->to);
		put_number(to, "calls", t->calls);
		fp_buf_str_add(to, "}");
	}
	fp_buf_str_add(to, "]");
}

static void put_calls(struct fp_buf *to, const struct fp_moveplan *p)
{
	if (!p->n_callids)
		return;
	fp_buf_str_add(to, ",\"callids\":[");
	for (size_t i = 0; i < p->n_callids; i++) {
		if (i)
			fp_buf_str_add(to, ",");
		fp_json_str_add(to, p->callids[i]);
	}
	fp_buf_str_add(to, "]");
}

void fp_moveplan_write(struct fp_buf *to, const struct fp_moveplan *p)
{
	fp_buf_str_add(to, "{\"kind\":");
	fp_json_str_add(to, p->kind);
	put_text(to, "verb", p->verb);
	put_text(to, "from", p->from);
	put_text(to, "why", p->why);
	put_text(to, "by", p->by);
	put_text(to, "body", p->body);
	put_text(to, "verify", p->verify);
	put_tags(to, p);
	put_calls(to, p);
	put_text(to, "from_uri", p->from_prefix);
	put_text(to, "to_uri", p->to_prefix);
	put_text(to, "media", p->media);
	put_number(to, "at_s", p->at_s);
	put_number(to, "older_s", p->older_s);
	put_number(to, "younger_s", p->younger_s);
	put_number(to, "count", p->count);
	put_number(to, "window", p->window);
	put_number(to, "retries", p->retries);
	put_number(to, "silent_retries", p->silent_retries);
	put_number(to, "call_timeout_ms", p->call_timeout_ms);
	if (isfinite(p->rate) && p->rate > 0)
		fp_buf_printf(to, ",\"rate\":%.6g", p->rate);
	fp_buf_str_add(to, "}");
}

/* ---- reading */

static const char *text(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static int whole(const cJSON *o, const char *key, int64_t *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (!cJSON_IsNumber(v) || !(fabs(v->valuedouble) <= EXACT_MAX))
		return -ENOENT;
	*out = (int64_t)v->valuedouble;
	return 0;
}

static int64_t number(const cJSON *o, const char *key)
{
	int64_t v = 0;

	whole(o, key, &v);
	return v < 0 ? 0 : v;
}

static int take_tags(struct fp_moveplan *p, struct fp_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(p->root, "tags"), *t;

	if (!cJSON_IsArray(v))
		return fp_err(e, -EBADMSG, "a plan without tags");
	p->tag = calloc((size_t)cJSON_GetArraySize(v) + 1, sizeof(*p->tag));
	if (!p->tag)
		return fp_err(e, -ENOMEM, "out of memory");
	cJSON_ArrayForEach(t, v)
	{
		struct fp_moveplan_tag *to = &p->tag[p->n_tags++];

		*to = (struct fp_moveplan_tag){ .tag = text(t, "tag"),
						.from = text(t, "from"),
						.to = text(t, "to"),
						.calls = number(t, "calls") };
		if (!*to->tag || !*to->to)
			return fp_err(e, -EBADMSG,
				      "a plan whose tag %zu has no name or "
				      "no target",
				      p->n_tags);
	}
	return 0;
}

static int take_calls(struct fp_moveplan *p, struct fp_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(p->root, "callids");
	const cJSON *t;

	if (!v)
		return 0;
	p->callids =
		calloc((size_t)cJSON_GetArraySize(v) + 1, sizeof(*p->callids));
	if (!p->callids)
		return fp_err(e, -ENOMEM, "out of memory");
	cJSON_ArrayForEach(t, v)
	{
		if (!cJSON_IsString(t))
			return fp_err(e, -EBADMSG,
				      "a plan with a call-id that is no text");
		p->callids[p->n_callids++] = t->valuestring;
	}
	return 0;
}

static void take_rest(struct fp_moveplan *p)
{
	const cJSON *rate = cJSON_GetObjectItemCaseSensitive(p->root, "rate");
	const cJSON *o = p->root;

	p->verb = text(o, "verb");
	p->kind = text(o, "kind");
	p->from = text(o, "from");
	p->why = text(o, "why");
	p->by = text(o, "by");
	p->body = text(o, "body");
	p->verify = text(o, "verify");
	p->from_prefix = text(o, "from_uri");
	p->to_prefix = text(o, "to_uri");
	p->media = text(o, "media");
	p->at_s = number(o, "at_s");
	p->older_s = number(o, "older_s");
	p->younger_s = number(o, "younger_s");
	p->count = number(o, "count");
	p->window = number(o, "window");
	p->retries = number(o, "retries");
	p->silent_retries = number(o, "silent_retries");
	p->call_timeout_ms = number(o, "call_timeout_ms");
	if (cJSON_IsNumber(rate) && isfinite(rate->valuedouble) &&
	    rate->valuedouble > 0)
		p->rate = rate->valuedouble;
}

int fp_moveplan_parse(struct fp_moveplan *out, const char *s, size_t n,
		      struct fp_err *e)
{
	struct fp_moveplan p = { .verb = "" };
	int r;

	if (n > SIZE_MAX_BYTES ||
	    !fp_json_is_bounded(s, n, DEPTH_MAX, VALUES_MAX))
		return fp_err(e, -EBADMSG, "a plan that is too big");
	p.root = cJSON_ParseWithLength(s, n);
	if (!cJSON_IsObject(p.root)) {
		cJSON_Delete(p.root);
		return fp_err(e, -EBADMSG, "a plan that is no JSON object");
	}
	take_rest(&p);
	r = *p.kind ? 0 : fp_err(e, -EBADMSG, "a plan without its kind");
	if (!r)
		r = take_tags(&p, e);
	if (!r)
		r = take_calls(&p, e);
	if (r)
		fp_moveplan_fini(&p);
	else
		*out = p;
	return r;
}

void fp_moveplan_fini(struct fp_moveplan *p)
{
	free(p->tag);
	free(p->callids);
	cJSON_Delete(p->root);
	*p = (struct fp_moveplan){ .root = NULL };
}

static cJSON *object(const char *json)
{
	size_t n = json ? strlen(json) : 0;

	return n && n < 65536 && fp_json_is_bounded(json, n, DEPTH_MAX, n)
		       ? cJSON_ParseWithLength(json, n)
		       : NULL;
}

int fp_moveplan_text(const char *json, const char *key, char *out, size_t size)
{
	cJSON *o = object(json);
	const char *s =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
	int r = s && strlen(s) < size ? 0 : -ENOENT;

	if (!r)
		strcpy(out, s);
	cJSON_Delete(o);
	return r;
}
