/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that came by an OpenSIPS that is dead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/rescue_priv.h"

/* What is told of one that is dead. */
struct tally {
	size_t n_legs, n_unknown, n_calls; /* calls: that nobody else has */
	size_t *n_to;                      /* legs, by edge */
};

/* ---- who answers */

static int ask(struct fp_rescue_job *j, bool is_listed, struct fp_err *e)
{
	const struct fp_hop_edge *v = NULL;
	size_t n = 0;
	int r = j->o.edges(j->o.ctx, is_listed, &v, &n, e);

	if (r)
		return r;
	fp_hops_fini(&j->hops);
	if (fp_hops_init(&j->hops, v, n))
		return fp_err(e, -ENOMEM, "out of memory");
	j->hops.is_listed = is_listed;
	j->hops.is_lifted = j->o.is_lifted && j->o.is_lifted(j->o.ctx, "edge");
	return 0;
}

static bool is_any_dead(const struct fp_rescue_job *j)
{
	struct fp_hop hop;

	for (size_t i = 0; i < j->r.n_legs; i++)
		if (fp_hop_of(&j->hops, &j->r.leg[i].row, &hop))
			return true;
	return false;
}

/* Dialogs are listed when there is a call that needs them. */
static int know(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = j->hops.v ? 0 : ask(j, false, e);

	if (!r && !j->hops.is_listed && is_any_dead(j))
		r = ask(j, true, e);
	return r;
}

/* ---- calls */

static size_t at(const struct fp_rescue_job *j, const struct fp_hops_edge *x)
{
	return (size_t)(x - j->hops.v);
}

static void judge(struct fp_rescue_job *j, struct fp_call *c, struct tally *t)
{
	const struct fp_hops_edge *nowhere = NULL;
	struct fp_hop hop;

	for (size_t i = 0; i < c->n; i++) {
		struct fp_leg *l = &j->r.calls.leg[c->first + i];
		enum fp_hop_state s = fp_hop_of(&j->hops, &l->row, &hop);

		if (s == FP_HOP_AS_IS)
			continue;
		t[at(j, hop.dead)].n_legs++;
		t[at(j, hop.dead)].n_unknown += s == FP_HOP_UNKNOWN;
		if (s == FP_HOP_OTHER)
			t[at(j, hop.dead)].n_to[at(j, hop.to)]++;
		if (s != FP_HOP_NOWHERE)
			continue;
		l->words |= FP_CALL_EDGE;
		nowhere = hop.dead;
	}
	if (!nowhere)
		return;
	t[at(j, nowhere)].n_calls++;
	c->words |= FP_CALL_EDGE;
	/* what is staged was chosen */
	if (!j->is_staged)
		c->fate = FP_FATE_SKIP;
}

/* ---- telling */

static void say(struct fp_rescue_job *j, const struct fp_hops_edge *x,
		const struct tally *t)
{
	const char *name = x->o.host->name;
	struct fp_condition c = {
		.node = name, .name = "edge", .rule = "", .state = FP_COND_WARN
	};
	char value[160], detail[600];
	size_t len = 0;

	len = (size_t)snprintf(value, sizeof(value), "%zu legs", t->n_legs);
	for (size_t k = 0; k < j->hops.n && len < sizeof(value); k++)
		if (t->n_to[k])
			len += (size_t)snprintf(value + len,
						sizeof(value) - len,
						", %zu by %.40s", t->n_to[k],
						j->hops.v[k].o.host->name);
	if (t->n_calls)
		snprintf(detail, sizeof(detail),
			 "it does not answer, and of %zu calls no OpenSIPS "
			 "that does has the dialog: %s (fp-rehome failover %s, "
			 "or its return, first)",
			 t->n_calls,
			 j->is_staged ? "they are asked for all the same"
				      : "their rows stay",
			 name);
	else if (t->n_unknown)
		snprintf(detail, sizeof(detail),
			 "neither it nor another OpenSIPS answers: rows stay "
			 "as they are");
	else
		snprintf(detail, sizeof(detail),
			 "it does not answer: rows get another's address");
	c.value = value;
	c.detail = detail;
	if (j->o.condition)
		j->o.condition(j->o.ctx, &c);
}

static int tally(struct fp_rescue_job *j, struct tally *t, struct fp_err *e)
{
	for (size_t i = 0; i < j->hops.n; i++) {
		t[i].n_to = calloc(j->hops.n, sizeof(*t[i].n_to));
		if (!t[i].n_to)
			return fp_err(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < j->r.calls.n_calls; i++)
		if (fp_rescue_is_had(&j->r.calls.call[i]))
			judge(j, &j->r.calls.call[i], t);
	for (size_t i = 0; i < j->hops.n; i++)
		if (t[i].n_legs && !j->is_hops_told)
			say(j, &j->hops.v[i], &t[i]);
	/* those of its last grouping count */
	if (!j->is_staged)
		j->n_edge = 0;
	for (size_t i = 0; i < j->hops.n; i++)
		if (!j->is_staged)
			j->n_edge += t[i].n_calls;
	return 0;
}

int fp_rescue_hops(struct fp_rescue_job *j, struct fp_err *e)
{
	struct tally *t;
	int r;

	if (!j->o.edges || !j->r.n_legs)
		return 0;
	r = know(j, e);
	if (r || !j->hops.is_listed)
		return r;
	t = calloc(j->hops.n + 1, sizeof(*t));
	r = t ? tally(j, t, e) : fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; t && i < j->hops.n; i++)
		free(t[i].n_to);
	free(t);
	j->is_hops_told |= !r;
	return r;
}
