/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit would make of the node, and whether it may. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/push_priv.h"

static bool lifts(const struct fp_commit *k, const char *rule)
{
	return k->guard->is_overridden &&
	       k->guard->is_overridden(k->guard->ctx, rule);
}

/* ---- the lists as they will be */

int fp_commit_state(struct fp_commit *k, struct fp_err *e)
{
	int r = fp_accepted_read_at(&k->was, k->p->state_fd, e);

	k->has_was = !r;
	if (r && r != -ENOENT)
		return r;
	r = fp_pending_read_at(&k->pending, k->p->state_fd, e);
	k->has_pending = !r;
	return r == -ENOENT ? 0 : r;
}

static int check_owner(struct fp_commit *k, const struct fp_list *old,
		       struct fp_err *e)
{
	const struct fp_list_head *h = fp_list_about(old);

	if (h->owner == FP_OWNER_PUSHED || lifts(k, "owner"))
		return 0;
	return fp_refuse(e, "owner",
			 "list %s is this node's own (%s): push another name",
			 h->name, fp_owner_name(h->owner));
}

/* Is the list on the node as it is staged? */
static int compare(struct fp_commit *k, size_t i, struct fp_err *e)
{
	struct fp_staged *s = &k->p->v[i];
	struct fp_list *old = fp_lists_get(&k->n->lists, s->name);
	struct fp_file_id id;
	struct fp_digest d;
	int r;

	if (!old) {
		k->is_same[i] = s->is_drop && !fp_node_has_file(k->n, s->name);
		return 0;
	}
	r = check_owner(k, old, e);
	if (r || s->is_drop) {
		s->removed = fp_list_head(old)->entries;
		return r;
	}
	if (fp_list_about(old)->owner == FP_OWNER_PUSHED &&
	    fp_list_about(old)->kind == s->kind) {
		r = fp_digests_get(k->p->digests, k->n->lists_fd, old, &d, e);
		k->is_same[i] = !r && !strcmp(d.hex, s->digest);
	}
	if (k->is_same[i] || fp_file_id(k->n->lists_fd, s->name, &id) ||
	    fp_file_id_equal(&id, &s->base))
		return 0;
	return fp_push_count(s, old, k->staged[i], e);
}

int fp_commit_open(struct fp_commit *k, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < k->p->n && !r; i++) {
		struct fp_staged *s = &k->p->v[i];

		if (!s->is_drop)
			r = fp_list_open(&k->staged[i], k->p->dir_fd, s->name,
					 e);
		if (!r)
			r = compare(k, i, e);
		if (r || k->is_same[i])
			continue;
		k->lists++;
		k->added += s->added;
		k->removed += s->removed;
		k->keys_more += s->keys_more;
	}
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(fp_list_about(*(struct fp_list *const *)a)->name,
		      fp_list_about(*(struct fp_list *const *)b)->name);
}

static int staged_index(const struct fp_commit *k, const char *name)
{
	for (size_t i = 0; i < k->p->n; i++)
		if (!strcmp(k->p->v[i].name, name))
			return (int)i;
	return -1;
}

int fp_commit_compose(struct fp_commit *k, struct fp_err *e)
{
	const struct fp_lists *now = &k->n->lists;
	struct fp_lists *ls = &k->after.lists;

	k->after = *k->n;
	*ls = (struct fp_lists){ .v = calloc(now->n + k->p->n + 1,
					     sizeof(*ls->v)) };
	if (!ls->v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < now->n; i++)
		if (staged_index(k, fp_list_about(now->v[i])->name) < 0)
			ls->v[ls->n++] = now->v[i];
	for (size_t i = 0; i < k->p->n; i++)
		if (k->staged[i])
			ls->v[ls->n++] = k->staged[i];
	qsort(ls->v, ls->n, sizeof(*ls->v), by_name);
	return 0;
}

int fp_commit_policy(struct fp_commit *k, struct fp_err *e)
{
	const struct fp_lists *ls = &k->after.lists;
	struct fp_list_digest *v = calloc(ls->n + 1, sizeof(*v));
	size_t n = 0;
	int r = v ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < ls->n && !r; i++) {
		const struct fp_list_head *h = fp_list_about(ls->v[i]);
		int at = staged_index(k, h->name);
		struct fp_digest d;

		if (h->owner != FP_OWNER_PUSHED)
			continue;
		if (at < 0)
			r = fp_digests_get(k->p->digests, k->n->lists_fd,
					   ls->v[i], &d, e);
		v[n].kind = h->kind;
		memcpy(v[n].name, h->name, sizeof(v[n].name));
		memcpy(v[n++].hex, at < 0 ? d.hex : k->p->v[at].digest, 65);
	}
	if (!r)
		fp_policy_digest(v, n, k->policy);
	free(v);
	if (!r && strcmp(k->policy, k->c->policy) != 0)
		return fp_err(
			e, -EILSEQ,
			"the policy would be %.12s, not %.12s: lists are missing, or this node has others",
			k->policy, k->c->policy);
	return r;
}

/* ---- may it be? */

static int stale(const struct fp_commit *k, struct fp_err *e)
{
	char at[FP_TIME_LEN + 1] = "";

	if (!k->has_was)
		return fp_err(e, -ESTALE,
			      "this node has accepted no push, not %s",
			      k->c->base);
	if (k->was.at_s > 0 && k->was.at_s <= FP_TIME_MAX_S)
		fp_time_print(k->was.at_s, at);
	return fp_err(
		e, -ESTALE,
		"this node has accepted push %s of %s (by %s) at %s: see what it was, then push --adopt",
		k->was.push, k->was.controller, k->was.by, at);
}

bool fp_commit_is_on_base(const struct fp_commit *k)
{
	return !strcmp(k->has_was ? k->was.push : "", k->c->base);
}

int fp_commit_turn(const struct fp_commit *k, struct fp_err *e)
{
	if (k->c->is_adopt)
		return 0;
	if (!fp_commit_is_on_base(k))
		return stale(k, e);
	if (!k->has_pending ||
	    !strcmp(k->pending.controller, k->c->controller) ||
	    lifts(k, "pending"))
		return 0;
	return fp_refuse(
		e, "pending",
		"push %s of %s is not confirmed yet, and is taken back in %lld s",
		k->pending.push, k->pending.controller,
		(long long)(k->pending.left_ms / 1000));
}

/* Whose message is it?  "NAME.list:7: ..." */
static int broken_index(const struct fp_commit *k, const char *text)
{
	const char *end = strstr(text, FP_LIST_SUFFIX ":");
	char name[FP_LIST_NAME_MAX + 1] = "";

	if (end && end - text <= FP_LIST_NAME_MAX)
		memcpy(name, text, (size_t)(end - text));
	return staged_index(k, name);
}

static int check_lines(const struct fp_list *l, struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	struct fp_err why;
	int r;

	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, &why)) == 1)
		;
	return r ? fp_refuse(e, "broken", "%s", why.text) : 0;
}

/* A node that was opened in spite of a list that cannot be read: every such list
 * must be one that is replaced, or what is compiled would lack it. */
int fp_commit_readable(const struct fp_commit *k, struct fp_err *e)
{
	const struct fp_lists *now = &k->n->lists;
	int r = 0;

	if (!k->n->opts.is_raw || k->n->opts.is_broken_ok)
		return 0;
	for (size_t i = 0; i < now->n_broken; i++)
		if (broken_index(k, now->broken[i]) < 0)
			return fp_refuse(e, "broken", "%s", now->broken[i]);
	for (size_t i = 0; i < now->n && !r; i++)
		if (staged_index(k, fp_list_about(now->v[i])->name) < 0)
			r = check_lines(now->v[i], e);
	return r;
}

static int check_shrink(const struct fp_commit *k, size_t i, struct fp_err *e)
{
	const struct fp_staged *s = &k->p->v[i];
	struct fp_list *old = fp_lists_get(&k->n->lists, s->name);
	uint64_t had = old ? fp_list_head(old)->entries : 0;
	int r = 0;

	if (s->is_drop)
		return 0;
	if (!s->entries && had && !lifts(k, "empty"))
		r = fp_refuse(e, "empty",
			      "list %s would be empty; it has %llu entries",
			      s->name, (unsigned long long)had);
	if (!r)
		r = fp_guard_max_change(had, s->removed, k->c->max_change,
					k->guard->is_overridden, k->guard->ctx,
					e);
	return r ? fp_err_prefix(e, r, "list %s", s->name) : 0;
}

static int judge_list(struct fp_judge *j, const struct fp_list *l,
		      struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	int r = fp_judge_begin(j, fp_list_about(l)->kind, e);

	fp_list_seek(l, &it, NULL);
	while (!r && (r = fp_list_next(&it, &x, e)) == 1)
		r = fp_judge_next(j, &x.p, e);
	return r ? fp_err_prefix(e, r, "list %s", fp_list_about(l)->name) : 0;
}

static int check_guards(struct fp_commit *k, struct fp_err *e)
{
	struct fp_judge *j = NULL;
	int r = fp_judge_open(&j, &k->after, k->guard, e);

	for (size_t i = 0; i < k->p->n && !r; i++) {
		if (k->is_same[i])
			continue;
		r = check_shrink(k, i, e);
		if (!r && k->staged[i])
			r = judge_list(j, k->staged[i], e);
	}
	fp_judge_close(j);
	return r;
}

static int check_room(const struct fp_commit *k, struct fp_err *e)
{
	if (!k->n->maps || k->keys_more <= 0)
		return 0;
	return fp_tables_room(fp_maps_tables(k->n->maps),
			      (uint64_t)k->keys_more, e);
}

int fp_commit_check(struct fp_commit *k, struct fp_err *e)
{
	int r = check_guards(k, e);

	return r ? r : check_room(k, e);
}
