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

static int look_elsewhere(struct fp_switch *x, const char *run,
			  enum fp_death *out, struct fp_err *e)
{
	struct fp_switch *at = *run ? fp_switches_by_run(x->all, run) : NULL;
	char now[64] = "";
	int r;

	if (!at || at == x)
		return 0;
	r = fp_switch_run(at, now, e);
	if (r == -EINTR || r == -ENOMEM)
		return r;
	if (!strcmp(now, run))
		*out = FP_DEATH_LIVES;
	return 0;
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
	for (size_t i = 0; i < n; i++) {
		r = look_elsewhere(x, runs[i], &out[i], e);
		if (r)
			return r;
	}
	return 0;
}
