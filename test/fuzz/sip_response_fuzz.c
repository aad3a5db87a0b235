/* SPDX-License-Identifier: Apache-2.0 */
/* Replies to our OPTIONS, a datagram or (first byte odd) a stream.  What is
 * understood points into the message, and of a stream every start of it says: not
 * yet. */
#include <stdlib.h>
#include <string.h>

#include "codec/sip.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_text(const char *s, size_t len, const char *p, size_t n)
{
	check(!len || (s >= p && s + len <= p + n));
	check(s != NULL);
}

static void check_response(const struct fp_sip_response *r, const char *p,
			   size_t n)
{
	check(r->status >= 100 && r->status <= 699);
	check(strlen(r->reason) < sizeof(r->reason));
	check(r->size <= n && r->size >= 11);
	check(r->retry_after_s >= -1);
	check_text(r->branch, r->branch_len, p, n);
	check_text(r->call_id, r->call_id_len, p, n);
	check_text(r->method, r->method_len, p, n);
	check_text(r->to_tag, r->to_tag_len, p, n);
	check_text(r->warning, r->warning_len, p, n);
}

/* A copy of exactly n bytes, so that the sanitizer sees a read past them. */
static int parse(struct fp_sip_response *r, const uint8_t *data, size_t n,
		 bool is_stream)
{
	char *copy = malloc(n ? n : 1);
	struct fp_err e;
	int code;

	memcpy(copy, data, n);
	code = fp_sip_parse_response(r, copy, n, is_stream, &e);
	if (code == 1)
		check_response(r, copy, n);
	else
		check(code == -EBADMSG || (!code && is_stream));
	free(copy);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_sip_response r, again;
	bool is_stream;

	if (!n)
		return 0;
	is_stream = *data & 1;
	if (parse(&r, data + 1, n - 1, is_stream) != 1 || !is_stream)
		return 0;
	check(parse(&again, data + 1, r.size, true) == 1);
	check(again.size == r.size && again.status == r.status &&
	      again.cseq == r.cseq && again.branch_len == r.branch_len);
	for (size_t i = 0; i < r.size; i += 1 + r.size / 64)
		check(r.size >= 32768 || !parse(&again, data + 1, i, true));
	return 0;
}
