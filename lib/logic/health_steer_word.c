/* SPDX-License-Identifier: Apache-2.0 */
/* Words of steering: acts, kinds of destinations, what is wanted. */
#include <errno.h>
#include <string.h>

#include "logic/health_steer.h"

static const char *const names[] = {
	[FP_STEER_NONE] = "none",           [FP_STEER_DISABLE] = "disable",
	[FP_STEER_AGAIN] = "again",         [FP_STEER_ENABLE] = "enable",
	[FP_STEER_FORGET] = "forget",       [FP_STEER_RENEW] = "renew",
	[FP_STEER_TAKE_OVER] = "take-over", [FP_STEER_LET_GO] = "let-go",
	[FP_STEER_HELD] = "held",
};

static const char *const kinds[] = {
	[FP_DEST_DISPATCHER] = "dispatcher",
	[FP_DEST_LOAD_BALANCER] = "load_balancer",
	[FP_DEST_RTPENGINE] = "rtpengine",
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

const char *fp_dest_kind_name(enum fp_dest_kind k)
{
	return (unsigned int)k < N_KINDS ? kinds[k] : "";
}

int fp_dest_kind_parse(const char *name, enum fp_dest_kind *out)
{
	for (unsigned int i = 0; i < N_KINDS; i++)
		if (!strcmp(kinds[i], name)) {
			*out = (enum fp_dest_kind)i;
			return 0;
		}
	return -EINVAL;
}

const char *fp_steer_act_name(enum fp_steer_act a)
{
	return (unsigned int)a < sizeof(names) / sizeof(*names) ? names[a]
								: "none";
}

enum fp_want fp_steer_want(const enum fp_health *state, const bool *is_refusing,
			   size_t n)
{
	bool is_known = n > 0;

	for (size_t i = 0; i < n; i++) {
		if (state[i] == FP_CRITICAL || state[i] == FP_MAINT ||
		    is_refusing[i])
			return FP_WANT_OUT;
		is_known &= state[i] == FP_OK || state[i] == FP_WARNING;
	}
	return is_known ? FP_WANT_IN : FP_WANT_KEEP;
}
