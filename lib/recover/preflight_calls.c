/* SPDX-License-Identifier: Apache-2.0 */
/* What calls need of the targets together: profiles, room, ports. */
#include <stdio.h>
#include <string.h>

#include "recover/preflight_priv.h"

/* ---- profiles */

static bool is_running(const struct fp_switch *x, const char *name)
{
	for (size_t i = 0; i < x->conf.n_profiles; i++)
		if (!strcmp(x->conf.profile[i].name, name))
			return x->conf.profile[i].is_running;
	return false;
}

/* Does a call before leg l, or l's own before it, name the same? */
static bool is_told(const struct fp_calls *c, const struct fp_leg *l)
{
	for (const struct fp_leg *k = c->leg; k < l; k++)
		if (k->row.profile && !strcmp(k->row.profile, l->row.profile) &&
		    recover_pf_is_had(&c->call[k->call]))
			return true;
	return false;
}

static bool runs_anywhere(const struct recover_pf *f, const char *name)
{
	for (size_t i = 0; i < f->p->n_to; i++)
		if (!f->p->to[i]->code && is_running(f->p->to[i], name))
			return true;
	return false;
}

static void profile(struct recover_pf *f, const struct fp_switch *x,
		    const char *name)
{
	if (is_running(x, name))
		recover_pf_say(f, x->name, "profile", FP_COND_OK, "", name,
			       "it runs");
	else if (!x->conf.n_profiles)
		recover_pf_say(f, x->name, "profile",
			       recover_pf_is_failover(f) ? FP_COND_WARN
							 : FP_COND_REFUSE,
			       "profile", name,
			       "whether it runs is not known: sofia status");
	else if (runs_anywhere(f, name))
		recover_pf_say(f, x->name, "profile", FP_COND_WARN, "", name,
			       "it does not run here: its calls go to others");
	else
		recover_pf_say(f, x->name, "profile", FP_COND_REFUSE, "profile",
			       name,
			       "calls use it, and no target runs it: their "
			       "rows would be deleted");
}

static void profiles(struct recover_pf *f)
{
	const struct fp_calls *c = f->p->calls;

	for (size_t i = 0; i < c->n_legs; i++) {
		const struct fp_leg *l = &c->leg[i];

		if (!l->row.profile || !*l->row.profile ||
		    !recover_pf_is_had(&c->call[l->call]) || is_told(c, l))
			continue;
		for (size_t k = 0; k < f->p->n_to; k++)
			if (!f->p->to[k]->code)
				profile(f, f->p->to[k], l->row.profile);
	}
}

/* ---- room */

/* What fits is recovered when the node is dead; one that lives is left alone. */
static enum fp_condition_state narrow(const struct recover_pf *f)
{
	return recover_pf_is_failover(f) ? FP_COND_WARN : FP_COND_REFUSE;
}

static void capacity(struct recover_pf *f, size_t n_legs)
{
	bool is_endless = false;
	int64_t room = 0;
	char value[80];

	for (size_t i = 0; i < f->p->n_to; i++) {
		const struct fp_view_freeswitch *v = &f->p->to[i]->view;

		if (f->p->to[i]->code)
			continue;
		is_endless |= v->max_sessions <= 0;
		if (v->max_sessions > v->sessions)
			room += v->max_sessions - v->sessions;
	}
	if (is_endless)
		snprintf(value, sizeof(value), "%zu legs, room without end",
			 n_legs);
	else
		snprintf(value, sizeof(value), "%zu legs, room for %lld",
			 n_legs, (long long)room);
	/* FreeSWITCH would take them, and then no new call */
	if ((int64_t)n_legs > room && !is_endless)
		recover_pf_say(f, f->p->from->name, "capacity", narrow(f),
			       "capacity", value,
			       "targets would be full: max-sessions");
	else
		recover_pf_say(f, f->p->from->name, "capacity", FP_COND_OK, "",
			       value, "%s", "");
}

/* Each leg wants a pair: RTP and RTCP. */
static void recovery_room(struct recover_pf *f, size_t n_legs)
{
	const struct fp_switch *x;
	size_t pairs = 0;
	char value[80];

	for (size_t i = 0; i < f->p->n_to; i++) {
		x = f->p->to[i];
		if (!x->recovery_first)
			return; /* there they keep their own */
		pairs += ((size_t)x->recovery_last - x->recovery_first + 1) / 2;
	}
	if (!f->p->n_to || pairs >= n_legs)
		return;
	snprintf(value, sizeof(value), "%zu legs, %zu pairs of ports", n_legs,
		 pairs);
	recover_pf_say(f, f->p->from->name, "ports", narrow(f), "ports", value,
		       "fp_recovery_ports are too few: the rest gets others");
}

/* ---- all of it */

int recover_pf_calls(struct recover_pf *f, struct fp_err *e)
{
	const struct fp_calls *c = f->p->calls;
	size_t n_legs = 0;
	int r;

	for (size_t i = 0; i < c->n_calls; i++)
		if (recover_pf_is_had(&c->call[i]))
			n_legs += c->call[i].n;
	if (f->p->n_to) {
		profiles(f);
		capacity(f, n_legs);
		recovery_room(f, n_legs);
	}
	r = recover_pf_lost(f, e);
	/* what refuses already says why */
	return r || f->is_refused || !f->p->n_to ? r : recover_pf_place(f, e);
}
