/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/health_state.h"

/* Who sees it dead and who does not are counted against all observers: two that
 * cannot reach one another must not both decide. */
enum fp_health fp_quorum(const enum fp_health *v, size_t n, size_t n_observers)
{
	size_t n_of[FP_N_HEALTH] = { 0 };
	size_t half;

	for (size_t i = 0; i < n; i++)
		if ((unsigned int)v[i] < FP_N_HEALTH)
			n_of[v[i]]++;
	half = (n > n_observers ? n : n_observers) / 2;
	if (n_of[FP_MAINT])
		return FP_MAINT;
	if (n_of[FP_CRITICAL] > half)
		return FP_CRITICAL;
	if (n_of[FP_OK] + n_of[FP_WARNING] <= half)
		return FP_UNKNOWN;
	/* It is there; whoever sees it dead sees it at least impaired. */
	return n_of[FP_WARNING] + n_of[FP_CRITICAL] > half ? FP_WARNING : FP_OK;
}
