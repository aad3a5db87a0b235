/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_CONDITION_H
#define FP_BASE_CONDITION_H

/* What a check before a change found, by name: preflight of movers. */

enum fp_condition_state { FP_COND_OK, FP_COND_WARN, FP_COND_REFUSE };
struct fp_condition {     /* texts are good during the call */
	const char *node; /* whom it is about */
	const char *name; /* capability, link, memory ... */
	const char *rule; /* of REFUSE, else "" */
	enum fp_condition_state state;
	const char *value;  /* what was found */
	const char *detail; /* what it means, or what to do; "" */
};

#endif
