/* SPDX-License-Identifier: Apache-2.0 */
/* The first-line parser's user twin against the plain reference: what it calls
 * malformed must be so; and what is so must be called so, unless it is longer
 * than the parser's bounds. */
#include <stdlib.h>
#include <string.h>

#include "fp_sip.h"
#include "test/corpus/reference.c"

static enum reference_kind judge(const uint8_t *data, size_t n,
				 bool *is_options)
{
	/* exactly n bytes, so that the sanitizer sees a read past them */
	uint8_t *copy = malloc(n ? n : 1);
	struct fp_sip_ctx ctx = { copy, copy + n };
	struct fp_sip_msg m = { .off = 0, .n = (uint32_t)n };
	enum reference_kind kind;

	memcpy(copy, data, n);
	switch (fp_sip_what(&ctx, &m)) {
	case FP_SIP_KEEPALIVE:
		kind = REFERENCE_QUIET;
		break;
	case FP_SIP_REPLY:
		kind = REFERENCE_REPLY;
		break;
	default:
		kind = !fp_sip_is_plain(&ctx, m.off, m.n) &&
				       fp_sip_first_line(&ctx, m.off, m.n) ==
					       FP_SIP_BAD
			       ? REFERENCE_MALFORMED
			       : REFERENCE_REQUEST;
	}
	*is_options = fp_sip_is_options(m.first8);
	free(copy);
	return kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool is_options = false, want_options = false;
	enum reference_kind got, want;

	if (n > 3000)
		return 0;
	got = judge(data, n, &is_options);
	want = reference_judge(data, n, &want_options);
	if (got == REFERENCE_MALFORMED && want != REFERENCE_MALFORMED)
		abort();
	if (n < FP_SIP_MIN && got != want)
		abort();
	if (want == REFERENCE_MALFORMED && got != want &&
	    got != REFERENCE_REQUEST)
		abort();
	if (is_options != want_options)
		abort();
	return 0;
}
