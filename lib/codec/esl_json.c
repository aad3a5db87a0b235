/* SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "codec/esl.h"

/* The member that path names; cJSON bounds the depth of what it parses. */
static const cJSON *walk(const cJSON *at, const char *path)
{
	while (at && *path) {
		size_t n = strcspn(path, ".");
		char name[64];

		if (n >= sizeof(name) || !cJSON_IsObject(at))
			return NULL;
		memcpy(name, path, n);
		name[n] = 0;
		at = cJSON_GetObjectItemCaseSensitive(at, name);
		path += n + (path[n] == '.');
	}
	return at;
}

double fp_esl_json_number(const char *body, const char *path)
{
	cJSON *json = cJSON_Parse(body);
	const cJSON *at = walk(json, path);
	double v = cJSON_IsNumber(at) ? at->valuedouble : NAN;

	cJSON_Delete(json);
	return v;
}

bool fp_esl_json_text(const char *body, const char *path, char *out,
		      size_t size)
{
	cJSON *json = cJSON_Parse(body);
	const cJSON *at = walk(json, path);
	bool is_there = cJSON_IsString(at) && strlen(at->valuestring) < size;

	if (is_there)
		strcpy(out, at->valuestring);
	cJSON_Delete(json);
	return is_there;
}
