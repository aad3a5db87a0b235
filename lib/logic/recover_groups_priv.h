/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_RECOVER_GROUPS_PRIV_H
#define FP_LOGIC_RECOVER_GROUPS_PRIV_H

#include "logic/recover_groups.h"

#define FP_CALLS_NO_LEG SIZE_MAX

/* Words of a leg that cannot be had at all. */
#define FP_CALL_NOT_HAD                                                        \
	(FP_CALL_BROKEN | FP_CALL_FOREIGN | FP_CALL_WS | FP_CALL_DTLS |        \
	 FP_CALL_T38 | FP_CALL_BYPASS)

/* A leg while calls are made. */
struct fp_calls_node {
	const char *id; /* of its session; never NULL */
	size_t partner; /* a node; FP_CALLS_NO_LEG: none, or not there */
	size_t up;      /* to the root of its group */
	size_t rank;    /* in its group: pairs adjacent, the originator first */
	unsigned int nth; /* of rows of one uuid, the latest is 0 */
	bool is_out;      /* counts as not there */
	bool is_live;     /* somebody will re-bridge it */
	bool leads;       /* ... this one its partner */
	bool in_room;
	bool is_asked;
};
/* v[] is sorted by id, and of one id the row that counts first. */
struct fp_calls_work {
	struct fp_leg *leg; /* in the order of v */
	struct fp_calls_node *v;
	size_t n;
	const struct fp_calls_opts *o;
};

const char *fp_leg_id(const struct fp_leg *l);      /* never NULL */
const char *fp_leg_partner(const struct fp_leg *l); /* "": none */
bool fp_leg_is_member(const struct fp_leg *l);      /* of a room */
bool fp_leg_is_safe(const struct fp_leg *l);
/* Its words as far as it alone says them. */
unsigned int fp_leg_words(const struct fp_leg *l,
			  const struct fp_calls_opts *o);
/* Partners, and who is alone: words ORPHAN, ONE_LEG, UNSAFE, TWICE; then groups. */
void fp_calls_bond(struct fp_calls_work *w);
void fp_calls_unite(struct fp_calls_work *w, size_t *idx); /* idx: room for n */
size_t fp_calls_root(const struct fp_calls_work *w, size_t i);
/* Kind, words, fate and name of a call whose legs stand. */
void fp_call_judge(struct fp_call *c, const struct fp_calls_node *v,
		   const struct fp_leg *leg, const struct fp_calls_opts *o);

#endif
