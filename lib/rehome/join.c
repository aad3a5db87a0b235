/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/join.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SKEW_S 2

/* ---- sets of call-ids */

static int ids_add(struct fp_join_ids *s, const char *callid)
{
	char **grown;

	if (!(s->n & (s->n - 1))) { /* a power of two, or none: it is full */
		grown = reallocarray(s->v, s->n ? s->n * 2 : 1, sizeof(*s->v));
		if (!grown)
			return -ENOMEM;
		s->v = grown;
	}
	s->v[s->n] = strdup(callid);
	return s->v[s->n] ? (s->n++, 0) : -ENOMEM;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ids_sort(struct fp_join_ids *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_text);
}

static void ids_fini(struct fp_join_ids *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct fp_join_ids){ .n = 0 };
}

static void ids_keep(struct fp_join_ids *now, const struct fp_join_ids *before)
{
	size_t n = 0;

	for (size_t i = 0; i < now->n; i++) {
		if (before->n && bsearch(&now->v[i], before->v, before->n,
					 sizeof(*before->v), by_text))
			now->v[n++] = now->v[i];
		else
			free(now->v[i]);
	}
	now->n = n;
}

/* ---- who has what */

static const struct fp_dialog *up_at(const struct fp_join_in *in, size_t i,
				     const char *callid)
{
	const struct fp_dialog *d =
		i < in->n && in->node[i].dialogs
			? fp_dialogs_find(in->node[i].dialogs, callid)
			: NULL;

	return d && fp_dialog_is_up(d) ? d : NULL;
}

static bool is_listed(const struct fp_join_in *in, size_t i)
{
	return i < in->n && in->node[i].dialogs;
}

/* In any state: what x still has of a call that ends does not lack. */
static bool has(const struct fp_join_in *in, size_t i, const char *callid)
{
	return is_listed(in, i) && fp_dialogs_find(in->node[i].dialogs, callid);
}

static bool was_met(const struct fp_join_in *in, size_t before,
		    const char *callid)
{
	for (size_t i = 0; i < before; i++)
		if (i != in->x && up_at(in, i, callid))
			return true;
	return false;
}

enum fate { LIVES, ENDED, LOST };

/* By the owner of its tag, when that is not x.  Clocks of nodes differ. */
static enum fate fate_of(const struct fp_join_in *in, size_t owner,
			 const struct fp_dialog *d)
{
	if (owner == in->x || !is_listed(in, owner) ||
	    up_at(in, owner, d->callid))
		return LIVES;
	return d->started_s && d->started_s < in->node[owner].since_s + SKEW_S
		       ? LOST
		       : ENDED;
}

static void lost(const struct fp_join_in *in, size_t owner,
		 struct fp_join_diff *out)
{
	out->n_lost++;
	out->lost_by = in->node[owner].name;
}

/* A dialog that is up at another node, i. */
static int other_has(const struct fp_join_in *in, size_t i,
		     const struct fp_dialog *d, struct fp_join_diff *out)
{
	size_t owner = in->owner(in->ctx, d->tag);
	enum fate fate = fate_of(in, owner, d);
	bool is_new = !was_met(in, i, d->callid);

	if (fate == ENDED) {
		out->n_elsewhere += is_new;
		return 0;
	}
	if (owner != in->x && d->started_s &&
	    (!out->oldest_s || d->started_s < out->oldest_s))
		out->oldest_s = d->started_s;
	if (!is_new || has(in, in->x, d->callid))
		return 0;
	if (fate == LOST)
		lost(in, owner, out);
	if (!out->lacking.n)
		out->lacking_at = in->node[i].name;
	out->n_own += owner == in->x;
	return ids_add(&out->lacking, d->callid);
}

/* A dialog that is up at x. */
static int x_has(const struct fp_join_in *in, const struct fp_dialog *d,
		 struct fp_join_diff *out)
{
	size_t owner = in->owner(in->ctx, d->tag);
	enum fate fate = fate_of(in, owner, d);
	const struct fp_dialog *at;

	if (fate == LOST)
		lost(in, owner, out);
	if (owner == in->x || fate == LOST)
		return 0;
	at = up_at(in, owner, d->callid);
	if (at)
		out->n_stale += fp_dialog_is_other_sdp(at, d);
	else if (fate == ENDED || !was_met(in, in->n, d->callid))
		return ids_add(&out->zombies, d->callid);
	return 0;
}

static size_t count_up(const struct fp_dialogs *s)
{
	size_t n = 0;

	for (size_t i = 0; s && i < fp_dialogs_n(s); i++)
		n += fp_dialog_is_up(fp_dialogs_at(s, i));
	return n;
}

static int compare_node(const struct fp_join_in *in, size_t i,
			struct fp_join_diff *out)
{
	const struct fp_dialogs *s = in->node[i].dialogs;
	size_t n = count_up(s);
	int r = 0;

	if (i == in->x)
		out->n = n;
	else if (n > out->n_most)
		out->n_most = n;
	for (size_t k = 0; s && !r && k < fp_dialogs_n(s); k++) {
		const struct fp_dialog *d = fp_dialogs_at(s, k);

		if (fp_dialog_is_up(d))
			r = i == in->x ? x_has(in, d, out)
				       : other_has(in, i, d, out);
	}
	return r;
}

int fp_join_compare(const struct fp_join_in *in, struct fp_join_diff *out)
{
	int r = 0;

	*out = (struct fp_join_diff){ .n = 0 };
	for (size_t i = 0; !r && i < in->n; i++)
		r = compare_node(in, i, out);
	ids_sort(&out->lacking);
	ids_sort(&out->zombies);
	if (r)
		fp_join_diff_fini(out);
	return r;
}

void fp_join_diff_fini(struct fp_join_diff *d)
{
	ids_fini(&d->lacking);
	ids_fini(&d->zombies);
}

void fp_join_persist(struct fp_join_diff *now,
		     const struct fp_join_diff *before)
{
	ids_keep(&now->lacking, &before->lacking);
	ids_keep(&now->zombies, &before->zombies);
}

/* ---- may it sync? */

static int may_lose(const struct fp_join_in *in, const struct fp_dialog *d,
		    struct fp_err *e)
{
	size_t owner = in->owner(in->ctx, d->tag);

	if (owner == in->x) /* kept: what it has active is not synced */
		return 0;
	if (!is_listed(in, owner))
		return fp_refuse(e, "sync",
				 "%s is of %s, which nobody that answers owns: "
				 "a sync may drop it",
				 d->callid, *d->tag ? d->tag : "no tag");
	if (!up_at(in, owner, d->callid))
		return fp_refuse(e, "sync",
				 "%s is not at %s, the owner of %s: a sync "
				 "would drop the one that is left",
				 d->callid, in->node[owner].name, d->tag);
	for (size_t i = 0; i < in->n; i++)
		if (i != in->x && is_listed(in, i) && !has(in, i, d->callid))
			return fp_refuse(e, "sync",
					 "%s lacks %s, and may be the donor: "
					 "what it lacks is dropped",
					 in->node[i].name, d->callid);
	return 0;
}

int fp_join_may_sync(const struct fp_join_in *in, struct fp_err *e)
{
	const struct fp_dialogs *s = in->node[in->x].dialogs;
	size_t n = count_up(s), n_others = 0;
	int r = 0;

	for (size_t i = 0; i < in->n; i++) {
		size_t m = count_up(in->node[i].dialogs);

		if (i == in->x || !in->node[i].dialogs)
			continue;
		n_others++;
		if (m < n)
			return fp_refuse(e, "sync",
					 "%s has %zu dialogs, %s %zu: it may "
					 "be the donor, and what it lacks is "
					 "dropped",
					 in->node[i].name, m,
					 in->node[in->x].name, n);
	}
	if (!n_others)
		return fp_refuse(e, "sync", "no other node answers");
	for (size_t i = 0; s && !r && i < fp_dialogs_n(s); i++)
		if (fp_dialog_is_up(fp_dialogs_at(s, i)))
			r = may_lose(in, fp_dialogs_at(s, i), e);
	return r;
}
