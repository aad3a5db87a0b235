/* SPDX-License-Identifier: Apache-2.0 */
/* COMMIT, CONFIRM and BACK: what is staged becomes the policy in one step. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"
#include "node/push_priv.h"

/* A commit in hand. */
struct commit {
	struct fp_push *p;
	struct fp_node *n;
	const struct fp_judge_opts *guard;
	const struct fp_receiver_commit *c;
	struct fp_accepted was;
	struct fp_pending pending;
	bool has_was, has_pending;
	struct fp_list *staged[FP_RECEIVER_LISTS_MAX]; /* NULL: taken out */
	bool is_same[FP_RECEIVER_LISTS_MAX];
	struct fp_node after; /* n with the lists as they will be */
	char policy[65];
	uint64_t lists, added, removed;
	int64_t keys_more;
};

static bool lifts(const struct commit *k, const char *rule)
{
	return k->guard->is_overridden &&
	       k->guard->is_overridden(k->guard->ctx, rule);
}

/* ---- the lists as they will be */

static int read_state(struct commit *k, struct fp_err *e)
{
	int r = fp_accepted_read_at(&k->was, k->p->state_fd, e);

	k->has_was = !r;
	if (r && r != -ENOENT)
		return r;
	r = fp_pending_read_at(&k->pending, k->p->state_fd, e);
	k->has_pending = !r;
	return r == -ENOENT ? 0 : r;
}

static int check_owner(struct commit *k, const struct fp_list *old,
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
static int compare(struct commit *k, size_t i, struct fp_err *e)
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

static int open_staged(struct commit *k, struct fp_err *e)
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

static int staged_index(const struct commit *k, const char *name)
{
	for (size_t i = 0; i < k->p->n; i++)
		if (!strcmp(k->p->v[i].name, name))
			return (int)i;
	return -1;
}

static int compose(struct commit *k, struct fp_err *e)
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

static int make_policy(struct commit *k, struct fp_err *e)
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

static int stale(const struct commit *k, struct fp_err *e)
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

static bool is_on_base(const struct commit *k)
{
	return !strcmp(k->has_was ? k->was.push : "", k->c->base);
}

static int check_turn(const struct commit *k, struct fp_err *e)
{
	if (k->c->is_adopt)
		return 0;
	if (!is_on_base(k))
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
static int broken_index(const struct commit *k, const char *text)
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
static int check_readable(const struct commit *k, struct fp_err *e)
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

static int check_shrink(const struct commit *k, size_t i, struct fp_err *e)
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

static int check_guards(struct commit *k, struct fp_err *e)
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

static int check_room(const struct commit *k, struct fp_err *e)
{
	if (!k->n->maps || k->keys_more <= 0)
		return 0;
	return fp_tables_room(fp_maps_tables(k->n->maps),
			      (uint64_t)k->keys_more, e);
}

static int check(struct commit *k, struct fp_err *e)
{
	int r = check_guards(k, e);

	return r ? r : check_room(k, e);
}

/* ---- the way back */

/* A second name in the step back, unless an older state has it. */
static int keep(int from_fd, const char *from, int to_fd, const char *to,
		struct fp_err *e)
{
	if (!linkat(from_fd, from, to_fd, to, 0) || errno == EEXIST ||
	    errno == ENOENT)
		return 0;
	return fp_err_sys(e, -errno, "keeping %s", to);
}

/* What is pending already goes back to where that began. */
static int keep_pending(int state_fd, int to_fd, struct fp_err *e)
{
	int fd = openat(state_fd, FP_PENDING,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *f;
	int r = 0;

	if (!d)
		return fp_err_sys(e, -errno, FP_PENDING);
	while (!r && (f = readdir(d)))
		if (*f->d_name != '.' &&
		    strcmp(f->d_name, FP_PENDING_INFO) != 0)
			r = keep(fd, f->d_name, to_fd, f->d_name, e);
	closedir(d);
	return r;
}

static int keep_list(const struct commit *k, int to_fd, const char *name,
		     struct fp_err *e)
{
	char file[FP_FILE_MAX], out[FP_FILE_MAX];

	snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX, name);
	snprintf(out, sizeof(out), FP_STEP_OUT "%s", file);
	if (!faccessat(to_fd, file, F_OK, 0) || !faccessat(to_fd, out, F_OK, 0))
		return 0;
	if (fp_node_has_file(k->n, name))
		return keep(k->n->lists_fd, file, to_fd, file, e);
	return fp_mark(to_fd, FP_STEP_OUT, file, e);
}

static int keep_accepted(const struct commit *k, int to_fd, struct fp_err *e)
{
	if (k->has_pending)
		return 0; /* kept with it */
	if (!k->has_was)
		return fp_mark(to_fd, FP_STEP_OUT, FP_ACCEPTED, e);
	return keep(k->p->state_fd, FP_ACCEPTED, to_fd, FP_STEP_IN FP_ACCEPTED,
		    e);
}

static int fill_pending(const struct commit *k, int fd, struct fp_err *e)
{
	struct fp_pending about = { .left_ms = k->c->confirm_ms };
	int r = k->has_pending ? keep_pending(k->p->state_fd, fd, e) : 0;

	for (size_t i = 0; i < k->p->n && !r; i++)
		if (!k->is_same[i])
			r = keep_list(k, fd, k->p->v[i].name, e);
	if (!r)
		r = keep_accepted(k, fd, e);
	snprintf(about.push, sizeof(about.push), "%s", k->c->push);
	snprintf(about.controller, sizeof(about.controller), "%s",
		 k->c->controller);
	if (!r)
		r = fp_pending_write(fd, FP_PENDING_INFO, &about, e);
	if (!r && fsync(fd))
		r = fp_err_sys(e, -errno, FP_PENDING);
	return r;
}

static int write_pending(const struct commit *k, struct fp_err *e)
{
	static const char dir[] = FP_STEP_IN FP_PENDING;
	int fd, r;

	if (!k->c->confirm_ms)
		return k->has_pending ? fp_mark(k->p->dir_fd, FP_STEP_OUT,
						FP_PENDING, e)
				      : 0;
	if (mkdirat(k->p->dir_fd, dir, 0755))
		return fp_err_sys(e, -errno, "%s", dir);
	fd = openat(k->p->dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", dir);
	r = fill_pending(k, fd, e);
	close(fd);
	return r;
}

/* ---- the step */

static int write_accepted(const struct commit *k, struct fp_err *e)
{
	struct fp_accepted a = { .at_s = fp_clock_unix_s() };

	snprintf(a.push, sizeof(a.push), "%s", k->c->push);
	snprintf(a.controller, sizeof(a.controller), "%s", k->c->controller);
	snprintf(a.by, sizeof(a.by), "%s", k->c->by);
	memcpy(a.policy, k->policy, sizeof(a.policy));
	return fp_accepted_write(k->p->dir_fd, FP_STEP_IN FP_ACCEPTED, &a, e);
}

/* Lists that are there are in the area already: leave in it what changes. */
static int write_lists(const struct commit *k, struct fp_err *e)
{
	char file[FP_FILE_MAX];
	int r = 0;

	for (size_t i = 0; i < k->p->n && !r; i++) {
		snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX,
			 k->p->v[i].name);
		if (k->is_same[i])
			unlinkat(k->p->dir_fd, file, 0);
		else if (k->p->v[i].is_drop)
			r = fp_mark(k->p->dir_fd, FP_STEP_OUT, file, e);
	}
	return r;
}

/* From here on it is done, by us or by the next one. */
static int go(struct commit *k, struct fp_err *e)
{
	struct fp_push *p = k->p;
	int r;

	if (fsync(p->dir_fd))
		return fp_err_sys(e, -errno, "staging");
	r = fp_step_begin(p->state_fd, p->dir, e);
	if (r)
		return r;
	*p->dir = 0;
	r = fp_step_finish(p->state_fd, p->lists_fd, e);
	if (r)
		return fp_err_prefix(
			e, r,
			"the push stands, but is not finished (the next change of this node finishes it)");
	k->n->opts.is_raw = false;
	if (k->lists)
		r = fp_node_reload(k->n, e);
	for (size_t i = 0; i < p->n; i++)
		if (!k->is_same[i] && !p->v[i].is_drop)
			fp_digests_put(p->digests, p->lists_fd, p->v[i].name,
				       p->v[i].digest, p->v[i].entries);
	return r;
}

static int step(struct commit *k, struct fp_err *e)
{
	int r = write_lists(k, e);

	if (!r)
		r = write_accepted(k, e);
	if (!r && k->lists)
		r = write_pending(k, e);
	return r ? r : go(k, e);
}

/* Nothing differs: whose push is it from now on? */
static bool becomes_accepted(const struct commit *k)
{
	if (k->has_was && !strcmp(k->was.push, k->c->push))
		return false;
	if (k->has_pending && !k->c->is_adopt &&
	    strcmp(k->pending.controller, k->c->controller) != 0)
		return false;
	return k->c->is_adopt || !k->has_was || is_on_base(k);
}

static int act(struct commit *k, bool *is_accepted, struct fp_err *e)
{
	int r = 0;

	*is_accepted = k->lists || becomes_accepted(k);
	if (k->lists)
		r = check(k, e);
	if (!r && *is_accepted && !k->c->is_dry_run)
		r = step(k, e);
	if (k->c->is_dry_run)
		*is_accepted = false;
	return r;
}

static void report(struct commit *k, int64_t begun_ms,
		   struct fp_receiver_done *out)
{
	struct fp_pending p;

	*out = (struct fp_receiver_done){
		.is_changed = k->lists > 0,
		.is_in_force = fp_node_is_in_force(k->n),
		.added = k->added,
		.removed = k->removed,
		.lists = k->lists,
		.ms = (uint64_t)(fp_clock_ms() - begun_ms),
	};
	memcpy(out->policy, k->policy, sizeof(out->policy));
	if (!fp_pending_read_at(&p, k->p->state_fd, NULL) && p.left_ms > 0)
		out->pending_s = (uint64_t)(p.left_ms + 999) / 1000;
}

int fp_push_commit(struct fp_push *p, struct fp_node *n,
		   const struct fp_judge_opts *guard,
		   const struct fp_receiver_commit *c,
		   struct fp_receiver_done *out, bool *is_accepted,
		   struct fp_err *e)
{
	struct commit k = { .p = p, .n = n, .guard = guard, .c = c };
	int64_t begun_ms = fp_clock_ms();
	int r = fp_push_make(p, e);

	*is_accepted = false;
	if (!r)
		r = read_state(&k, e);
	if (!r)
		r = open_staged(&k, e);
	if (!r && k.lists)
		r = check_turn(&k, e);
	if (!r && k.lists)
		r = check_readable(&k, e);
	if (!r)
		r = compose(&k, e);
	if (!r)
		r = make_policy(&k, e);
	if (!r)
		r = act(&k, is_accepted, e);
	if (!r)
		report(&k, begun_ms, out);
	free(k.after.lists.v);
	for (size_t i = 0; i < p->n; i++)
		fp_list_close(k.staged[i]);
	return r;
}

/* ---- CONFIRM and BACK */

static int not_pending(const char *state_dir, const char *push, bool is_back,
		       struct fp_err *e)
{
	struct fp_accepted a;
	bool is_ours =
		!fp_accepted_read(&a, state_dir, NULL) && !strcmp(a.push, push);

	if (is_ours != is_back)
		return 0; /* so it is already */
	return is_back ? fp_err(e, -ENOENT,
				"push %s is for good: push what was there before",
				push)
		       : fp_err(e, -ENOENT,
				"push %s is not here: it was taken back, or never came",
				push);
}

static int settle(struct fp_node *n, int state_fd, bool is_back,
		  struct fp_err *e)
{
	int r;

	if (!is_back)
		return fp_step_drop(state_fd, FP_PENDING, e);
	r = fp_step_begin(state_fd, FP_PENDING, e);
	if (!r)
		r = fp_step_finish(state_fd, n->lists_fd, e);
	return r ? r : fp_node_reload(n, e);
}

int fp_push_settle(struct fp_node *n, const char *push, bool is_back,
		   bool *is_changed, struct fp_err *e)
{
	const char *state_dir = n->opts.state_dir;
	struct fp_pending p;
	int fd, r = fp_pending_read(&p, state_dir, e);

	*is_changed = false;
	if (r == -ENOENT)
		return not_pending(state_dir, push, is_back, e);
	if (r)
		return r;
	if (strcmp(p.push, push) != 0)
		return fp_err(e, -ENOENT, "push %s is pending, not %s", p.push,
			      push);
	fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", state_dir);
	r = settle(n, fd, is_back, e);
	close(fd);
	*is_changed = !r;
	return r;
}
