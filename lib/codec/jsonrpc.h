/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_JSONRPC_H
#define FP_CODEC_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct cJSON;

/* JSON-RPC 2.0 as OpenSIPS' MI speaks it.  Ids are strings: larger integers come
 * back as 2147483647. */

/* Append a request.  params: a JSON object or array as it stands, or NULL. */
void fp_jsonrpc_request(struct fp_buf *to, const char *id, const char *method,
			const char *params);
/* Append s as a JSON string, quoted: fp_json_bytes_add, since OpenSIPS knows a call by
 * the bytes it gave us.  Not for what is kept: fp_json_str_add. */
void fp_jsonrpc_string(struct fp_buf *to, const char *s);

struct fp_jsonrpc {
	struct cJSON *root;   /* all of it */
	struct cJSON *result; /* or NULL; in root */
	bool is_error;
	int code;          /* of an error */
	char message[200]; /* of an error, with the text in data */
	char id[64];       /* "" for null */
};
/* Exactly n bytes.  0: fp_jsonrpc_fini.  -EBADMSG: no JSON, or no reply (e shows
 * the start of it).  Depth and size are bounded. */
int fp_jsonrpc_parse(struct fp_jsonrpc *out, const char *s, size_t n,
		     struct fp_err *e);
void fp_jsonrpc_fini(struct fp_jsonrpc *r);

#endif
