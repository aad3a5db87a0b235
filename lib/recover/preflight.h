/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_PREFLIGHT_H
#define FP_RECOVER_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/condition.h"
#include "control/fleet.h"
#include "db/db.h"
#include "db/journal.h"
#include "logic/recover_groups.h"
#include "recover/store.h"
#include "recover/switches.h"

/* Everything that must be so before a call is touched, by name and with its value.
 * Rules (--override RULE):
 *   alive     the run to recover still answers, or nothing proves that it is dead
 *   ready     a target does not answer, is paused, not ready, or short of idle CPU
 *   version   another version of FreeSWITCH (flags of rows are numbers)
 *   clock     a target's clock is behind, CSeq would not grow
 *   profile   a target does not run the profiles that calls use
 *   store     a target keeps its rows elsewhere than we can write, or not at all
 *   ports     ranges overlap, and there is no recovery range (planned moves; failover
 *             warns)
 *   capacity  the calls do not fit (planned moves; failover: none does)
 *   policy    a target's policy differs (planned moves; failover warns)
 *   maintenance  a target is in maintenance; failover: the node is
 *   old       the run is dead for more than 10 minutes
 *   lost      calls would be lost (drain, take)
 *   fence     the node cannot be fenced as it should
 *   lock      fp_db is away */

enum fp_recover_kind {
	FP_RECOVER_FAILOVER,
	FP_RECOVER_DRAIN,
	FP_RECOVER_TAKE,
};

#define FP_DEAD_TOO_LONG_S 600
#define FP_SKEW_MAX_MS 1000

struct fp_recover_check {
	enum fp_recover_kind kind;
	struct fp_switches
		*switches; /* read: STATE and PROFILES, CONF for doctor */
	struct fp_switch *from;
	struct fp_switch *const *to; /* from itself may be among them */
	size_t n_to;
	const struct fp_calls *calls;
	struct fp_store *store;  /* of from; NULL: --from-db */
	const char *const *runs; /* that are to be recovered */
	size_t n_runs;
	int64_t dead_since_s; /* of the latest of them; 0: not known */
	const char
		*fence; /* failover: the command for a silent node, or NULL */
	int64_t wait_ms; /* failover: for its restart; drain: for calls that cannot
			  * be moved to end */
	bool is_dry_run; /* nothing is waited for: what is so now is judged */
	const struct fp_journal_opts *journal; /* is_dry_run: fp_db; or NULL */
	const struct fp_mark *marks;
	size_t n_marks;
	const struct fp_fleet_opts *fleet; /* NULL: policies are not asked */
	const char *lists_dir;
	bool (*is_lifted)(void *ctx, const char *rule);
	void (*each)(void *ctx, const struct fp_condition *c);
	void *ctx;
};
/* Is fp_db there, so that two controllers are kept apart?  A condition "lock".
 * 0; -EPERM rule "lock"; -EINTR -ENOMEM. */
int fp_recover_lock(const struct fp_recover_check *p, struct fp_err *e);
/* 0: nothing refuses.  -EPERM: e has the first refusal and its rule.
 * *is_policy_old (may be NULL): failover: a target's policy differs, push it after.
 * -EAGAIN; -errno. */
int fp_recover_check(const struct fp_recover_check *p, bool *is_policy_old,
		     struct fp_err *e);
/* Nodes that may be targets: the restarted host itself first, when it is ready; then
 * those that answer, are ready, of the version of rows' host when known, not in
 * maintenance, with a store.  0: *out of *n, free(3).  None: -EPERM, e says which rule
 * refuses the first that answers; -EAGAIN: none answers. */
int fp_recover_auto(const struct fp_recover_check *p, struct fp_switch ***out,
		    size_t *n, struct fp_err *e);

/* What would hurt one day: track-calls off, mod_pgsql not preloaded, overlapping RTP
 * ranges, rtp-port-usage-robustness off, start-up commands (or a unit file) that run a
 * plain recover, several hosts in one table without tokens, versions that differ, clocks
 * that drift, a restart into a stale twin.  All are OK or WARN conditions, to p->each.
 * unit: texts of unit files (--unit), n of them, names for messages. */
struct fp_unit_text {
	const char *name, *text;
	size_t len;
};
int fp_recover_doctor(const struct fp_recover_check *p,
		      const struct fp_unit_text *unit, size_t n_units,
		      struct fp_err *e);

/* Do the proxies in front know the address of x (dispatcher, permissions, gateways)?
 * WARN conditions where not; nothing without OpenSIPS in inv. */
int fp_recover_proxies(const struct fp_recover_check *p, struct fp_err *e);

#endif
