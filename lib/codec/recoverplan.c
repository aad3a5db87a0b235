/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "codec/recoverplan.h"

#define SIZE_MAX_BYTES (1u << 20)
#define DEPTH_MAX 8
#define VALUES_MAX 10000
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */
#define WEIGHT_MAX 1e6

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

static void put_true(struct fp_buf *to, const char *key, bool is)
{
	if (is)
		fp_buf_printf(to, ",\"%s\":true", key);
}

static bool is_weight(double v)
{
	return isfinite(v) && v >= 0 && v <= WEIGHT_MAX;
}

static void put_targets(struct fp_buf *to, const struct fp_recoverplan *p)
{
	fp_buf_str_add(to, ",\"to\":[");
	for (size_t i = 0; i < p->n_to; i++) {
		const struct fp_recoverplan_target *t = &p->to[i];

		fp_buf_str_add(to, i ? ",{\"node\":" : "{\"node\":");
		fp_json_str_add(to, t->node);
		if (t->weight != 1 && is_weight(t->weight))
			fp_buf_printf(to, ",\"weight\":%.9g", t->weight);
		fp_buf_str_add(to, "}");
	}
	fp_buf_str_add(to, "]");
}

static void put_runs(struct fp_buf *to, const struct fp_recoverplan *p)
{
	fp_buf_str_add(to, ",\"runs\":[");
	for (size_t i = 0; i < p->n_runs; i++) {
		if (i)
			fp_buf_str_add(to, ",");
		fp_json_str_add(to, p->runs[i]);
	}
	fp_buf_str_add(to, "]");
}

void fp_recoverplan_write(struct fp_buf *to, const struct fp_recoverplan *p)
{
	fp_buf_str_add(to, "{\"kind\":");
	fp_json_str_add(to, p->kind);
	put_text(to, "verb", p->verb);
	put_text(to, "from", p->from);
	put_text(to, "hostname", p->hostname);
	put_text(to, "staging", p->staging);
	put_runs(to, p);
	put_targets(to, p);
	put_true(to, "auto", p->is_auto);
	put_text(to, "why", p->why);
	put_text(to, "by", p->by);
	put_text(to, "orphans", p->orphans);
	put_true(to, "one_leg_all", p->is_one_leg_all);
	put_text(to, "uuid", p->uuid);
	put_text(to, "room", p->room);
	put_true(to, "member_alone", p->is_member_alone);
	put_text(to, "from_db", p->from_db);
	put_number(to, "at_s", p->at_s);
	put_number(to, "dead_s", p->dead_s);
	put_number(to, "batch", p->batch);
	put_number(to, "prove_ms", p->prove_ms);
	fp_buf_str_add(to, "}");
}

/* ---- reading */

static const char *text(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static int64_t number(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) && v->valuedouble > 0 &&
			       v->valuedouble <= EXACT_MAX
		       ? (int64_t)v->valuedouble
		       : 0;
}

static bool is_true(const cJSON *o, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static int take_runs(struct fp_recoverplan *p, struct fp_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(p->root, "runs"), *t;

	if (!cJSON_IsArray(v) || !cJSON_GetArraySize(v))
		return fp_err(e, -EBADMSG, "a plan without runs");
	p->runs = calloc((size_t)cJSON_GetArraySize(v), sizeof(*p->runs));
	if (!p->runs)
		return fp_err(e, -ENOMEM, "out of memory");
	cJSON_ArrayForEach(t, v)
	{
		if (!cJSON_IsString(t) || !*t->valuestring)
			return fp_err(e, -EBADMSG,
				      "a plan whose run %zu is no text",
				      p->n_runs + 1);
		p->runs[p->n_runs++] = t->valuestring;
	}
	return 0;
}

static double weight(const cJSON *o)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "weight");

	return cJSON_IsNumber(v) && is_weight(v->valuedouble) ? v->valuedouble
							      : 1;
}

static int take_targets(struct fp_recoverplan *p, struct fp_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(p->root, "to"), *t;

	if (!cJSON_IsArray(v) || !cJSON_GetArraySize(v))
		return fp_err(e, -EBADMSG, "a plan without targets");
	p->to = calloc((size_t)cJSON_GetArraySize(v), sizeof(*p->to));
	if (!p->to)
		return fp_err(e, -ENOMEM, "out of memory");
	cJSON_ArrayForEach(t, v)
	{
		struct fp_recoverplan_target *to = &p->to[p->n_to++];

		to->node = text(t, "node");
		to->weight = weight(t);
		if (!*to->node)
			return fp_err(e, -EBADMSG,
				      "a plan whose target %zu has no name",
				      p->n_to);
	}
	return 0;
}

static void take_rest(struct fp_recoverplan *p)
{
	const cJSON *o = p->root;

	p->kind = text(o, "kind");
	p->verb = text(o, "verb");
	p->from = text(o, "from");
	p->hostname = text(o, "hostname");
	p->staging = text(o, "staging");
	p->is_auto = is_true(o, "auto");
	p->why = text(o, "why");
	p->by = text(o, "by");
	p->orphans = text(o, "orphans");
	p->is_one_leg_all = is_true(o, "one_leg_all");
	p->uuid = text(o, "uuid");
	p->room = text(o, "room");
	p->is_member_alone = is_true(o, "member_alone");
	p->from_db = text(o, "from_db");
	p->at_s = number(o, "at_s");
	p->dead_s = number(o, "dead_s");
	p->batch = number(o, "batch");
	p->prove_ms = number(o, "prove_ms");
}

static int check(const struct fp_recoverplan *p, struct fp_err *e)
{
	if (!*p->kind)
		return fp_err(e, -EBADMSG, "a plan without its kind");
	if (!*p->from || !*p->hostname)
		return fp_err(e, -EBADMSG, "a plan without its node");
	return 0;
}

int fp_recoverplan_parse(struct fp_recoverplan *out, const char *s, size_t n,
			 struct fp_err *e)
{
	struct fp_recoverplan p = { .kind = "" };
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
	r = check(&p, e);
	if (!r)
		r = take_runs(&p, e);
	if (!r)
		r = take_targets(&p, e);
	if (r)
		fp_recoverplan_fini(&p);
	else
		*out = p;
	return r;
}

void fp_recoverplan_fini(struct fp_recoverplan *p)
{
	free(p->runs);
	free(p->to);
	cJSON_Delete(p->root);
	*p = (struct fp_recoverplan){ .root = NULL };
}
