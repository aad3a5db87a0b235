/* SPDX-License-Identifier: Apache-2.0 */
/* counters PATH...: the sums of pinned counter maps over their NICs and CPUs, as
 * lines "REASON PACKETS".  For a test that keeps the maps of programs that were
 * replaced. */
#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>

#include "peer/maps.h"

int main(int argc, char **argv)
{
	static const char *const name[FP_R_N] = {
#define FP_X(name_, is_drop, help) [FP_R_##name_] = #name_,
		FP_REASONS(FP_X)
#undef FP_X
	};
	struct fp_counter sum[FP_R_N] = { 0 }, one[FP_R_N];
	struct fp_err e = { .text = "" };

	for (int i = 1; i < argc; i++) {
		int fd = bpf_obj_get(argv[i]);

		for (unsigned int nic = 0; nic < FP_NICS; nic++) {
			if (fp_counters_read(fd, nic, one, &e)) {
				fprintf(stderr, "%s: %s\n", argv[i], e.text);
				return 2;
			}
			for (int r = 0; r < FP_R_N; r++)
				sum[r].packets += one[r].packets;
		}
	}
	for (int r = 0; r < FP_R_N; r++)
		printf("%s %" PRIu64 "\n", name[r], (uint64_t)sum[r].packets);
	return 0;
}
