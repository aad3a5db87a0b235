/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a packet: what is said to be payload is inside the packet. */
#include <stdlib.h>
#include <string.h>

#include "codec/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly n bytes, so that the sanitizer sees a read past them */
	uint8_t *copy = malloc(n ? n : 1);
	struct fp_frame f;

	if (!copy)
		return 0;
	if (n)
		memcpy(copy, data, n);
	if (!fp_frame_parse(&f, copy, n) && f.payload &&
	    (f.payload < copy || f.payload + f.payload_len > copy + n))
		abort();
	if (!fp_frame_parse_ip(&f, copy, n) && f.payload &&
	    (f.payload < copy || f.payload + f.payload_len > copy + n))
		abort();
	free(copy);
	return 0;
}
