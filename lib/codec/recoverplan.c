/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "codec/member.h"
#include "codec/recoverplan.h"

#define SIZE_MAX_BYTES (1u << 20)
#define VALUES_MAX 10000
#define WEIGHT_MAX 1e6

/* ---- writing */

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

void fp_recoverplan_write(struct fp_buf *to, const struct fp_recoverplan *p)
{
	fp_buf_str_add(to, "{\"kind\":");
	fp_json_str_add(to, p->kind);
	fp_member_put_text(to, "verb", p->verb);
	fp_member_put_text(to, "from", p->from);
	fp_member_put_text(to, "hostname", p->hostname);
	fp_member_put_text(to, "staging", p->staging);
	fp_member_put_texts(to, "runs", p->runs, p->n_runs);
	put_targets(to, p);
	fp_member_put_true(to, "auto", p->is_auto);
	fp_member_put_text(to, "why", p->why);
	fp_member_put_text(to, "by", p->by);
	fp_member_put_text(to, "orphans", p->orphans);
	fp_member_put_true(to, "one_leg_all", p->is_one_leg_all);
	fp_member_put_text(to, "uuid", p->uuid);
	fp_member_put_text(to, "room", p->room);
	fp_member_put_true(to, "member_alone", p->is_member_alone);
	fp_member_put_text(to, "from_db", p->from_db);
	fp_member_put_number(to, "at_s", p->at_s);
	fp_member_put_number(to, "dead_s", p->dead_s);
	fp_member_put_number(to, "batch", p->batch);
	fp_member_put_number(to, "prove_ms", p->prove_ms);
	fp_buf_str_add(to, "}");
}

/* ---- reading */

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

		to->node = fp_member_text(t, "node");
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

	p->kind = fp_member_text(o, "kind");
	p->verb = fp_member_text(o, "verb");
	p->from = fp_member_text(o, "from");
	p->hostname = fp_member_text(o, "hostname");
	p->staging = fp_member_text(o, "staging");
	p->is_auto = fp_member_is_true(o, "auto");
	p->why = fp_member_text(o, "why");
	p->by = fp_member_text(o, "by");
	p->orphans = fp_member_text(o, "orphans");
	p->is_one_leg_all = fp_member_is_true(o, "one_leg_all");
	p->uuid = fp_member_text(o, "uuid");
	p->room = fp_member_text(o, "room");
	p->is_member_alone = fp_member_is_true(o, "member_alone");
	p->from_db = fp_member_text(o, "from_db");
	p->at_s = fp_member_number(o, "at_s");
	p->dead_s = fp_member_number(o, "dead_s");
	p->batch = fp_member_number(o, "batch");
	p->prove_ms = fp_member_number(o, "prove_ms");
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
	int r = fp_member_object(&p.root, s, n, SIZE_MAX_BYTES, VALUES_MAX,
				 "a plan", e);

	if (r)
		return r;
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
