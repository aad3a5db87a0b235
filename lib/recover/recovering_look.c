/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the legs: asked of the target, and heard from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/recovering_priv.h"

/* While it recovers it is asked little: looks take what its calls want.
 * Measured: uuid_getvar 0.1 to 0.25 ms, uuid_dump 0.4 ms, uuid_exists 0.12 ms. */
#define BUSY_AGAIN_MS 1000
#define OUT_MAX 200
#define GETVAR_LOOKS 3 /* then all of it: a session may have no channel */

/* ---- legs by the uuid of their session */

struct key {
	const char *uuid;
	size_t leg;
};

static int by_uuid(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	return strcmp(x->uuid, y->uuid);
}

int rec_index(struct rec *r, struct fp_err *e)
{
	size_t n = r->calls->n_legs;
	struct key *keys = calloc(n + 1, sizeof(*keys));

	r->leg = calloc(n + 1, sizeof(*r->leg));
	r->by_uuid = calloc(n + 1, sizeof(*r->by_uuid));
	if (!r->leg || !r->by_uuid || !keys) {
		free(keys);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < r->calls->n_calls; i++) {
		const struct fp_call *c = &r->calls->call[i];

		for (size_t k = 0; k < c->n && c->first + k < n; k++) {
			r->leg[c->first + k] =
				(struct rec_leg){ .r = r, .call = i, .nth = k };
			keys[r->n_legs++] = (struct key){
				.uuid = rec_uuid(&r->calls->leg[c->first + k]),
				.leg = c->first + k,
			};
		}
	}
	qsort(keys, r->n_legs, sizeof(*keys), by_uuid);
	for (size_t k = 0; k < r->n_legs; k++)
		r->by_uuid[k] = keys[k].leg;
	free(keys);
	return 0;
}

static struct rec_leg *find(const struct rec *r, const char *uuid)
{
	size_t low = 0, high = r->n_legs;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		size_t leg = r->by_uuid[mid];
		int c = strcmp(rec_uuid(&r->calls->leg[leg]), uuid);

		if (!c)
			return &r->leg[leg];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool rec_has_leg(const struct rec *r, const char *uuid)
{
	return find(r, uuid);
}

/* ---- what it means */

static const char *uuid_of(const struct rec_leg *l)
{
	return rec_uuid(&l->r->calls->leg[l - l->r->leg]);
}

static void on_cured(void *ctx, int code, const char *body,
		     const struct fp_err *e)
{
	struct rec_target *t = ctx;

	(void)code;
	(void)body;
	(void)e;
	t->n_out--;
}

static void kill_leg(struct rec_leg *l)
{
	struct rec_target *t = l->r->call[l->call].t;
	struct fp_err e;
	char command[REC_COMMAND];

	snprintf(command, sizeof(command), "uuid_kill %s", uuid_of(l));
	if (!fp_switch_send(t->x, command, REC_ANSWER_MS, on_cured, t, &e)) {
		t->n_out++;
		l->r->sum->n_killed++;
	}
}

/* The inbound leg is the originator, which it is in most. */
static void bridge_legs(struct rec_leg *l)
{
	struct rec *r = l->r;
	const struct rec_call *c = &r->call[l->call];
	size_t first = r->calls->call[l->call].first;
	const struct fp_leg *a = &r->calls->leg[first + l->nth], *b;
	char command[2 * REC_COMMAND];
	struct fp_err e;

	b = &r->calls->leg[first + c->prover.leg[l->nth].is.partner];
	if (!a->row.is_inbound && b->row.is_inbound) {
		const struct fp_leg *was = a;

		a = b;
		b = was;
	}
	snprintf(command, sizeof(command), "uuid_bridge %s %s", rec_uuid(a),
		 rec_uuid(b));
	if (!fp_switch_send(c->t->x, command, REC_ANSWER_MS, on_cured, c->t,
			    &e))
		c->t->n_out++;
}

static void conclude(struct rec *r, size_t i, enum fp_proof proof)
{
	const struct rec_call *c = &r->call[i];
	bool is_bye = r->calls->call[i].fate == FP_FATE_BYE;
	char why[sizeof(r->way[i].reason)];

	fp_prover_why(&c->prover, why, sizeof(why));
	switch (proof) {
	case FP_PROOF_PROVEN:
		rec_verdict(r, i, is_bye ? FP_REC_BYE : FP_REC_RECOVERED, "%s",
			    "");
		break;
	case FP_PROOF_ENDED:
		rec_verdict(r, i, is_bye ? FP_REC_BYE : FP_REC_RECOVERED, "%s",
			    is_bye ? "" : "it was hung up since");
		break;
	case FP_PROOF_GONE:
		rec_verdict(r, i, FP_REC_GONE, "%s", why);
		break;
	case FP_PROOF_SILENT:
		rec_verdict(r, i, FP_REC_SILENT, "%s", why);
		break;
	case FP_PROOF_REFUSED:
		rec_verdict(r, i, FP_REC_LOST, "%s", why);
		break;
	case FP_PROOF_FAILED:
		rec_again(r, i, why);
		break;
	default:
		break;
	}
}

static void ask_first(struct rec_leg *l)
{
	l->is_pending = l->r->is_sure_wanted = true;
	rec_wake(l->r);
}

void rec_see(struct rec_leg *l)
{
	struct rec *r = l->r;
	struct rec_call *c = &r->call[l->call];
	bool is_recovered = c->b->at == REC_AT_ANSWERED && !c->b->doubt_ms;
	int64_t now_ms = fp_clock_ms();
	enum fp_proof proof;

	if (r->is_late) {
		ask_first(l);
		return;
	}
	switch (fp_prover_see(&c->prover, l->nth, &l->seen, is_recovered,
			      now_ms)) {
	case FP_PROVE_KILL:
		kill_leg(l);
		break;
	case FP_PROVE_BRIDGE:
		bridge_legs(l);
		break;
	case FP_PROVE_ASK:
		ask_first(l);
		break;
	default:
		break;
	}
	if (fp_prover_is_half(&c->prover)) {
		rec_rest(r, l->call);
		if (!c->is_proving)
			return;
	}
	proof = fp_prover_verdict(&c->prover, now_ms);
	if (proof != FP_PROOF_WAITING)
		conclude(r, l->call, proof);
}

/* ---- asking */

/* Of a dump: header lines, values percent-encoded or not. */
static void read_dump(struct fp_prove_seen *s, const char *body)
{
	char text[24] = "";

	fp_esl_header(body, "Channel-State", true, s->state, sizeof(s->state));
	if (fp_esl_header(body, "variable_sip_cseq", true, text, sizeof(text)))
		s->cseq = (uint32_t)strtoul(text, NULL, 10);
}

static void on_looked(void *ctx, int code, const char *body,
		      const struct fp_err *e)
{
	struct rec_leg *l = ctx;
	struct rec_call *c = &l->r->call[l->call];

	struct rec_target *t = l->asked;

	(void)e;
	rec_ran(l->r);
	l->asked = NULL;
	t->n_out--;
	if (code && code != -EREMOTEIO) {
		rec_cut(t);
		return;
	}
	if (!c->is_proving || !c->b || c->t != t || l->nth_run != l->r->nth_run)
		return;
	l->seen.exists = !code && strncmp(body, "-ERR", 4) != 0;
	if (l->seen.exists && l->is_dump)
		read_dump(&l->seen, body);
	else if (l->seen.exists && *body >= '0' && *body <= '9')
		l->seen.cseq = (uint32_t)strtoul(body, NULL, 10);
	rec_see(l);
}

static bool is_full(const struct rec_batch *b)
{
	return b->n_sessions >= 0 && (size_t)b->n_sessions >= b->n_legs;
}

/* The CSeq first, which is cheap; all of it when that has grown or will not. */
static bool wants_dump(const struct rec_leg *l)
{
	const struct rec_call *c = &l->r->call[l->call];
	const struct fp_proving *p = &c->prover.leg[l->nth];
	const struct rec_batch *b = c->b;

	return (p->is.is_bonded && p->was_up) || p->looks >= GETVAR_LOOKS ||
	       (b->n_sessions >= 0 && !is_full(b));
}

/* false: its call has its verdict. */
static bool look_at(struct rec_leg *l, int64_t now_ms)
{
	struct rec_target *t = l->r->call[l->call].t;
	struct fp_err e;
	int c;
	char command[REC_COMMAND];

	l->is_dump = wants_dump(l);
	snprintf(command, sizeof(command), "%s %s%s",
		 l->is_dump ? "uuid_dump" : "uuid_getvar", uuid_of(l),
		 l->is_dump ? "" : " sip_cseq");
	c = fp_switch_send(t->x, command, REC_ANSWER_MS, on_looked, l, &e);
	if (c == -EINVAL) {
		/* it would be refused for ever: nothing was cut */
		rec_verdict(l->r, l->call, FP_REC_UNKNOWN, "%s", e.text);
		return false;
	}
	if (c) {
		rec_cut(t);
		return true;
	}
	l->asked = t;
	l->nth_run = l->r->nth_run;
	l->looked_ms = now_ms;
	t->n_out++;
	return true;
}

static bool is_busy(const struct rec_target *t)
{
	return t->asked || t->ready || rec_queued(t);
}

/* What a batch's calls are asked is in the way of the next batch: later, when all of
 * them came up. */
static int64_t last_ms(const struct rec_leg *l)
{
	int64_t answered_ms = l->r->call[l->call].b->answered_ms;

	return l->looked_ms > answered_ms ? l->looked_ms : answered_ms;
}

static void look_at_call(struct rec *r, size_t i, int64_t now_ms)
{
	struct rec_call *c = &r->call[i];
	size_t first = r->calls->call[i].first;

	if (c->t->is_cut || c->t->is_dead)
		return;
	for (size_t n = 0; n < c->prover.n && c->t->n_out < OUT_MAX; n++) {
		struct rec_leg *l = &r->leg[first + n];
		int64_t next_ms = fp_prover_next_ms(&c->prover, n);

		if (!next_ms && !l->looked_ms)
			next_ms = c->b->answered_ms + 100;
		if (is_busy(c->t) && (l->looked_ms || is_full(c->b)) &&
		    next_ms < last_ms(l) + BUSY_AGAIN_MS)
			next_ms = last_ms(l) + BUSY_AGAIN_MS;
		if (!l->asked && next_ms <= now_ms && !look_at(l, now_ms))
			return;
	}
}

void rec_look(struct rec *r)
{
	int64_t now_ms = fp_clock_ms();

	for (struct rec_batch *b = r->batches; b; b = b->next) {
		if (b->at != REC_AT_ANSWERED)
			continue;
		for (size_t k = 0; k < b->n && b->at == REC_AT_ANSWERED; k++)
			if (r->call[b->call[k]].b == b)
				look_at_call(r, b->call[k], now_ms);
	}
}

/* ---- hearing */

static void take_hangup(struct rec_leg *l, const char *body)
{
	struct fp_prove_seen *s = &l->seen;
	char text[64] = "";

	s->exists = false;
	fp_esl_header(body, "Hangup-Cause", true, s->cause, sizeof(s->cause));
	if (!*s->cause)
		snprintf(s->cause, sizeof(s->cause), "NORMAL_UNSPECIFIED");
	if (fp_esl_header(body, "variable_sip_cseq", true, text, sizeof(text)))
		s->cseq = (uint32_t)strtoul(text, NULL, 10);
	if (fp_esl_header(body, "variable_sip_term_status", true, text,
			  sizeof(text)))
		s->sip = (int)strtol(text, NULL, 10);
	if (s->sip < 300)
		s->sip = 0;
	rec_see(l);
}

void rec_event(void *ctx, struct fp_switch *x, const struct fp_esl_frame *f)
{
	struct rec *r = ctx;
	struct rec_leg *l;
	char text[FP_LEG_UUID_MAX + 1];

	rec_ran(r);
	if (r->event)
		r->event(r->ctx, x, f);
	if (!fp_esl_header(f->body, "Event-Name", true, text, sizeof(text)) ||
	    strcmp(text, "CHANNEL_HANGUP") != 0 ||
	    !fp_esl_header(f->body, "Unique-ID", true, text, sizeof(text)))
		return;
	l = find(r, text);
	if (l && r->call[l->call].is_proving && r->call[l->call].b &&
	    r->call[l->call].t->x == x)
		take_hangup(l, f->body);
}
