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

static int keep_list(const struct fp_commit *k, int to_fd, const char *name,
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

static int keep_accepted(const struct fp_commit *k, int to_fd, struct fp_err *e)
{
	if (k->has_pending)
		return 0; /* kept with it */
	if (!k->has_was)
		return fp_mark(to_fd, FP_STEP_OUT, FP_ACCEPTED, e);
	return keep(k->p->state_fd, FP_ACCEPTED, to_fd, FP_STEP_IN FP_ACCEPTED,
		    e);
}

static int fill_pending(const struct fp_commit *k, int fd, struct fp_err *e)
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

static int write_pending(const struct fp_commit *k, struct fp_err *e)
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

static int write_accepted(const struct fp_commit *k, struct fp_err *e)
{
	struct fp_accepted a = { .at_s = fp_clock_unix_s() };

	snprintf(a.push, sizeof(a.push), "%s", k->c->push);
	snprintf(a.controller, sizeof(a.controller), "%s", k->c->controller);
	snprintf(a.by, sizeof(a.by), "%s", k->c->by);
	memcpy(a.policy, k->policy, sizeof(a.policy));
	return fp_accepted_write(k->p->dir_fd, FP_STEP_IN FP_ACCEPTED, &a, e);
}

/* Lists that are there are in the area already: leave in it what changes. */
static int write_lists(const struct fp_commit *k, struct fp_err *e)
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
static int go(struct fp_commit *k, struct fp_err *e)
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

static int step(struct fp_commit *k, struct fp_err *e)
{
	int r = write_lists(k, e);

	if (!r)
		r = write_accepted(k, e);
	if (!r && k->lists)
		r = write_pending(k, e);
	return r ? r : go(k, e);
}

/* Nothing differs: whose push is it from now on? */
static bool becomes_accepted(const struct fp_commit *k)
{
	if (k->has_was && !strcmp(k->was.push, k->c->push))
		return false;
	if (k->has_pending && !k->c->is_adopt &&
	    strcmp(k->pending.controller, k->c->controller) != 0)
		return false;
	return k->c->is_adopt || !k->has_was || fp_commit_is_on_base(k);
}

static int act(struct fp_commit *k, bool *is_accepted, struct fp_err *e)
{
	int r = 0;

	*is_accepted = k->lists || becomes_accepted(k);
	if (k->lists)
		r = fp_commit_check(k, e);
	if (!r && *is_accepted && !k->c->is_dry_run)
		r = step(k, e);
	if (k->c->is_dry_run)
		*is_accepted = false;
	return r;
}

static void report(struct fp_commit *k, int64_t begun_ms,
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
	struct fp_commit k = { .p = p, .n = n, .guard = guard, .c = c };
	int64_t begun_ms = fp_clock_ms();
	int r = fp_push_make(p, e);

	*is_accepted = false;
	if (!r)
		r = fp_commit_state(&k, e);
	if (!r)
		r = fp_commit_open(&k, e);
	if (!r && k.lists)
		r = fp_commit_turn(&k, e);
	if (!r && k.lists)
		r = fp_commit_readable(&k, e);
	if (!r)
		r = fp_commit_compose(&k, e);
	if (!r)
		r = fp_commit_policy(&k, e);
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
