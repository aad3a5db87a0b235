/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_REFERENCE_H
#define FP_TEST_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rule for a whole UDP datagram to a SIP port, written as plainly as can
 * be: what the program's parser, which is written to be fast, must agree with. */
enum reference_kind {
	REFERENCE_QUIET, /* keep-alive, STUN, too short */
	REFERENCE_REPLY,
	REFERENCE_REQUEST,
	REFERENCE_MALFORMED,
};

/* *is_options: the method is OPTIONS in any case, well-formed line or not. */
enum reference_kind reference_judge(const uint8_t *p, size_t n,
				    bool *is_options);

#endif
