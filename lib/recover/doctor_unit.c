/* SPDX-License-Identifier: Apache-2.0 */
/* Unit files of systemd that start FreeSWITCH. */
#include <stdio.h>
#include <string.h>

#include "recover/doctor_priv.h"

/* Ends of the dead run's calls send RTP to its old ports until they are recovered;
 * a new call that gets such a port hears them (facts-2 N4, 1 s after the crash).
 * Half a minute of silence ends most calls: between is room for a recovery. */
#define RESTART_MS 5000
#define DEFAULT_MS 100 /* systemd.service(5), RestartSec= */

static void recovers(struct recover_pf *f, const struct fp_unit_text *u,
		     const struct fp_fsunit *t, bool *is_plain)
{
	char value[240];

	if (!*t->recover_line)
		return;
	*is_plain = true;
	snprintf(value, sizeof(value), "line %u: %.180s", t->recover_at,
		 t->recover_line);
	recover_pf_say(f, u->name, "unit-recover", FP_COND_WARN, "", value,
		       "a plain recover takes every row of the table: live "
		       "calls of other hosts, and its own a second time "
		       "after fp-recover moved them");
}

static void restarts(struct recover_pf *f, const struct fp_unit_text *u,
		     const struct fp_fsunit *t)
{
	int64_t ms = t->restart_ms < 0 ? DEFAULT_MS : t->restart_ms;
	char value[80];

	if (!*t->restart || !strcmp(t->restart, "no")) {
		recover_pf_say(f, u->name, "restart", FP_COND_OK, "", "no",
			       "nothing proves its death by itself: --fence");
		return;
	}
	snprintf(value, sizeof(value), "%s after %.1fs", t->restart,
		 (double)ms / 1000);
	if (!strcmp(t->restart, "always") || !strcmp(t->restart, "on-success"))
		recover_pf_say(f, u->name, "restart", FP_COND_WARN, "", value,
			       "drain ends the process with status 0: it would "
			       "come back at once, and take calls amid the "
			       "maintenance; Restart=on-failure");
	else if (ms < RESTART_MS)
		recover_pf_say(f, u->name, "restart", FP_COND_WARN, "", value,
			       "a stale twin: far ends of the dead run still "
			       "send to its RTP ports, and new calls that get "
			       "those hear them; RestartSec=%ds, rtpengine in "
			       "front, or another RTP range a start",
			       RESTART_MS / 1000);
	else
		recover_pf_say(f, u->name, "restart", FP_COND_OK, "", value,
			       "%s", "");
}

static void cores(struct recover_pf *f, const struct fp_unit_text *u,
		  const struct fp_fsunit *t)
{
	if (t->has_core_limit)
		recover_pf_say(f, u->name, "core-dump", FP_COND_OK, "",
			       "LimitCORE=0", "%s", "");
	else
		recover_pf_say(f, u->name, "core-dump", FP_COND_WARN, "",
			       "not limited",
			       "a crash writes all its memory first: until "
			       "then the run is silent, and not dead; "
			       "LimitCORE=0");
}

int doctor_unit(struct recover_pf *f, const struct fp_unit_text *u,
		bool *is_plain, struct fp_err *e)
{
	struct fp_fsunit t;
	int r = fp_fsunit_parse(&t, u->text, u->len, e);

	if (r == -EBADMSG) {
		recover_pf_say(f, u->name, "unit", FP_COND_WARN, "", "not read",
			       "%s", e->text);
		return 0;
	}
	if (r)
		return fp_err_prefix(e, r, "%s", u->name);
	recovers(f, u, &t, is_plain);
	restarts(f, u, &t);
	cores(f, u, &t);
	return 0;
}
