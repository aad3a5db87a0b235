/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "logic/recover_groups_priv.h"

static enum fp_call_kind kind_of(const struct fp_call *c,
				 const struct fp_calls_node *v,
				 const struct fp_leg *leg)
{
	for (size_t i = 0; i < c->n; i++)
		if (v[i].in_room && !v[i].is_out)
			return FP_CALL_CONFERENCE;
	if (c->n > 1)
		return c->n == 2 ? FP_CALL_BRIDGE : FP_CALL_CHAIN;
	if (c->words & FP_CALL_ORPHAN || leg->row.n_apps == 0)
		return FP_CALL_ALONE;
	return fp_leg_partner(leg)[0] != '\0' && v->is_out ? FP_CALL_ALONE
							   : FP_CALL_SINGLE;
}

static enum fp_call_fate orphan_fate(const struct fp_leg *l,
				     const struct fp_calls_opts *o)
{
	if (o->orphans == FP_FATE_SKIP)
		return FP_FATE_SKIP;
	/* without applications there is nothing that could dial */
	if (o->orphans == FP_FATE_REDIAL && l->row.n_apps > 0)
		return FP_FATE_REDIAL;
	return FP_FATE_BYE;
}

static enum fp_call_fate fate_of(const struct fp_call *c,
				 const struct fp_calls_node *v,
				 const struct fp_leg *leg,
				 const struct fp_calls_opts *o)
{
	if (v->nth > 0)
		return FP_FATE_SKIP;
	if (c->words & (FP_CALL_NOT_HAD | FP_CALL_TOO_OLD))
		return FP_FATE_LOST;
	if (c->words & FP_CALL_ORPHAN)
		return orphan_fate(leg, o);
	if (c->words & FP_CALL_UNSAFE && !o->is_one_leg_all)
		return FP_FATE_LOST;
	return FP_FATE_MOVE;
}

static void name(struct fp_call *c, const struct fp_calls_node *v,
		 const struct fp_leg *leg, const struct fp_calls_opts *o)
{
	const char *room = NULL;

	for (size_t i = 0; i < c->n && room == NULL; i++)
		if (v[i].in_room && !v[i].is_out)
			room = leg[i].row.conference;
	/* a member alone is not its room, nor is what would be cut */
	if (c->kind == FP_CALL_CONFERENCE && room != NULL &&
	    strlen(room) < sizeof(c->name) && !o->is_member_alone)
		snprintf(c->name, sizeof(c->name), "%s", room);
	else if (v->nth > 0)
		snprintf(c->name, sizeof(c->name), "%.255s#%u", v->id,
			 v->nth + 1);
	else
		snprintf(c->name, sizeof(c->name), "%s", v->id);
}

void fp_call_judge(struct fp_call *c, const struct fp_calls_node *v,
		   const struct fp_leg *leg, const struct fp_calls_opts *o)
{
	for (size_t i = 0; i < c->n; i++)
		c->words |= leg[i].words;
	c->kind = kind_of(c, v, leg);
	c->fate = fate_of(c, v, leg, o);
	name(c, v, leg, o);
}

bool fp_call_is_left(const struct fp_call *c)
{
	/* what is skipped without one of these is a row that another one replaced */
	return c->fate == FP_FATE_LOST ||
	       (c->fate == FP_FATE_SKIP &&
		c->words & (FP_CALL_ORPHAN | FP_CALL_UNSAFE | FP_CALL_EDGE));
}

void fp_leg_edit(const struct fp_call *c, const struct fp_leg *l,
		 struct fp_fsrow_edit *edit)
{
	edit->drop_bond = l->is_bond_dead;
	edit->drop_apps = c->fate == FP_FATE_BYE;
}
