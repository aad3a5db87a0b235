/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_TEST_H
#define FP_CMD_TEST_H

#include "load.h"

/* --since WHEN of fp-load test. */
struct fl_since {
	bool is_set;
	int64_t unix_s;
	uint32_t us;
};

/* 0, or the exit status of what was said. */
int fl_since_read(struct fp_cli *c, struct fl_since *out);
bool fl_since_is_before(const struct fl_since *s, int64_t unix_s, uint32_t us);

#endif
