/* SPDX-License-Identifier: Apache-2.0 */
/* FreeSWITCH's channels: every text that is told ends within the answer. */
#include <stdlib.h>
#include <string.h>

#include "codec/fschannels.h"

static int each(void *ctx, const struct fp_fschannel *c)
{
	size_t n = *(const size_t *)ctx;

	if (!*c->uuid || strlen(c->uuid) > n || strlen(c->name) > n ||
	    strlen(c->callstate) > n)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct fp_err e;

	memcpy(text, data, n);
	text[n] = 0;
	fp_fschannels_read(text, each, &n, &e);
	free(text);
	return 0;
}
