/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <cjson/cJSON.h>

#include "base/time.h"
#include "model/event_priv.h"
#include "model/list_word.h"

#define FOR_MAX_S (100ll * 366 * 86400)

/* Members that mean something; others are somebody else's. */
enum key { IP, PREFIX, FOR, TTL, UNTIL, WHY, REASON, BY, ACTION, N_KEYS };
static const char *const keys[N_KEYS] = { "ip",     "prefix", "for",
					  "ttl",    "until",  "why",
					  "reason", "by",     "action" };

static int bad(struct fp_err *e, const char *key, const char *why)
{
	char word[FP_WORD_SIZE];

	return fp_err(e, -EINVAL, "\"%s\": %s", fp_word(word, key, strlen(key)),
		      why);
}

/* ---- one ban */

/* The members by key.  One that comes twice may mean another thing to another
 * reader, so that it means nothing here; but names that are none of ours may
 * come as often as they like: OpenSIPS' MI raise_event calls every one "". */
static int members(const cJSON *o, const cJSON *at[N_KEYS], struct fp_err *e)
{
	const cJSON *m;

	memset(at, 0, N_KEYS * sizeof(*at));
	cJSON_ArrayForEach(m, o) for (int k = 0; k < N_KEYS; k++)
	{
		if (strcmp(m->string, keys[k]))
			continue;
		if (at[k])
			return bad(e, keys[k], "comes twice");
		at[k] = m;
	}
	return 0;
}

/* Two members that say the same thing. */
static int either(const cJSON *const at[N_KEYS], enum key a, enum key b,
		  struct fp_err *e)
{
	if (at[a] && at[b])
		return fp_err(e, -EINVAL, "\"%s\" and \"%s\": only one of them",
			      keys[a], keys[b]);
	return 0;
}

static int address(struct fp_event_ban *ban, const cJSON *const at[N_KEYS],
		   struct fp_err *e)
{
	enum key k = at[IP] ? IP : PREFIX;
	int r = either(at, IP, PREFIX, e);

	if (r)
		return r;
	if (!at[k])
		return fp_err(e, -EINVAL, "no \"ip\" in it");
	if (!cJSON_IsString(at[k]))
		return bad(e, keys[k], "not a string");
	r = fp_prefix_parse(&ban->p, at[k]->valuestring,
			    strlen(at[k]->valuestring), e);
	if (r)
		return fp_err_prefix(e, r, "\"%s\"", keys[k]);
	if (k == IP && !fp_prefix_is_host(&ban->p))
		return bad(e, keys[k], "a prefix, not an address");
	return 0;
}

/* An integer, from 1 to max.  JSON has no other limit than a double's. */
static bool whole(const cJSON *v, int64_t max, int64_t *out)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 1) ||
	    !(v->valuedouble <= (double)max) ||
	    v->valuedouble != (double)(int64_t)v->valuedouble)
		return false;
	*out = (int64_t)v->valuedouble;
	return true;
}

/* "90s", "15m", "1h", "1d" */
static bool duration(const char *s, int64_t *out)
{
	static const char units[] = "smhd";
	static const int64_t unit_s[] = { 1, 60, 3600, 86400 };
	const char *unit;
	int64_t n = 0;

	for (; *s >= '0' && *s <= '9' && n <= FOR_MAX_S; s++)
		n = n * 10 + *s - '0';
	unit = *s ? strchr(units, *s) : NULL;
	if (!n || n > FOR_MAX_S || !unit || s[1])
		return false;
	*out = n * unit_s[unit - units];
	return *out <= FOR_MAX_S;
}

static int times(struct fp_event_ban *ban, const cJSON *const at[N_KEYS],
		 struct fp_err *e)
{
	enum key k = at[FOR] ? FOR : TTL;
	const cJSON *until = at[UNTIL];
	int r = either(at, FOR, TTL, e);

	if (!r)
		r = either(at, k, UNTIL, e);
	if (r)
		return r;
	if (until && !whole(until, FP_TIME_MAX_S, &ban->until_s) &&
	    !(cJSON_IsString(until) &&
	      fp_time_parse(&ban->until_s, until->valuestring,
			    strlen(until->valuestring))))
		return bad(e, keys[UNTIL],
			   "neither a time like 2026-01-02T03:04:05Z nor unix "
			   "seconds");
	if (at[k] && !whole(at[k], FOR_MAX_S, &ban->for_s) &&
	    !(cJSON_IsString(at[k]) &&
	      duration(at[k]->valuestring, &ban->for_s)))
		return bad(e, keys[k],
			   "neither seconds nor a text like 90s, 15m, 1h");
	return 0;
}

static int action(struct fp_event_ban *ban, const cJSON *v, struct fp_err *e)
{
	const char *s = v && cJSON_IsString(v) ? v->valuestring : "";

	if (v && strcmp(s, "add") && strcmp(s, "del"))
		return bad(e, keys[ACTION], "neither \"add\" nor \"del\"");
	ban->is_del = !strcmp(s, "del");
	return 0;
}

/* Of these the first that is a text. */
static void text(char *to, size_t size, const cJSON *a, const cJSON *b,
		 const cJSON *c)
{
	const cJSON *v = cJSON_IsString(a)   ? a
			 : cJSON_IsString(b) ? b
			 : cJSON_IsString(c) ? c
					     : NULL;

	if (v)
		fp_event_text(to, size, v->valuestring, strlen(v->valuestring));
}

/* A JSON-RPC notification's event is what is in its params, and its method the
 * reason unless they say another.  Source: JSON-RPC 2.0, 4; captured from
 * OpenSIPS 3.6. */
static int object(struct fp_event_body *ev, const cJSON *o, struct fp_err *e)
{
	const cJSON *method = NULL, *at[N_KEYS];
	struct fp_event_ban *ban;
	int r = 0;

	if (!cJSON_IsObject(o))
		return fp_err(e, -EINVAL, "not an object");
	if (cJSON_GetObjectItemCaseSensitive(o, "jsonrpc")) {
		method = cJSON_GetObjectItemCaseSensitive(o, "method");
		o = cJSON_GetObjectItemCaseSensitive(o, "params");
		if (!cJSON_IsString(method) || !cJSON_IsObject(o))
			return fp_err(e, -EINVAL,
				      "no notification: \"method\" is no text, "
				      "or \"params\" is no object");
	}
	ban = fp_event_more(ev, &r, e);
	if (!ban)
		return r;
	r = members(o, at, e);
	if (!r)
		r = address(ban, at, e);
	if (!r)
		r = times(ban, at, e);
	if (!r)
		r = action(ban, at[ACTION], e);
	if (r)
		return r;
	text(ban->why, sizeof(ban->why), at[WHY], at[REASON], method);
	text(ban->by, sizeof(ban->by), at[BY], NULL, NULL);
	return 0;
}

/* ---- the body */

/* cJSON recurses, and reads \u0000 as the end of a string. */
static int scan(const char *s, size_t n, struct fp_err *e)
{
	bool is_text = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_text && s[i] == '\\') {
			if (n - i >= 6 && !memcmp(s + i, "\\u0000", 6))
				return fp_err(e, -EINVAL, "a NUL in the text");
			i++;
		} else if (s[i] == '"') {
			is_text = !is_text;
		} else if (!is_text && (s[i] == '{' || s[i] == '[')) {
			if (++depth > FP_EVENT_DEPTH_MAX)
				return fp_err(e, -E2BIG,
					      "nested deeper than %d",
					      FP_EVENT_DEPTH_MAX);
		} else if (!is_text && (s[i] == '}' || s[i] == ']')) {
			depth--;
		}
	}
	return 0;
}

static int array(struct fp_event_body *ev, const cJSON *v, struct fp_err *e)
{
	const cJSON *o;
	size_t no = 0;
	int r;

	cJSON_ArrayForEach(o, v)
	{
		no++;
		r = object(ev, o, e);
		if (r == -EINVAL)
			fp_err_prefix(e, r, "entry %zu", no);
		if (r)
			return r;
	}
	return 0;
}

int fp_event_json(struct fp_event_body *ev, const char *body, size_t n,
		  struct fp_err *e)
{
	const char *end = body;
	cJSON *v;
	int r = scan(body, n, e);

	if (r)
		return r;
	v = cJSON_ParseWithLengthOpts(body, n, &end, false);
	if (!v)
		return fp_err(e, -EINVAL, "byte %zu: not JSON",
			      (size_t)(end - body) + 1);
	while (end < body + n && strchr(" \t\r\n", *end))
		end++;
	if (end < body + n)
		r = fp_err(e, -EINVAL, "byte %zu: text after the JSON",
			   (size_t)(end - body) + 1);
	else
		r = cJSON_IsArray(v) ? array(ev, v, e) : object(ev, v, e);
	cJSON_Delete(v);
	return r;
}
