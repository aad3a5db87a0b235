/* SPDX-License-Identifier: Apache-2.0 */
/* FreeSWITCH's list of gateways: each that is told has a proxy. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/gateways.h"

static int see(void *ctx, const struct fp_gateway *g)
{
	size_t *n = ctx;

	if (!*g->proxy || !memchr(g->name, 0, sizeof(g->name)) ||
	    !memchr(g->profile, 0, sizeof(g->profile)))
		abort();
	++*n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *text = malloc(n ? n : 1);
	size_t seen = 0;
	struct fp_err e;

	memcpy(text, data, n);
	fp_gateways_parse(text, n, see, &seen, &e);
	free(text);
	return 0;
}
