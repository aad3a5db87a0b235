/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_CHECK_PRIV_H
#define FP_LOGIC_REHOME_CHECK_PRIV_H

#include "logic/rehome_check.h"

/* Begin a judgement; rule counts for REFUSE alone. */
void fp_check_say(struct fp_check *c, const char *name,
		  enum fp_check_state state, const char *rule, const char *fmt,
		  ...) __attribute__((format(printf, 5, 6)));
void fp_check_detail(struct fp_check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
