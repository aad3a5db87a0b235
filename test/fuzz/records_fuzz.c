/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of watch: what is taken has what its kind says, in one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/records.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_line(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	check(n < size);
	for (size_t i = 0; i < n; i++)
		check((unsigned char)s[i] >= ' ' && s[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *line = malloc(n ? n : 1);
	struct fp_record r;
	struct fp_err e;

	memcpy(line, data, n);
	if (!fp_record_parse(&r, line, n, &e)) {
		check(r.kind != FP_RECORD_TRANSITION || *r.to);
		check(r.interval_ms >= 0 && r.at_s >= 0);
		check_line(r.node, sizeof(r.node));
		check_line(r.check, sizeof(r.check));
		check_line(r.to, sizeof(r.to));
		check_line(r.detail, sizeof(r.detail));
		check_line(r.observer, sizeof(r.observer));
	}
	free(line);
	return 0;
}
