/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/records.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/time.h"
#include "codec/member.h"

#define INTERVAL_MAX_S 86400

static void copy(char *to, size_t size, const cJSON *o, const char *key)
{
	snprintf(to, size, "%s", fp_member_text(o, key));
	/* it goes into records and logs, where a line is a line */
	for (; *to; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			*to = '?';
}

static int64_t interval_ms(const cJSON *o)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(o, "interval_s");
	const cJSON *ms = cJSON_GetObjectItemCaseSensitive(o, "interval_ms");
	double v = cJSON_IsNumber(ms)  ? ms->valuedouble
		   : cJSON_IsNumber(s) ? s->valuedouble * 1000
				       : 0;

	return v >= 1 && v <= INTERVAL_MAX_S * 1000.0 ? (int64_t)v : 0;
}

static enum fp_record_kind kind_of(const char *type)
{
	return !strcmp(type, "transition") ? FP_RECORD_TRANSITION
	       : !strcmp(type, "alive")    ? FP_RECORD_ALIVE
	       : !strcmp(type, "restart")  ? FP_RECORD_RESTART
	       : !strcmp(type, "gone")     ? FP_RECORD_GONE
					   : FP_RECORD_OTHER;
}

static int read_object(struct fp_record *out, const cJSON *o, struct fp_err *e)
{
	const cJSON *takes = cJSON_GetObjectItemCaseSensitive(o, "takes_calls");
	const char *at = fp_member_text(o, "at");

	if (!cJSON_IsObject(o))
		return fp_err(e, -EBADMSG, "no JSON object");
	if (!*fp_member_text(o, "type"))
		return fp_err(e, -EBADMSG, "no \"type\" in it");
	out->kind = kind_of(fp_member_text(o, "type"));
	copy(out->node, sizeof(out->node), o, "node");
	copy(out->check, sizeof(out->check), o, "check");
	copy(out->to, sizeof(out->to), o, "to");
	copy(out->detail, sizeof(out->detail), o, "detail");
	copy(out->observer, sizeof(out->observer), o, "observer");
	if (!fp_time_parse(&out->at_s, at, strlen(at)))
		out->at_s = 0;
	out->interval_ms = interval_ms(o);
	out->is_refusing = cJSON_IsFalse(takes);
	if (out->kind != FP_RECORD_TRANSITION)
		return 0;
	if (!*out->to)
		return fp_err(e, -EBADMSG, "a transition without \"to\"");
	return 0;
}

int fp_record_parse(struct fp_record *out, const char *s, size_t n,
		    struct fp_err *e)
{
	struct fp_record rec = { .kind = FP_RECORD_OTHER };
	cJSON *o;
	int r;

	if (n > FP_RECORD_MAX)
		return fp_err(e, -EBADMSG, "longer than %d bytes",
			      FP_RECORD_MAX);
	o = cJSON_ParseWithLength(s, n);
	r = o ? read_object(&rec, o, e) : fp_err(e, -EBADMSG, "no JSON");
	cJSON_Delete(o);
	if (!r)
		*out = rec;
	return r;
}
