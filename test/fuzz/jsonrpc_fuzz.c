/* SPDX-License-Identifier: Apache-2.0 */
/* What a management interface may send: a reply, or a message that says what is
 * wrong with it, of one printable line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/jsonrpc.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_line(const char *s, size_t size)
{
	check(memchr(s, 0, size));
	for (; *s; s++)
		check((unsigned char)*s >= ' ' && *s != 127);
}

static void check_reply(const struct fp_jsonrpc *r)
{
	check(r->root && (r->is_error ? !r->result : !!r->result));
	check(memchr(r->id, 0, sizeof(r->id)));
	check_line(r->message, sizeof(r->message));
}

/* Any text is a string of JSON. */
static void check_request(const char *text)
{
	struct fp_buf b = { 0 };
	size_t quotes = 0;

	fp_jsonrpc_string(&b, text);
	check(b.len >= strlen(text) + 2);
	for (size_t i = 0; i < b.len; i++) {
		check((unsigned char)b.data[i] >= ' ');
		if (b.data[i] == '\\')
			i++;
		else
			quotes += b.data[i] == '"';
	}
	check(quotes == 2);
	fp_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *s = malloc(n ? n : 1), *text = strndup((const char *)data, n);
	struct fp_jsonrpc r;
	struct fp_err e = { .text = "" };

	memcpy(s, data, n);
	if (!fp_jsonrpc_parse(&r, s, n, &e)) {
		check_reply(&r);
		fp_jsonrpc_fini(&r);
	} else {
		check(*e.text);
		check_line(e.text, sizeof(e.text));
	}
	check_request(text);
	free(text);
	free(s);
	return 0;
}
