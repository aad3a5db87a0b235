/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "logic/recover_groups_priv.h"

/* ---- one order, whatever order the rows came in */

/* Of two rows of one uuid, which counts: one that can be had, then the later.  Rows
 * have no date: of one dialog the higher CSeq is later, inbound legs have a small one
 * until they are recovered. */
static int by_age(const struct fp_leg *a, const struct fp_leg *b)
{
	bool is_a = a->words & FP_CALL_BROKEN, is_b = b->words & FP_CALL_BROKEN;
	size_t n = a->xml_len < b->xml_len ? a->xml_len : b->xml_len;

	if (is_a != is_b)
		return is_a - is_b;
	if (a->at_us != b->at_us)
		return a->at_us > b->at_us ? -1 : 1;
	if (a->row.cseq != b->row.cseq)
		return a->row.cseq > b->row.cseq ? -1 : 1;
	if (a->xml_len != b->xml_len)
		return a->xml_len > b->xml_len ? -1 : 1;
	return n > 0 ? memcmp(a->xml, b->xml, n) : 0;
}

static int by_id(const void *pa, const void *pb)
{
	const struct fp_leg *a = pa, *b = pb;
	int d = strcmp(fp_leg_id(a), fp_leg_id(b));

	return d != 0 ? d : by_age(a, b);
}

static void by_id_sort(struct fp_calls_work *w)
{
	qsort(w->leg, w->n, sizeof(*w->leg), by_id);
	for (size_t i = 0; i < w->n; i++)
		w->v[i].id = fp_leg_id(&w->leg[i]);
}

/* ---- which of them are asked for */

static bool is_of_room(const struct fp_leg *l, const char *room)
{
	return fp_leg_is_member(l) && strcmp(l->row.conference, room) == 0;
}

static const char *host(const struct fp_leg *l)
{
	return l->hostname != NULL ? l->hostname : "";
}

static size_t find_asked(const struct fp_calls_work *w)
{
	const struct fp_calls_opts *o = w->o;

	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].nth > 0)
			continue;
		if (o->only_uuid != NULL ? strcmp(w->v[i].id, o->only_uuid) == 0
					 : is_of_room(&w->leg[i], o->only_room))
			return i;
	}
	return FP_CALLS_NO_LEG;
}

/* Of leg i, its call; of its room, members that cannot come with it too. */
static void ask_for(struct fp_calls_work *w, size_t i)
{
	size_t root = fp_calls_root(w, i);
	const char *room =
		w->o->only_room != NULL ? w->leg[i].row.conference : NULL;

	for (size_t j = 0; j < w->n; j++)
		w->v[j].is_asked =
			fp_calls_root(w, j) == root ||
			(room != NULL && is_of_room(&w->leg[j], room) &&
			 strcmp(host(&w->leg[j]), host(&w->leg[i])) == 0);
}

/* 0; -ENOENT; -EINVAL. */
static int ask(struct fp_calls_work *w, struct fp_err *e)
{
	const struct fp_calls_opts *o = w->o;
	const char *room = o->only_room;
	const struct fp_leg *l;
	size_t i;

	for (i = 0; i < w->n; i++)
		w->v[i].is_asked = true;
	if (o->only_uuid == NULL && (room == NULL || room[0] == '\0'))
		return 0;
	i = find_asked(w);
	if (i == FP_CALLS_NO_LEG)
		return fp_err(e, -ENOENT, "%s%s has no row",
			      o->only_uuid != NULL ? "" : "room ",
			      o->only_uuid != NULL ? o->only_uuid : room);
	l = &w->leg[i];
	if (room != NULL && !fp_leg_is_member(l))
		return fp_err(e, -ENOENT, "%s is in no room", w->v[i].id);
	if (room != NULL && room[0] != '\0' && !is_of_room(l, room))
		return fp_err(e, -ENOENT, "%s is not in room %s", w->v[i].id,
			      room);
	if (room == NULL && fp_leg_is_member(l) && !o->is_member_alone)
		return fp_err(e, -EINVAL,
			      "%s is a member of room %s: the room, or this "
			      "member alone?",
			      w->v[i].id, l->row.conference);
	ask_for(w, i);
	return 0;
}

/* ---- calls in order of their first legs */

struct place {
	size_t leg;
	const char *first; /* the id of its call's first leg */
	unsigned int nth;
	size_t rank;
	bool is_asked;
};

static int by_call(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;
	int d = b->is_asked - a->is_asked;

	if (d == 0)
		d = strcmp(a->first, b->first);
	if (d == 0 && a->nth != b->nth)
		return a->nth < b->nth ? -1 : 1;
	if (d == 0 && a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return d;
}

/* rank is over all legs: the lowest of a group is its first. */
static void order(const struct fp_calls_work *w, size_t *first,
		  struct place *to)
{
	for (size_t i = 0; i < w->n; i++)
		first[i] = FP_CALLS_NO_LEG;
	for (size_t i = 0; i < w->n; i++) {
		size_t root = fp_calls_root(w, i);

		if (first[root] == FP_CALLS_NO_LEG ||
		    w->v[i].rank < w->v[first[root]].rank)
			first[root] = i;
	}
	for (size_t i = 0; i < w->n; i++) {
		size_t root = fp_calls_root(w, i);

		to[i] = (struct place){
			.leg = i,
			.first = w->v[first[root]].id,
			.nth = w->v[i].nth,
			.rank = w->v[i].rank,
			.is_asked = w->v[i].is_asked,
		};
	}
	qsort(to, w->n, sizeof(*to), by_call);
}

static bool is_same_call(const struct place *a, const struct place *b)
{
	return a->is_asked == b->is_asked && a->nth == b->nth &&
	       strcmp(a->first, b->first) == 0;
}

static void put_call(struct fp_calls *out, const struct fp_calls_work *w,
		     const struct fp_calls_node *v, size_t first, size_t n)
{
	struct fp_call *c = &out->call[out->n_calls];

	*c = (struct fp_call){ .first = first, .n = n };
	for (size_t i = 0; i < n; i++)
		w->leg[first + i].call = out->n_calls;
	fp_call_judge(c, v, w->leg + first, w->o);
	out->n_calls++;
}

/* Legs and nodes into the order of to[]; then each call. */
static int put_all(struct fp_calls *out, struct fp_calls_work *w,
		   const struct place *to)
{
	struct fp_leg *leg = malloc((w->n + 1) * sizeof(*leg));
	struct fp_calls_node *v = malloc((w->n + 1) * sizeof(*v));
	size_t first = 0;

	if (leg == NULL || v == NULL) {
		free(leg);
		free(v);
		return -ENOMEM;
	}
	for (size_t i = 0; i < w->n; i++) {
		leg[i] = w->leg[to[i].leg];
		leg[i].call = SIZE_MAX;
		v[i] = w->v[to[i].leg];
	}
	memcpy(w->leg, leg, w->n * sizeof(*leg));
	for (size_t i = 1; i <= w->n && first < w->n && to[first].is_asked; i++)
		if (i == w->n || !is_same_call(&to[first], &to[i])) {
			put_call(out, w, v + first, first, i - first);
			out->n_legs = i;
			first = i;
		}
	free(leg);
	free(v);
	return 0;
}

static int make(struct fp_calls *out, struct fp_calls_work *w, size_t *idx,
		struct place *to, struct fp_err *e)
{
	int rc;

	by_id_sort(w);
	fp_calls_bond(w);
	fp_calls_unite(w, idx);
	rc = ask(w, e);
	if (rc != 0)
		return rc;
	order(w, idx, to);
	return put_all(out, w, to);
}

int fp_calls_make(struct fp_calls *out, struct fp_leg *leg, size_t n,
		  const struct fp_calls_opts *o, struct fp_err *e)
{
	struct fp_calls_work w = { .leg = leg, .n = n, .o = o };
	struct fp_calls made = { .leg = leg };
	size_t *idx = calloc(n + 1, sizeof(*idx));
	struct place *to = calloc(n + 1, sizeof(*to));
	int rc = -ENOMEM;

	w.v = calloc(n + 1, sizeof(*w.v));
	made.call = calloc(n + 1, sizeof(*made.call));
	if (w.v != NULL && made.call != NULL && idx != NULL && to != NULL)
		rc = make(&made, &w, idx, to, e);
	if (rc == -ENOMEM)
		fp_err(e, rc, "%zu legs: no memory", n);
	free(w.v);
	free(idx);
	free(to);
	if (rc != 0) {
		free(made.call);
		return rc;
	}
	*out = made;
	return 0;
}

void fp_calls_fini(struct fp_calls *c)
{
	free(c->call);
	memset(c, 0, sizeof(*c));
}
