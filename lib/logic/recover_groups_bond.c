/* SPDX-License-Identifier: Apache-2.0 */
/* Who belongs to whom. */
#include <stdlib.h>
#include <string.h>

#include "logic/recover_groups_priv.h"

static size_t find(const struct fp_calls_work *w, const char *id)
{
	size_t lo = 0, hi = w->n;

	if (id[0] == '\0')
		return FP_CALLS_NO_LEG;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(w->v[mid].id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == w->n || strcmp(w->v[lo].id, id) != 0)
		return FP_CALLS_NO_LEG;
	return lo; /* of rows of one uuid the one that counts is first */
}

bool fp_leg_is_member(const struct fp_leg *l)
{
	return l->row.conference != NULL && l->row.conference[0] != '\0';
}

/* Rows of one uuid stand together. */
static void see_twice(struct fp_calls_work *w)
{
	for (size_t i = 1; i < w->n; i++) {
		if (strcmp(w->v[i].id, w->v[i - 1].id) != 0)
			continue;
		w->v[i].nth = w->v[i - 1].nth + 1;
		w->v[i].is_out = true;
		w->leg[i].words |= FP_CALL_TWICE;
		w->leg[i - w->v[i].nth].words |= FP_CALL_TWICE;
	}
}

/* A row says that its leg re-bridges (flag 4) only when it has bridged: of a node that
 * died a moment after it recovered a call neither row does, yet both name each other.
 * Then who dialled stands for it; and when both wait, uuid_bridge helps. */
static bool is_pair(const struct fp_calls_work *w, size_t i, size_t p)
{
	const struct fp_fsrow *a = &w->leg[i].row, *b = &w->leg[p].row;

	if (a->is_originator || b->is_originator || w->v[p].partner != i)
		return false;
	/* bonds of an attempt stay behind when it failed */
	return a->signal_bond && *a->signal_bond && b->signal_bond &&
	       *b->signal_bond;
}

static bool leads(const struct fp_calls_work *w, size_t i)
{
	const struct fp_fsrow *a = &w->leg[i].row, *b;
	size_t p = w->v[i].partner;

	if (p == FP_CALLS_NO_LEG)
		return false;
	if (a->is_originator)
		return true;
	b = &w->leg[p].row;
	return is_pair(w, i, p) &&
	       (a->is_inbound != b->is_inbound ? a->is_inbound : i < p);
}

static void see_partners(struct fp_calls_work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		size_t p = find(w, fp_leg_partner(&w->leg[i]));

		w->v[i].partner = FP_CALLS_NO_LEG;
		if (p != FP_CALLS_NO_LEG && p != i && !w->v[p].is_out &&
		    !w->v[i].is_out)
			w->v[i].partner = p;
	}
	/* Of a bridge the leg with flag 4 looks for its partner, which waits in
	 * CS_RESET until it is found: without one both wait for ever.
	 * switch_core_state_machine.c switch_core_standard_on_reset. */
	for (size_t i = 0; i < w->n; i++)
		if (leads(w, i)) {
			w->v[i].leads = true;
			w->v[i].is_live = true;
			w->v[w->v[i].partner].is_live = true;
		}
}

/* A leg that will run its applications, or has none. */
static void see_single(struct fp_calls_work *w, size_t i)
{
	struct fp_leg *l = &w->leg[i];
	const char *bond = l->row.signal_bond;
	bool is_safe = fp_leg_is_safe(l);

	l->is_bond_dead = fp_leg_partner(l)[0] != '\0';
	/* its applications bring it back to its room */
	if (fp_leg_is_member(l) && l->row.n_apps > 0) {
		w->v[i].in_room = is_safe || w->o->is_one_leg_all;
		l->words |= is_safe ? 0 : FP_CALL_ONE_LEG | FP_CALL_UNSAFE;
		return;
	}
	/* An originate_signal_bond alone stays behind when a call attempt failed:
	 * then the leg has gone on to other applications (switch_ivr_originate.c). */
	if (l->row.n_apps == 0 || (bond != NULL && bond[0] != '\0') ||
	    (l->is_bond_dead && !is_safe)) {
		l->words |= FP_CALL_ORPHAN;
		return;
	}
	l->words |= FP_CALL_ONE_LEG | (is_safe ? 0 : FP_CALL_UNSAFE);
}

void fp_calls_bond(struct fp_calls_work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		w->leg[i].words = fp_leg_words(&w->leg[i], w->o);
		w->leg[i].is_bond_dead = false;
		w->v[i].is_out = w->leg[i].words & FP_CALL_NOT_HAD;
	}
	see_twice(w);
	see_partners(w);
	for (size_t i = 0; i < w->n; i++) {
		struct fp_calls_node *v = &w->v[i];

		if (v->is_live)
			v->in_room = fp_leg_is_member(&w->leg[i]);
		else if (!v->is_out)
			see_single(w, i);
	}
}

size_t fp_calls_root(const struct fp_calls_work *w, size_t i)
{
	while (w->v[i].up != i) {
		w->v[i].up = w->v[w->v[i].up].up;
		i = w->v[i].up;
	}
	return i;
}

static void unite(struct fp_calls_work *w, size_t a, size_t b)
{
	a = fp_calls_root(w, a);
	b = fp_calls_root(w, b);
	if (a < b)
		w->v[b].up = a;
	else
		w->v[a].up = b;
}

/* Two nodes may have a room of one name each. */
static int by_room(const void *pa, const void *pb, void *ctx)
{
	const struct fp_calls_work *w = ctx;
	const struct fp_leg *a = &w->leg[*(const size_t *)pa];
	const struct fp_leg *b = &w->leg[*(const size_t *)pb];
	int d = strcmp(a->row.conference, b->row.conference);

	return d != 0 ? d
		      : strcmp(a->hostname != NULL ? a->hostname : "",
			       b->hostname != NULL ? b->hostname : "");
}

/* idx: room for n. */
static void unite_rooms(struct fp_calls_work *w, size_t *idx)
{
	const struct fp_calls_opts *o = w->o;
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		/* take --member: it leaves its room */
		if (o->is_member_alone && o->only_uuid != NULL &&
		    strcmp(w->v[i].id, o->only_uuid) == 0)
			continue;
		if (w->v[i].in_room)
			idx[n++] = i;
	}
	qsort_r(idx, n, sizeof(*idx), by_room, w);
	for (size_t i = 1; i < n; i++)
		if (by_room(&idx[i - 1], &idx[i], w) == 0)
			unite(w, idx[i - 1], idx[i]);
}

static void rank_pairs(struct fp_calls_work *w)
{
	size_t rank = 1;

	for (size_t i = 0; i < w->n; i++)
		w->v[i].rank = 0;
	for (size_t i = 0; i < w->n; i++) {
		size_t p = w->v[i].partner;

		if (!w->v[i].leads || w->v[i].rank != 0)
			continue;
		w->v[i].rank = rank++;
		if (w->v[p].rank == 0)
			w->v[p].rank = rank++;
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].rank == 0)
			w->v[i].rank = rank++;
}

void fp_calls_unite(struct fp_calls_work *w, size_t *idx)
{
	for (size_t i = 0; i < w->n; i++)
		w->v[i].up = i;
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].leads)
			unite(w, i, w->v[i].partner);
	unite_rooms(w, idx);
	rank_pairs(w);
}
