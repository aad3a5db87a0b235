/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSIPS' formulas with OpenSIPS' types, since they decide how it rounds: the
 * idle share is a float there, the weight is rounded, the load is cut off.
 * Where it would divide by zero or go below zero the answer is 0: such a server
 * takes no call.
 * Source: OpenSIPS 3.6.8 dispatch.c re_calculate_active_dsts, load_balancer.c
 * lb_update_max_loads, freeswitch/fs_api.h struct _fs_stats. */
#include <math.h>

#include "logic/health_steer.h"

#define LARGEST 2147483647.0 /* it counts in int */

static int64_t within_int(double x)
{
	if (!(x > 0))
		return 0;
	return x >= LARGEST ? (int64_t)LARGEST : (int64_t)x;
}

static int64_t as_int(int64_t x)
{
	return x < 0 ? 0 : x > INT32_MAX ? INT32_MAX : x;
}

int64_t fp_weight_dispatcher(int64_t max_weight, int64_t sessions,
			     int64_t max_sessions, double idle_percent)
{
	double idle = (float)idle_percent / 100.0;

	if (max_sessions <= 0)
		return 0;
	return within_int(round((double)max_weight *
				(1 - (double)sessions / (double)max_sessions) *
				idle));
}

int64_t fp_weight_load_balancer(int64_t sessions, int64_t max_sessions,
				double idle_percent, int64_t psz)
{
	float idle = (float)idle_percent / 100.0f;
	int64_t free_sessions;

	if (max_sessions <= 0)
		return 0;
	max_sessions = as_int(max_sessions);
	free_sessions = max_sessions;
	if (psz < max_sessions)
		free_sessions = max_sessions - (as_int(sessions) - as_int(psz));
	return within_int((double)(float)(idle * (float)free_sessions));
}
