/* SPDX-License-Identifier: Apache-2.0 */
/* Replies as OpenSIPS 3.6.8 sent them (test/fuzz/corpus/jsonrpc), and what is none. */
#include "codec/jsonrpc.h"
#include "unit.h"

/* The file of the corpus, as a reply; what fp_jsonrpc_parse returned. */
static int captured(const char *name, struct fp_jsonrpc *r, struct fp_err *e)
{
	char path[256], text[8192];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "test/fuzz/corpus/jsonrpc/%s", name);
	f = fopen(path, "re");
	if (!OK(f))
		return -1;
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return fp_jsonrpc_parse(r, text, n, e);
}

TEST(requests)
{
	struct fp_buf b = { 0 };

	fp_jsonrpc_request(&b, "1", "uptime", NULL);
	STR(fp_buf_str(&b),
	    "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"uptime\"}");
	b.len = 0;
	fp_jsonrpc_request(&b, "k-2", "ds_list", "{\"full\":1}");
	STR(fp_buf_str(&b), "{\"jsonrpc\":\"2.0\",\"id\":\"k-2\",\"method\":"
			    "\"ds_list\",\"params\":{\"full\":1}}");
	b.len = 0;
	fp_jsonrpc_string(&b, "a\"b\\c\nd\x01 \xc3\xa9");
	STR(fp_buf_str(&b), "\"a\\\"b\\\\c\\nd\\u0001 \xc3\xa9\"");
	fp_buf_fini(&b);
}

TEST(results_and_ids)
{
	struct fp_jsonrpc r;

	EQ(captured("lb_status-get", &r, NULL), 0);
	OK(r.result && !r.is_error);
	STR(r.id, "1");
	fp_jsonrpc_fini(&r);
	EQ(captured("http-id-null", &r, NULL), 0);
	STR(r.id, "");
	fp_jsonrpc_fini(&r);
	/* what we asked with 9007199254740993 */
	EQ(captured("http-id-bigint", &r, NULL), 0);
	STR(r.id, "2147483647");
	fp_jsonrpc_fini(&r);
	/* a refusal in a result is a result */
	EQ(captured("seq-callee-answers-491", &r, NULL), 0);
	OK(r.result && !r.is_error);
	fp_jsonrpc_fini(&r);
}

TEST(errors)
{
	static const struct {
		const char *file, *id, *message;
		int code;
	} cases[] = {
		{ "http-bad-json", "", "Parse error", -32700 },
		{ "http-batch", "", "Invalid Request", -32600 },
		{ "err-unknown-method", "1", "Method not found", -32601 },
		{ "err-bad-params", "1",
		  "Invalid params: Named parameters do not match", -32602 },
		{ "ds_set_state-err-addr", "1", "destination not found", 404 },
	};
	struct fp_jsonrpc r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (!EQ(captured(cases[i].file, &r, NULL), 0))
			continue;
		OK(r.is_error && !r.result);
		EQ(r.code, cases[i].code);
		STR(r.message, cases[i].message);
		STR(r.id, cases[i].id);
		fp_jsonrpc_fini(&r);
	}
}

TEST(what_is_no_reply)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "it is empty" },
		{ "{", "no JSON: \"{\"" },
		{ "<html>\n", "no JSON: \"<html>?\"" },
		{ "[1]", "no JSON-RPC reply: \"[1]\"" },
		{ "{\"id\":\"1\"}", "no JSON-RPC reply" },
		{ "{\"error\":\"x\",\"id\":\"1\"}", "no JSON-RPC reply" },
		{ "{\"error\":{\"message\":\"x\"}}", "no JSON-RPC reply" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"E_X\",\"params\":{}}",
		  "no JSON-RPC reply" },
	};
	struct fp_jsonrpc r;
	struct fp_err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		EQ(fp_jsonrpc_parse(&r, cases[i].text, strlen(cases[i].text),
				    &e),
		   -EBADMSG);
		HAS(e.text, cases[i].why);
	}
	EQ(captured("internal", &r, &e), -EBADMSG);
	STR(e.text, "no JSON: \"500 Internal error\"");
}

TEST(depth_and_size_are_bounded)
{
	const size_t n = 9 << 20;
	char *s = malloc(n);
	struct fp_jsonrpc r;
	struct fp_err e;

	memset(s, '[', n);
	EQ(fp_jsonrpc_parse(&r, s, n, &e), -EBADMSG);
	HAS(e.text, "nested too deep");
	memset(s, ',', n);
	s[0] = '[';
	EQ(fp_jsonrpc_parse(&r, s, n, &e), -EBADMSG);
	HAS(e.text, "too big");
	/* brackets in a text are none */
	memset(s, '[', n);
	memcpy(s, "{\"result\":\"", 11);
	memcpy(s + n - 2, "\"}", 2);
	if (EQ(fp_jsonrpc_parse(&r, s, n, &e), 0))
		fp_jsonrpc_fini(&r);
	free(s);
}
