/* SPDX-License-Identifier: Apache-2.0 */
/* Is a run dead? */
#include "recover/death.h"

#include <string.h>

const char *fp_death_name(enum fp_death d)
{
	static const char *const names[] = {
		[FP_DEATH_PROVEN] = "restarted",
		[FP_DEATH_FENCED] = "fenced",
		[FP_DEATH_COMMANDED] = "shut down",
		[FP_DEATH_LIVES] = "lives",
		[FP_DEATH_UNKNOWN] = "unknown",
	};

	return names[d];
}

/* Nobody there, or nobody who speaks: neither says that it is dead. */
static bool is_silence(int code)
{
	switch (code) {
	case -ETIMEDOUT:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ENOTCONN:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EPIPE:
	case -EAGAIN:
	case -ENODATA: /* frozen: connections are taken, nothing is said */
	case -EHOSTDOWN:
	case -ENETDOWN:
		return true;
	default:
		return false;
	}
}

int fp_death_look(struct fp_switch *x, const char *const *runs, size_t n,
		  enum fp_death *out, char now[64], struct fp_err *e)
{
	char run[64] = "";
	int r = fp_switch_run(x, run, e);

	if (r && !is_silence(r))
		return r;
	for (size_t i = 0; i < n; i++)
		out[i] = !*run                  ? FP_DEATH_UNKNOWN
			 : strcmp(run, runs[i]) ? FP_DEATH_PROVEN
						: FP_DEATH_LIVES;
	memcpy(now, run, sizeof(run));
	return 0;
}
