/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_PROGRESS_H
#define FP_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* A bar on stderr when that is a terminal and is_quiet is false; otherwise one
 * line every 10 s; with the rate and the time left.  total 0: unknown, counts
 * only. */
struct fp_progress {
	const char *what, *unit;
	uint64_t total;
	int64_t next_ms, start_ms;
	bool is_bar, is_quiet, is_drawn;
};

void fp_progress_start(struct fp_progress *p, const char *what,
		       const char *unit, uint64_t total, bool is_quiet);
void fp_progress_at(struct fp_progress *p, uint64_t done);
void fp_progress_end(struct fp_progress *p);

#endif
