/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "codec/member.h"
#include "codec/moveplan.h"

#define SIZE_MAX_BYTES (16u << 20)
#define DEPTH_MAX 8
#define VALUES_MAX 1000000

/* ---- writing */

static void put_tags(struct fp_buf *to, const struct fp_moveplan *p)
{
	fp_buf_str_add(to, ",\"tags\":[");
	for (size_t i = 0; i < p->n_tags; i++) {
		const struct fp_moveplan_tag *t = &p->tag[i];

		fp_buf_str_add(to, i ? ",{\"tag\":" : "{\"tag\":");
		fp_json_str_add(to, t->tag);
		fp_member_put_text(to, "from", t->from);
		fp_member_put_text(to, "to", t->to);
		fp_member_put_number(to, "calls", t->calls);
		fp_buf_str_add(to, "}");
	}
	fp_buf_str_add(to, "]");
}

void fp_moveplan_write(struct fp_buf *to, const struct fp_moveplan *p)
{
	fp_buf_str_add(to, "{\"kind\":");
	fp_json_str_add(to, p->kind);
	fp_member_put_text(to, "verb", p->verb);
	fp_member_put_text(to, "from", p->from);
	fp_member_put_text(to, "why", p->why);
	fp_member_put_text(to, "by", p->by);
	fp_member_put_text(to, "body", p->body);
	fp_member_put_text(to, "verify", p->verify);
	put_tags(to, p);
	if (p->n_callids)
		fp_member_put_texts(to, "callids",
				    (const char *const *)p->callids,
				    p->n_callids);
	fp_member_put_text(to, "from_uri", p->from_prefix);
	fp_member_put_text(to, "to_uri", p->to_prefix);
	fp_member_put_text(to, "media", p->media);
	fp_member_put_number(to, "at_s", p->at_s);
	fp_member_put_number(to, "older_s", p->older_s);
	fp_member_put_number(to, "younger_s", p->younger_s);
	fp_member_put_number(to, "count", p->count);
	fp_member_put_number(to, "window", p->window);
	fp_member_put_number(to, "retries", p->retries);
	fp_member_put_number(to, "silent_retries", p->silent_retries);
	fp_member_put_number(to, "call_timeout_ms", p->call_timeout_ms);
	if (isfinite(p->rate) && p->rate > 0)
		fp_buf_printf(to, ",\"rate\":%.6g", p->rate);
	fp_buf_str_add(to, "}");
}

/* ---- reading */

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

		*to = (struct fp_moveplan_tag){
			.tag = fp_member_text(t, "tag"),
			.from = fp_member_text(t, "from"),
			.to = fp_member_text(t, "to"),
			.calls = fp_member_number(t, "calls")
		};
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

	p->verb = fp_member_text(o, "verb");
	p->kind = fp_member_text(o, "kind");
	p->from = fp_member_text(o, "from");
	p->why = fp_member_text(o, "why");
	p->by = fp_member_text(o, "by");
	p->body = fp_member_text(o, "body");
	p->verify = fp_member_text(o, "verify");
	p->from_prefix = fp_member_text(o, "from_uri");
	p->to_prefix = fp_member_text(o, "to_uri");
	p->media = fp_member_text(o, "media");
	p->at_s = fp_member_number(o, "at_s");
	p->older_s = fp_member_number(o, "older_s");
	p->younger_s = fp_member_number(o, "younger_s");
	p->count = fp_member_number(o, "count");
	p->window = fp_member_number(o, "window");
	p->retries = fp_member_number(o, "retries");
	p->silent_retries = fp_member_number(o, "silent_retries");
	p->call_timeout_ms = fp_member_number(o, "call_timeout_ms");
	if (cJSON_IsNumber(rate) && isfinite(rate->valuedouble) &&
	    rate->valuedouble > 0)
		p->rate = rate->valuedouble;
}

int fp_moveplan_parse(struct fp_moveplan *out, const char *s, size_t n,
		      struct fp_err *e)
{
	struct fp_moveplan p = { .verb = "" };
	int r = fp_member_object(&p.root, s, n, SIZE_MAX_BYTES, VALUES_MAX,
				 "a plan", e);

	if (r)
		return r;
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
