/* SPDX-License-Identifier: Apache-2.0 */
/* Half of a call is up: the other half is put beside it. */
#include "recover/recovering_priv.h"

bool rec_is_put(const struct rec *r, size_t k)
{
	return !r->call[r->leg[k].call].is_half || r->leg[k].is_missing;
}

size_t rec_n_put(const struct rec *r, size_t i)
{
	const struct fp_call *c = &r->calls->call[i];
	size_t n = 0;

	for (size_t k = 0; k < c->n; k++)
		n += rec_is_put(r, c->first + k);
	return n;
}

void rec_rest(struct rec *r, size_t i)
{
	struct rec_call *c = &r->call[i];
	struct rec_target *t = c->t;
	size_t first = r->calls->call[i].first;

	c->prover.may_retry = false;
	if (r->code || c->was_half || t->is_dead || t->is_cut)
		return; /* those that are up are ended */
	for (size_t n = 0; n < c->prover.n; n++)
		r->leg[first + n].is_missing =
			c->prover.leg[n].proof == FP_PROOF_FAILED;
	c->is_half = c->was_half = true;
	rec_leave(r, i);
	rec_queue(t, i);
	rec_wake(r);
}
