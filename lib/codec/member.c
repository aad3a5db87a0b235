/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/member.h"

#include <cjson/cJSON.h>

#include "base/json.h"

#define DEPTH_MAX 8
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

/* ---- reading */

const char *fp_member_text(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(v) ? v->valuestring : "";
}

int64_t fp_member_number(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) && v->valuedouble > 0 &&
			       v->valuedouble <= EXACT_MAX
		       ? (int64_t)v->valuedouble
		       : 0;
}

bool fp_member_is_true(const cJSON *o, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, key));
}

int fp_member_object(cJSON **out, const char *s, size_t n, size_t size_max,
		     size_t values_max, const char *what, struct fp_err *e)
{
	cJSON *o;

	if (n > size_max || !fp_json_is_bounded(s, n, DEPTH_MAX, values_max))
		return fp_err(e, -EBADMSG, "%s that is too big", what);
	o = cJSON_ParseWithLength(s, n);
	if (!cJSON_IsObject(o)) {
		cJSON_Delete(o);
		return fp_err(e, -EBADMSG, "%s that is no JSON object", what);
	}
	*out = o;
	return 0;
}

/* ---- writing */

void fp_member_put_text(struct fp_buf *to, const char *key, const char *s)
{
	if (!s || !*s)
		return;
	fp_buf_printf(to, ",\"%s\":", key);
	fp_json_str_add(to, s);
}

void fp_member_put_number(struct fp_buf *to, const char *key, int64_t v)
{
	if (v)
		fp_buf_printf(to, ",\"%s\":%lld", key, (long long)v);
}

void fp_member_put_true(struct fp_buf *to, const char *key, bool is)
{
	if (is)
		fp_buf_printf(to, ",\"%s\":true", key);
}

void fp_member_put_texts(struct fp_buf *to, const char *key,
			 const char *const *v, size_t n)
{
	fp_buf_printf(to, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			fp_buf_str_add(to, ",");
		fp_json_str_add(to, v[i]);
	}
	fp_buf_str_add(to, "]");
}
