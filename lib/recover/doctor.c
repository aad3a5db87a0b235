/* SPDX-License-Identifier: Apache-2.0 */
/* What would hurt one day. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/doctor_priv.h"

/* ---- one node's configuration */

static void profiles(struct recover_pf *f, const struct fp_switch *x)
{
	for (size_t i = 0; i < x->conf.n_profiles; i++) {
		const struct fp_fsprofile *p = &x->conf.profile[i];

		if (!p->is_tracking)
			recover_pf_say(f, x->name, "track-calls", FP_COND_WARN,
				       "", p->name,
				       "off: no call of this profile has a "
				       "row, none can be recovered");
		else
			recover_pf_say(f, x->name, "track-calls", FP_COND_OK,
				       "", p->name, "on");
		if (p->is_auth_all)
			recover_pf_say(f, x->name, "auth-all-packets",
				       FP_COND_WARN, "", p->name,
				       "on: take cannot drop a call there, it "
				       "asks every BYE for a password");
	}
}

/* Source: facts section 1, mod_pgsql; facts-2 section 4. */
static void database(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_fsconf *c = &x->conf;

	if (!c->is_pgsql)
		recover_pf_say(f, x->name, "core-db-dsn", FP_COND_WARN, "",
			       "SQLite",
			       "rows are lost with the machine: after a death "
			       "its file must be brought (--from-db)");
	else if (c->has_preload && !c->is_pgsql_preloaded)
		recover_pf_say(f, x->name, "mod_pgsql", FP_COND_WARN, "",
			       c->is_pgsql_late ? "loaded late" : "not loaded",
			       "pre_load_modules.conf must have it: the core "
			       "opens its database before modules.conf, and "
			       "the next start fails");
	else
		recover_pf_say(f, x->name, "core-db-dsn", FP_COND_OK, "",
			       "PostgreSQL", "%s", "");
	if (*c->search_path && x->db && !strstr(x->db, c->search_path))
		recover_pf_say(f, x->name, "search-path", FP_COND_WARN, "",
			       c->search_path,
			       "its core-db-dsn names this schema, "
			       "fp_recovery_db does not: its service may");
}

static void start_up(struct recover_pf *f, const struct fp_switch *x)
{
	if (x->conf.is_recovering_at_start)
		recover_pf_say(f, x->name, "start-up", FP_COND_WARN, "",
			       "plain recover",
			       "a start-up command recovers whatever it finds: "
			       "live calls of every other host in the table");
	else if (x->conf.has_startup)
		recover_pf_say(f, x->name, "start-up", FP_COND_OK, "",
			       "no recover", "%s", "");
}

/* Source: facts-2 N5. */
static void robustness(struct recover_pf *f, const struct fp_switch *x)
{
	if (x->conf.is_robust)
		recover_pf_say(f, x->name, "robustness", FP_COND_OK, "", "on",
			       "%s", "");
	else
		recover_pf_say(f, x->name, "robustness",
			       x->recovery_first ? FP_COND_OK : FP_COND_WARN,
			       "", "off",
			       "rtp-port-usage-robustness=true keeps new calls "
			       "off ports that recovered ones hold%s",
			       x->recovery_first ? " (fp_recovery_ports do, "
						   "too)"
						 : "");
}

static void configuration(struct recover_pf *f, const struct fp_switch *x)
{
	uint16_t a, b;
	char value[64];

	if (!x->conf.has_switch) {
		recover_pf_say(f, x->name, "configuration", FP_COND_WARN, "",
			       "not read", "xml_locate tells nothing of it");
		return;
	}
	database(f, x);
	start_up(f, x);
	robustness(f, x);
	if (recover_pf_ports(x, &a, &b) && x->rtp_first &&
	    (a != x->rtp_first || b != x->rtp_last)) {
		snprintf(value, sizeof(value), "%u-%u", a, b);
		recover_pf_say(f, x->name, "rtp-ports", FP_COND_WARN, "", value,
			       "the cluster file says fp_rtp_ports=%u-%u",
			       x->rtp_first, x->rtp_last);
	}
}

/* ---- nodes beside each other */

/* Ports of two, when one may get the calls of the other. */
static void overlap(struct recover_pf *f, const struct fp_switch *x,
		    const struct fp_switch *y)
{
	uint16_t a, b, c, d;
	char value[64];

	if (!recover_pf_ports(x, &a, &b) || !recover_pf_ports(y, &c, &d) ||
	    !recover_pf_overlap(a, b, c, d) || x->recovery_first ||
	    x->conf.is_robust)
		return;
	snprintf(value, sizeof(value), "%u-%u", a, b);
	recover_pf_say(f, x->name, "rtp-range", FP_COND_WARN, "", value,
		       "overlaps with %s (%u-%u): calls recovered from there "
		       "share ports with new ones of its own",
		       y->name, c, d);
}

static void versions(struct recover_pf *f, const struct fp_switch *x,
		     const struct fp_switch *y)
{
	if (*x->view.version && *y->view.version &&
	    strcmp(x->view.version, y->view.version) != 0)
		recover_pf_say(f, x->name, "version", FP_COND_WARN, "",
			       x->view.version,
			       "%s has %s: rows do not travel between them",
			       y->name, y->view.version);
}

static void clocks(struct recover_pf *f, const struct fp_switch *x,
		   const struct fp_switch *y)
{
	int64_t ms = x->view.skew_ms - y->view.skew_ms;
	char value[64];

	if (!x->view.now_s || !y->view.now_s ||
	    (ms <= FP_SKEW_MAX_MS && ms >= -FP_SKEW_MAX_MS))
		return;
	snprintf(value, sizeof(value), "%+.3fs", (double)ms / 1000);
	recover_pf_say(f, x->name, "clock", FP_COND_WARN, "", value,
		       "to %s: CSeq is a clock, the one that is behind cannot "
		       "take the other's calls",
		       y->name);
}

static void our_clock(struct recover_pf *f, const struct fp_switch *x)
{
	int64_t ms = x->view.skew_ms;
	char value[64];

	if (!x->view.now_s)
		return;
	snprintf(value, sizeof(value), "%+.3fs", (double)ms / 1000);
	recover_pf_say(f, x->name, "our-clock",
		       ms > FP_SKEW_MAX_MS || ms < -FP_SKEW_MAX_MS
			       ? FP_COND_WARN
			       : FP_COND_OK,
		       "", value, "to this controller's");
}

static void beside(struct recover_pf *f, const struct fp_switch *x)
{
	const struct fp_switches *s = f->p->switches;

	our_clock(f, x);
	for (size_t i = 0; i < s->n; i++) {
		const struct fp_switch *y = &s->v[i];

		if (y == x)
			continue;
		overlap(f, x, y);
		if (y->code || y > x) /* the earlier one is named */
			continue;
		versions(f, x, y);
		clocks(f, x, y);
	}
}

/* ---- all of it */

static bool is_asked(const struct fp_recover_check *p,
		     const struct fp_switch *x)
{
	bool is_to = !p->from && !p->n_to;

	for (size_t i = 0; i < p->n_to; i++)
		is_to |= p->to[i] == x;
	return is_to || x == p->from;
}

int fp_recover_doctor(const struct fp_recover_check *p,
		      const struct fp_unit_text *unit, size_t n_units,
		      struct fp_err *e)
{
	struct recover_pf f = { .p = p };
	struct fp_switches *s = p->switches;
	bool is_plain = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_switch *x = &s->v[i];

		if (x->code || !is_asked(p, x))
			continue;
		is_plain |= x->conf.is_recovering_at_start;
		profiles(&f, x);
		configuration(&f, x);
		beside(&f, x);
	}
	for (size_t i = 0; i < n_units; i++) {
		int r = doctor_unit(&f, &unit[i], &is_plain, e);

		if (r)
			return r;
	}
	return p->store ? doctor_rows(&f, is_plain, e) : 0;
}
