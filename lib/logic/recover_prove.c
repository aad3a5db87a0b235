/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/recover_prove.h"

/* A hangup is told beside the answers to questions: that a leg is gone is believed when
 * nothing was heard of why for so long. */
#define UNHEARD_MS 700
/* A session without a channel: FreeSWITCH made it, could not go on, and forgot it.
 * Source: facts of FreeSWITCH 1.10.12, 2.1 recovery_profile_name. */
#define LEAKED_MS 1500
#define BYE_MS 2500 /* an orphan ends by itself in less */
/* The originator bridges when it sees its partner's media acknowledged, within 2 s.  It
 * gives up when the partner was launched more than 2 s after it: then both stay in
 * CS_RESET.  Source: FreeSWITCH 1.10.12 switch_core_state_machine.c:184. */
#define BRIDGE_MS 2500
#define BRIDGE_AGAIN_MS 6000

static const char *const proof_names[] = {
	[FP_PROOF_WAITING] = "waiting", [FP_PROOF_PROVEN] = "proven",
	[FP_PROOF_GONE] = "gone",       [FP_PROOF_SILENT] = "silent",
	[FP_PROOF_REFUSED] = "refused", [FP_PROOF_FAILED] = "failed",
	[FP_PROOF_ENDED] = "ended",
};

const char *fp_proof_name(enum fp_proof p)
{
	return p <= FP_PROOF_ENDED ? proof_names[p] : "?";
}

void fp_prover_init(struct fp_prover *p, int64_t started_ms, int64_t end_ms)
{
	memset(p, 0, sizeof(*p));
	p->started_ms = started_ms;
	p->end_ms = end_ms;
}

int fp_prover_add(struct fp_prover *p, const struct fp_prove_leg *l)
{
	struct fp_proving *leg =
		reallocarray(p->leg, p->n + 1, sizeof(*p->leg));

	if (!leg)
		return -ENOMEM;
	p->leg = leg;
	memset(&leg[p->n], 0, sizeof(*leg));
	leg[p->n++].is = *l;
	return 0;
}

void fp_prover_fini(struct fp_prover *p)
{
	free(p->leg);
	memset(p, 0, sizeof(*p));
}

/* ---- one leg */

static bool is_lost(enum fp_proof p)
{
	return p == FP_PROOF_GONE || p == FP_PROOF_SILENT ||
	       p == FP_PROOF_REFUSED || p == FP_PROOF_FAILED;
}

/* Its re-INVITE was answered: the CSeq is another.  A refused one leaves it.
 * Measured on FreeSWITCH 1.10.12. */
static bool has_answered(const struct fp_proving *l,
			 const struct fp_prove_seen *s)
{
	return s->cseq && (!l->is.has_cseq || s->cseq != l->is.cseq);
}

/* CS_RESET, and what comes before and between; SOFT_EXECUTE, CONSUME_MEDIA and
 * EXCHANGE_MEDIA are a bridge's. */
static bool is_bridged(const char *state)
{
	static const char *const not_yet[] = { "CS_NEW",     "CS_INIT",
					       "CS_RESET",   "CS_HIBERNATE",
					       "CS_HANGUP",  "CS_REPORTING",
					       "CS_DESTROY", "CS_NONE",
					       NULL };

	if (!*state)
		return false;
	for (size_t i = 0; not_yet[i]; i++)
		if (!strcmp(state, not_yet[i]))
			return false;
	return true;
}

/* Causes as FreeSWITCH 1.10.12 gives them to a re-INVITE of a recovery; sip is what
 * the far end (or, of 408 and 503, sofia-sip for it) answered:
 *	481 NORMAL_TEMPORARY_FAILURE  404 UNALLOCATED_NUMBER  410 NUMBER_CHANGED
 *	408 RECOVERY_ON_TIMER_EXPIRE  500 503 NORMAL_TEMPORARY_FAILURE
 *	403 603 CALL_REJECTED  488 606 INCOMPATIBLE_DESTINATION  491 NORMAL_UNSPECIFIED
 * RFC 3261 12.2.1.2: 481 (and 408) end a dialog, others leave it. */
static enum fp_proof why_down(const struct fp_proving *l,
			      const struct fp_prove_seen *s)
{
	static const char *const by_far_end[] = { "NORMAL_CLEARING",
						  "ORIGINATOR_CANCEL",
						  "USER_BUSY", NULL };

	if (l->was_up)
		return FP_PROOF_ENDED;
	if (s->sip == 481 || s->sip == 404 || s->sip == 410 || s->sip == 604)
		return FP_PROOF_GONE;
	if (s->sip == 408 || !strcmp(s->cause, "RECOVERY_ON_TIMER_EXPIRE"))
		return FP_PROOF_SILENT;
	if (s->sip >= 300)
		return FP_PROOF_REFUSED;
	for (size_t i = 0; by_far_end[i]; i++)
		if (!strcmp(s->cause, by_far_end[i]))
			return FP_PROOF_ENDED;
	if (!strcmp(s->cause, "UNALLOCATED_NUMBER") ||
	    !strcmp(s->cause, "NUMBER_CHANGED"))
		return FP_PROOF_GONE;
	return FP_PROOF_FAILED;
}

static void see_hangup(struct fp_proving *l, const struct fp_prove_seen *s)
{
	l->sip = s->sip;
	snprintf(l->cause, sizeof(l->cause), "%s", s->cause);
	if (l->is_killed && l->proof != FP_PROOF_WAITING)
		return;
	if (!is_lost(l->proof))
		l->proof = why_down(l, s);
}

static void see_gone(struct fp_proving *l, bool is_recovered, int64_t now_ms)
{
	if (!is_recovered)
		return;
	if (!l->gone_ms)
		l->gone_ms = now_ms;
	if (now_ms - l->gone_ms < UNHEARD_MS)
		return;
	if (l->was_up)
		l->proof = FP_PROOF_ENDED;
	else if (l->was_there)
		l->proof = FP_PROOF_GONE;
	else
		l->proof = FP_PROOF_FAILED;
}

/* Measured: such a session is in CS_NONE. */
static bool is_unborn(const struct fp_prove_seen *s)
{
	return !strcmp(s->state, "CS_NONE") || !strcmp(s->state, "CS_NEW");
}

static bool is_leaked(const struct fp_prover *p, const struct fp_proving *l,
		      const struct fp_prove_seen *s, bool is_recovered,
		      int64_t now_ms)
{
	return s->exists && is_recovered && !l->was_up && is_unborn(s) &&
	       now_ms - p->started_ms >= LEAKED_MS;
}

static enum fp_prove_act kill(const struct fp_prover *p, struct fp_proving *l,
			      enum fp_proof proof)
{
	if (p->is_held && !l->is_killed)
		return FP_PROVE_ASK;
	if (l->proof == FP_PROOF_WAITING)
		l->proof = proof;
	if (l->is_killed)
		return FP_PROVE_DONE;
	l->is_killed = true;
	return FP_PROVE_KILL;
}

static bool costs_partner(const struct fp_prover *p, enum fp_proof proof)
{
	return is_lost(proof) && (proof != FP_PROOF_FAILED || !p->may_retry);
}

/* Its partner is lost: it would be in CS_RESET for ever, and its far end in silence. */
static bool is_widowed(const struct fp_prover *p, const struct fp_proving *l)
{
	if (!l->is.is_bonded)
		return false;
	if (l->is.partner < p->n)
		return costs_partner(p, p->leg[l->is.partner].proof);
	for (size_t i = 0; i < p->n; i++)
		if (&p->leg[i] != l && p->leg[i].is.is_bonded &&
		    costs_partner(p, p->leg[i].proof))
			return true;
	return false;
}

static bool is_to_cure(const struct fp_prover *p, const struct fp_proving *l)
{
	return (l->proof == FP_PROOF_WAITING || l->proof == FP_PROOF_PROVEN) &&
	       !l->is_killed && is_widowed(p, l);
}

static void look_up(struct fp_proving *l, const struct fp_prove_seen *s,
		    int64_t now_ms)
{
	if (s->exists) {
		l->was_there = true;
		l->gone_ms = 0;
	}
	if (has_answered(l, s))
		l->was_up = true;
	if (!l->was_up || (*s->state && strcmp(s->state, "CS_RESET") != 0))
		l->reset_ms = 0;
	else if (*s->state && !l->reset_ms)
		l->reset_ms = now_ms;
	if (l->proof != FP_PROOF_WAITING || !l->was_up || !s->exists)
		return;
	if (l->is.is_bonded && !is_bridged(s->state))
		return;
	l->proof = FP_PROOF_PROVEN;
	l->proven_ms = now_ms;
}

/* Soon at first, then less and less. */
static int64_t pause_ms(const struct fp_prover *p, int64_t now_ms)
{
	int64_t age_ms = now_ms - p->started_ms;

	return age_ms < 2000 ? 150 : age_ms < 6000 ? 500 : 2000;
}

static void plan_next(const struct fp_prover *p, struct fp_proving *l,
		      int64_t now_ms)
{
	bool is_over = l->proof != FP_PROOF_WAITING;

	l->looks++;
	if (is_over && l->is.is_bye && l->proof == FP_PROOF_PROVEN)
		is_over = l->is_killed;
	if (is_over && !(is_to_cure(p, l) && l->gone_ms)) {
		l->next_ms = INT64_MAX;
		return;
	}
	l->next_ms = now_ms + pause_ms(p, now_ms);
	if (l->next_ms > p->end_ms && now_ms < p->end_ms)
		l->next_ms = p->end_ms;
}

/* Both are up, and nobody bridges them. */
static bool is_to_bridge(const struct fp_prover *p, const struct fp_proving *l,
			 int64_t now_ms)
{
	const struct fp_proving *other;

	if (!l->is.is_bonded || l->is.partner >= p->n || !l->reset_ms)
		return false;
	other = &p->leg[l->is.partner];
	return other->proof == FP_PROOF_WAITING && other->reset_ms &&
	       now_ms - l->reset_ms >= BRIDGE_MS &&
	       now_ms - other->reset_ms >= BRIDGE_MS &&
	       (!l->bridged_ms || now_ms - l->bridged_ms >= BRIDGE_AGAIN_MS);
}

static enum fp_prove_act bridge(struct fp_prover *p, struct fp_proving *l,
				int64_t now_ms)
{
	if (p->is_held)
		return FP_PROVE_ASK;
	l->bridged_ms = p->leg[l->is.partner].bridged_ms = now_ms;
	return FP_PROVE_BRIDGE;
}

static enum fp_prove_act act_on(struct fp_prover *p, struct fp_proving *l,
				const struct fp_prove_seen *s,
				bool is_recovered, int64_t now_ms)
{
	bool is_open = l->proof == FP_PROOF_WAITING;

	if (is_open && is_leaked(p, l, s, is_recovered, now_ms))
		return kill(p, l, FP_PROOF_FAILED);
	/* that a widow is no leaked session is seen by its state */
	if (s->exists && (l->was_up || (*s->state && !is_unborn(s))) &&
	    is_widowed(p, l))
		return kill(p, l,
			    l->was_up ? FP_PROOF_ENDED : FP_PROOF_REFUSED);
	if (l->is.is_bye && l->proof == FP_PROOF_PROVEN && s->exists &&
	    now_ms - l->proven_ms >= BYE_MS)
		return kill(p, l, FP_PROOF_PROVEN);
	if (is_open && s->exists && is_to_bridge(p, l, now_ms))
		return bridge(p, l, now_ms);
	if (is_open && now_ms >= p->end_ms) {
		if (s->exists)
			return kill(p, l, FP_PROOF_SILENT);
		l->proof = l->was_there ? FP_PROOF_GONE : FP_PROOF_FAILED;
	}
	return l->proof == FP_PROOF_WAITING ? FP_PROVE_WAIT : FP_PROVE_DONE;
}

enum fp_prove_act fp_prover_see(struct fp_prover *p, size_t i,
				const struct fp_prove_seen *s,
				bool is_recovered, int64_t now_ms)
{
	struct fp_proving *l = &p->leg[i];
	enum fp_prove_act act;

	look_up(l, s, now_ms);
	if (*s->cause)
		see_hangup(l, s);
	else if (!s->exists &&
		 (l->proof == FP_PROOF_WAITING || is_to_cure(p, l)))
		see_gone(l, is_recovered, now_ms);
	act = act_on(p, l, s, is_recovered, now_ms);
	plan_next(p, l, now_ms);
	return act;
}

static void push(int64_t *at_ms, int64_t ms)
{
	if (*at_ms && *at_ms != INT64_MAX)
		*at_ms += ms;
}

void fp_prover_late(struct fp_prover *p, int64_t ms)
{
	push(&p->started_ms, ms);
	push(&p->end_ms, ms);
	for (size_t i = 0; i < p->n; i++) {
		struct fp_proving *l = &p->leg[i];

		push(&l->proven_ms, ms);
		push(&l->gone_ms, ms);
		push(&l->reset_ms, ms);
		push(&l->bridged_ms, ms);
	}
}

/* ---- the call */

enum fp_proof fp_prover_verdict(const struct fp_prover *p, int64_t now_ms)
{
	enum fp_proof worst = FP_PROOF_PROVEN;
	bool is_sent = false, is_all_ended = p->n;

	(void)now_ms;
	for (size_t i = 0; i < p->n; i++) {
		const struct fp_proving *l = &p->leg[i];

		if (l->proof == FP_PROOF_WAITING || is_to_cure(p, l))
			return FP_PROOF_WAITING;
		is_sent |= l->proof != FP_PROOF_FAILED;
		is_all_ended &= l->proof == FP_PROOF_ENDED;
		/* the order of the enum: the later the worse */
		if (is_lost(l->proof) &&
		    (worst == FP_PROOF_PROVEN || l->proof > worst))
			worst = l->proof;
	}
	if (worst == FP_PROOF_FAILED && is_sent)
		return FP_PROOF_REFUSED;
	if (worst == FP_PROOF_REFUSED)
		for (size_t i = 0; i < p->n; i++)
			if (p->leg[i].proof == FP_PROOF_GONE ||
			    p->leg[i].proof == FP_PROOF_SILENT)
				return p->leg[i].proof;
	return worst == FP_PROOF_PROVEN && is_all_ended ? FP_PROOF_ENDED
							: worst;
}

bool fp_prover_is_half(const struct fp_prover *p)
{
	size_t n_failed = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct fp_proving *l = &p->leg[i];

		n_failed += l->proof == FP_PROOF_FAILED;
		if (l->proof != FP_PROOF_FAILED &&
		    (!l->was_up || (l->proof != FP_PROOF_WAITING &&
				    l->proof != FP_PROOF_PROVEN)))
			return false;
	}
	return p->may_retry && n_failed && n_failed < p->n;
}

static void why_one(const struct fp_proving *l, size_t n_lost, size_t n,
		    char *out, size_t size)
{
	char of[48] = "";

	if (n > 1)
		snprintf(of, sizeof(of), "%zu of %zu legs: ", n_lost, n);
	switch (l->proof) {
	case FP_PROOF_FAILED:
		snprintf(out, size, "%s%s%s", of,
			 *l->cause ? "did not come up: " : "did not come up",
			 l->cause);
		break;
	case FP_PROOF_SILENT:
		snprintf(out, size, "%sthe far end does not answer", of);
		break;
	default:
		if (l->sip)
			snprintf(out, size, "%sthe far end says %d", of,
				 l->sip);
		else
			snprintf(out, size, "%shung up%s%s", of,
				 *l->cause ? ": " : "", l->cause);
	}
}

void fp_prover_why(const struct fp_prover *p, char *out, size_t size)
{
	const struct fp_proving *first = NULL;
	size_t n_lost = 0;

	*out = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct fp_proving *l = &p->leg[i];

		if (!is_lost(l->proof) || (l->is_killed && !l->sip && first))
			continue;
		n_lost++;
		if (!first || first->is_killed)
			first = l;
	}
	if (first)
		why_one(first, n_lost, p->n, out, size);
}

int64_t fp_prover_next_ms(const struct fp_prover *p, size_t i)
{
	const struct fp_proving *l = &p->leg[i];

	return l->next_ms == INT64_MAX && is_to_cure(p, l) ? 0 : l->next_ms;
}
