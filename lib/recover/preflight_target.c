/* SPDX-License-Identifier: Apache-2.0 */
/* What a target must be.  Source: facts of FreeSWITCH 1.10.12, section 0 step 1, H4 to
 * H6; facts-2 N3, N5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/preflight_priv.h"

/* switch_rtp.c of FreeSWITCH 1.10.12 */
#define RTP_FIRST 16384
#define RTP_LAST 32768

/* ---- ready */

static void ready(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_view_freeswitch *v = &x->view;
	char value[80];

	snprintf(value, sizeof(value), "%lld sessions of %lld, %.1f %% idle",
		 (long long)v->sessions, (long long)v->max_sessions,
		 v->idle_percent);
	if (v->is_paused)
		recover_pf_say(f, x->name, "ready", FP_COND_REFUSE, "ready",
			       "paused",
			       "it would recover nothing, and delete the rows: "
			       "fsctl resume");
	else if (!v->is_ready)
		recover_pf_say(f, x->name, "ready", FP_COND_REFUSE, "ready",
			       "not ready", "it shuts down, or comes up");
	else if (v->min_idle_percent > 0 &&
		 v->idle_percent <= v->min_idle_percent)
		recover_pf_say(f, x->name, "ready", FP_COND_REFUSE, "ready",
			       value,
			       "its idle CPU is at its minimum of %.1f %%: it "
			       "would recover nothing, and delete the rows",
			       v->min_idle_percent);
	else
		recover_pf_say(f, x->name, "ready", FP_COND_OK, "", value, "%s",
			       "");
}

/* ---- version: flags of rows are numbers of an enum */

static void version_of_source(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_switch *y = f->p->from;
	bool is_same = !strcmp(x->view.version, y->view.version);

	recover_pf_say(f, x->name, "version",
		       is_same ? FP_COND_OK : FP_COND_REFUSE, "version",
		       x->view.version, "%s %s has %s", is_same ? "as" : "but",
		       y->name, y->view.version);
}

/* The dead one's is not known: what all the others have is the best guess. */
static void version_of_others(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_switches *s = f->p->switches;
	const struct fp_switch *other = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_switch *y = &s->v[i];

		if (y == x || y == f->p->from || y->code || !*y->view.version)
			continue;
		n++;
		if (strcmp(y->view.version, x->view.version) != 0)
			other = y;
	}
	if (other)
		recover_pf_say(f, x->name, "version", FP_COND_REFUSE, "version",
			       x->view.version,
			       "but %s has %s, and what %s had is not known",
			       other->name, other->view.version,
			       f->p->from->name);
	else
		recover_pf_say(f, x->name, "version", FP_COND_OK, "",
			       x->view.version,
			       n ? "as all %zu others that answer; what %s had "
				   "is not known"
				 : "%zu others answer; what %s had is not "
				   "known",
			       n, f->p->from->name);
}

static void version(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_switch *y = f->p->from;

	if (!*x->view.version)
		recover_pf_say(f, x->name, "version", FP_COND_WARN, "",
			       "not known", "it does not tell");
	else if (y && y != x && !y->code && *y->view.version)
		version_of_source(f, x);
	else if (y && y != x)
		version_of_others(f, x);
	else
		recover_pf_say(f, x->name, "version", FP_COND_OK, "",
			       x->view.version, "%s", "");
}

/* ---- clock: CSeq is a count of 2 s */

static void clock_of(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_switch *y = f->p->from;
	bool is_source = y && y != x && !y->code && y->view.now_s;
	const char *whose = is_source ? y->name : "ours";
	int64_t ms = x->view.skew_ms - (is_source ? y->view.skew_ms : 0);
	char value[64];

	if (!x->view.now_s) {
		recover_pf_say(f, x->name, "clock", FP_COND_WARN, "",
			       "not known", "it does not tell");
		return;
	}
	snprintf(value, sizeof(value), "%+.3fs", (double)ms / 1000);
	if (ms < -FP_SKEW_MAX_MS)
		recover_pf_say(f, x->name, "clock", FP_COND_REFUSE, "clock",
			       value,
			       "behind %s: its CSeq would not grow, and far "
			       "ends answer 500",
			       whose);
	else if (ms > FP_SKEW_MAX_MS)
		recover_pf_say(f, x->name, "clock", FP_COND_WARN, "", value,
			       "ahead of %s: who takes these calls from it "
			       "later is behind",
			       whose);
	else
		recover_pf_say(f, x->name, "clock", FP_COND_OK, "", value,
			       "to %s", whose);
}

/* ---- store */

/* The conninfo is never told: it may hold a password. */
static void store(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_fsconf *c = &x->conf;

	if (!x->db)
		recover_pf_say(f, x->name, "store", FP_COND_REFUSE, "store",
			       "not named",
			       "fp_recovery_db in the cluster file: its "
			       "core-db-dsn, as libpq has it");
	else if (c->has_switch && !c->is_pgsql)
		recover_pf_say(f, x->name, "store", FP_COND_REFUSE, "store",
			       "SQLite",
			       "it keeps its rows in a file and would not see "
			       "those of fp_recovery_db: core-db-dsn");
	else
		recover_pf_say(f, x->name, "store", FP_COND_OK, "",
			       "PostgreSQL", "%s", "");
}

/* ---- ports */

bool recover_pf_ports(const struct fp_switch *x, uint16_t *first,
		      uint16_t *last)
{
	const struct fp_fsconf *c = &x->conf;

	*first = RTP_FIRST;
	*last = RTP_LAST;
	if (c->has_switch && (c->rtp_first || c->rtp_last)) {
		*first = c->rtp_first ? c->rtp_first : *first;
		*last = c->rtp_last ? c->rtp_last : *last;
		return true;
	}
	if (x->rtp_first) {
		*first = x->rtp_first;
		*last = x->rtp_last;
	}
	return x->rtp_first || c->has_switch;
}

/* A new call one day gets the port of a call that was recovered: no reason to lose it
 * now, but one not to move it. */
static enum fp_condition_state clash(const struct recover_pf *f)
{
	return recover_pf_is_failover(f) ? FP_COND_WARN : FP_COND_REFUSE;
}

/* Legs get ports of the recovery range: who else hands them out? */
static void recovery_range(struct recover_pf *f, const struct fp_switch *x)
{
	uint16_t first, last;
	bool is_inside = recover_pf_ports(x, &first, &last) &&
			 recover_pf_overlap(first, last, x->recovery_first,
					    x->recovery_last);
	char value[48];

	snprintf(value, sizeof(value), "%u-%u", x->recovery_first,
		 x->recovery_last);
	if (is_inside && !x->conf.is_robust)
		recover_pf_say(f, x->name, "ports", clash(f), "ports", value,
			       "fp_recovery_ports are among those that it "
			       "gives to new calls (%u-%u): two calls on one "
			       "port hear each other",
			       first, last);
	else
		recover_pf_say(f, x->name, "ports", FP_COND_OK, "", value,
			       "every leg gets one of fp_recovery_ports");
}

static void ports(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_switch *y = f->p->from;
	uint16_t a, b, c = 0, d = 0;
	char value[48];

	if (x->recovery_first) {
		recovery_range(f, x);
		return;
	}
	if (!recover_pf_ports(x, &a, &b) || !y ||
	    !recover_pf_ports(y, &c, &d)) {
		recover_pf_say(f, x->name, "ports", FP_COND_WARN, "",
			       "not known",
			       "fp_rtp_ports in the cluster file: ranges that "
			       "overlap let two calls hear each other");
		return;
	}
	snprintf(value, sizeof(value), "%u-%u", a, b);
	if (x == y)
		recover_pf_say(f, x->name, "ports", FP_COND_OK, "", value,
			       "its own: those that new calls have are found "
			       "before");
	else if (!recover_pf_overlap(a, b, c, d))
		recover_pf_say(f, x->name, "ports", FP_COND_OK, "", value,
			       "%s has %u-%u", y->name, c, d);
	else if (x->conf.is_robust)
		recover_pf_say(f, x->name, "ports", FP_COND_OK, "", value,
			       "as %s; new calls skip those in use "
			       "(rtp-port-usage-robustness)",
			       y->name);
	else
		recover_pf_say(f, x->name, "ports", clash(f), "ports", value,
			       "overlaps with %s (%u-%u): new calls would get "
			       "ports of recovered ones, and hear them; "
			       "rtp-port-usage-robustness=true, or "
			       "fp_recovery_ports",
			       y->name, c, d);
}

/* ---- all of one */

void recover_pf_target(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_mark *m = recover_pf_mark(f, x);
	struct fp_check c;

	if (x->code) {
		recover_pf_say(f, x->name, "ready", FP_COND_REFUSE, "ready",
			       "no answer", "%s", x->err.text);
		return;
	}
	ready(f, x);
	version(f, x);
	clock_of(f, x);
	store(f, x);
	ports(f, x);
	/* failover told of the node itself */
	if (x == f->p->from && recover_pf_is_failover(f) && !f->is_quiet)
		return;
	fp_check_maintenance(&c, m ? m->why : NULL, m ? m->by : NULL);
	recover_pf_tell(f, x->name, &c);
}
