/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "codec/jsonrpc.h"

/* For fp_json_is_bounded: a reply of ten thousand
 * dialogs has 0.4 million values in 9 MB, six deep. */
#define DEPTH_MAX 32
#define VALUES_MAX 4000000
#define SIZE_MAX_BYTES (64u << 20)

/* ---- requests */

void fp_jsonrpc_string(struct fp_buf *to, const char *s)
{
	fp_json_bytes_add(to, s);
}

void fp_jsonrpc_request(struct fp_buf *to, const char *id, const char *method,
			const char *params)
{
	fp_buf_str_add(to, "{\"jsonrpc\":\"2.0\",\"id\":");
	fp_jsonrpc_string(to, id);
	fp_buf_str_add(to, ",\"method\":");
	fp_jsonrpc_string(to, method);
	if (params) {
		fp_buf_str_add(to, ",\"params\":");
		fp_buf_str_add(to, params);
	}
	fp_buf_str_add(to, "}");
}

/* ---- replies */

/* The start of what is no reply, for a message of one line. */
static const char *start(char out[64], const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < 60; i++)
		out[i] = s[i] >= ' ' && s[i] < 127 ? s[i] : '?';
	out[i] = 0;
	return out;
}

static int no_reply(struct fp_err *e, const char *why, const char *s, size_t n)
{
	char shown[64];

	if (!n)
		return fp_err(e, -EBADMSG, "%s: it is empty", why);
	return fp_err(e, -EBADMSG, "%s: \"%s%s\"", why, start(shown, s, n),
		      n > 60 ? "..." : "");
}

static void take_id(struct fp_jsonrpc *out, const cJSON *id)
{
	if (cJSON_IsString(id))
		snprintf(out->id, sizeof(out->id), "%s", id->valuestring);
	else if (cJSON_IsNumber(id))
		snprintf(out->id, sizeof(out->id), "%d", id->valueint);
}

/* {"code":-32602,"message":"Invalid params","data":"Named parameters ..."} */
static bool take_error(struct fp_jsonrpc *out, const cJSON *error)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(error, "message");
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(error, "data");
	bool is_more = cJSON_IsString(data) && *data->valuestring;

	if (!cJSON_IsNumber(code))
		return false;
	out->is_error = true;
	out->code = code->valueint;
	snprintf(out->message, sizeof(out->message), "%s%s%s",
		 cJSON_IsString(text) ? text->valuestring : "",
		 is_more ? ": " : "", is_more ? data->valuestring : "");
	for (char *p = out->message; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	return true;
}

static bool take(struct fp_jsonrpc *out)
{
	const cJSON *error;

	if (!cJSON_IsObject(out->root))
		return false;
	take_id(out, cJSON_GetObjectItemCaseSensitive(out->root, "id"));
	error = cJSON_GetObjectItemCaseSensitive(out->root, "error");
	if (error)
		return take_error(out, error);
	out->result = cJSON_GetObjectItemCaseSensitive(out->root, "result");
	return out->result != NULL;
}

int fp_jsonrpc_parse(struct fp_jsonrpc *out, const char *s, size_t n,
		     struct fp_err *e)
{
	struct fp_jsonrpc r = { 0 };
	const char *end = s;

	if (n > SIZE_MAX_BYTES ||
	    !fp_json_is_bounded(s, n, DEPTH_MAX, VALUES_MAX))
		return no_reply(e, "too big, or nested too deep", s, n);
	r.root = cJSON_ParseWithLengthOpts(s, n, &end, false);
	while (r.root && end < s + n && strchr(" \t\r\n", *end))
		end++;
	/* cJSON takes "500 Internal error" for the number 500. */
	if (r.root && end < s + n) {
		cJSON_Delete(r.root);
		r.root = NULL;
	}
	if (!r.root)
		return no_reply(e, "no JSON", s, n);
	if (!take(&r)) {
		cJSON_Delete(r.root);
		return no_reply(e, "no JSON-RPC reply", s, n);
	}
	*out = r;
	return 0;
}

void fp_jsonrpc_fini(struct fp_jsonrpc *r)
{
	cJSON_Delete(r->root);
	memset(r, 0, sizeof(*r));
}
