/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fp_maps.h"
#include "io/clock.h"
#include "io/lock.h"
#include "model/image.h"
#include "node/push.h"

/* More changes than this at once: compile all rather than each, at some 20 us.
 * A whole compile takes 20 ms of 100k entries, 100 ms of 1M. */
#define FP_AROUND_MAX 512
/* The wall clock was set: deadlines in the tables are off by more than this. */
#define FP_WALL_SLACK_S 2

__attribute__((format(printf, 2, 3))) static void
fp_node_notice(const struct fp_node *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!n->opts.notice)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->opts.notice(n->opts.ctx, text);
}

bool fp_node_needs_key(const struct fp_entry *x, enum fp_owner owner)
{
	return !fp_prefix_is_v4(&x->p) || x->until_s ||
	       owner == FP_OWNER_DYNAMIC;
}

/* ---- opening ---- */

static int fp_node_open_dir(const char *state_dir, bool is_writer,
			    struct fp_err *e)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/lists", state_dir);
	if (is_writer && mkdir(state_dir, 0755) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", state_dir);
	if (is_writer && mkdir(path, 0750) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && is_writer)
		fp_lock_private(fd);
	return fd >= 0 ? fd : fp_err_sys(e, -errno, "%s", path);
}

static int fp_node_refuse_broken(struct fp_node *n, const char *text,
				 struct fp_err *e)
{
	if (n->opts.is_broken_ok || n->opts.access != FP_NODE_WRITE) {
		fp_node_notice(n, "%s: this list is not in force", text);
		n->n_left_out++;
		return 0;
	}
	return fp_refuse(
		e, "broken",
		"%s (mend the file or move it away; nothing was changed)",
		text);
}

static int fp_node_check_broken(struct fp_node *n, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < n->lists.n_broken && !r; i++)
		r = fp_node_refuse_broken(n, n->lists.broken[i], e);
	return r;
}

static void fp_node_close_list(struct fp_node *n, const char *name)
{
	for (size_t i = 0; i < n->lists.n; i++) {
		if (strcmp(fp_list_about(n->lists.v[i])->name, name) != 0)
			continue;
		fp_list_close(n->lists.v[i]);
		n->lists.n--;
		memmove(&n->lists.v[i], &n->lists.v[i + 1],
			(n->lists.n - i) * sizeof(*n->lists.v));
		return;
	}
}

static int fp_node_reopen_lists(struct fp_node *n, struct fp_err *e)
{
	bool is_writer = n->opts.access == FP_NODE_WRITE;
	int r;

	fp_lists_close(&n->lists);
	r = fp_lists_open(&n->lists, n->lists_fd, is_writer, e);
	for (size_t i = 0; i < n->n_dropped && !r; i++)
		fp_node_close_list(n, n->dropped[i]);
	return r || n->opts.is_raw ? r : fp_node_check_broken(n, e);
}

/* Power was lost in the middle of an append: its whole lines stand.  A list
 * with bad lines too is left to the compiler, which says so. */
static int fp_node_cut_torn(struct fp_node *n, struct fp_err *e)
{
	bool is_cut = false;
	struct fp_err why;

	for (size_t i = 0; i < n->lists.n; i++) {
		const struct fp_list_head *h = fp_list_about(n->lists.v[i]);

		if (!h->torn_bytes ||
		    fp_list_compact(n->lists_fd, h->name, 0, false, NULL, &why))
			continue;
		fp_node_notice(
			n,
			"%s.list: the last change was not written whole (a crash?): %llu bytes of it cut off",
			h->name, (unsigned long long)h->torn_bytes);
		is_cut = true;
	}
	return is_cut ? fp_node_reopen_lists(n, e) : 0;
}

static bool fp_list_is_readable(const struct fp_list *l, struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	int r;

	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, e)) == 1)
		;
	return !r;
}

/* Go on without a list, however often the lists are opened. */
static int fp_node_drop_list(struct fp_node *n, const char *name,
			     struct fp_err *e)
{
	if (n->n_dropped == FP_NODE_DROPPED)
		return fp_err(e, -E2BIG, "too many lists cannot be read");
	snprintf(n->dropped[n->n_dropped++], sizeof(n->dropped[0]), "%s", name);
	fp_node_close_list(n, name);
	return 0;
}

/* Lists with a bad or misplaced line: sort what was edited by hand, leave out
 * what cannot be read. */
static int fp_node_mend(struct fp_node *n, struct fp_err *e)
{
	char name[FP_LIST_NAME_MAX + 1];
	struct fp_err why;
	bool is_mended = false;
	int r = 0;

	for (size_t i = 0; i < n->lists.n && !r;) {
		if (fp_list_is_readable(n->lists.v[i], &why)) {
			i++;
			continue;
		}
		snprintf(name, sizeof(name), "%s",
			 fp_list_head(n->lists.v[i])->name);
		if (!fp_list_compact(n->lists_fd, name, 0, true, NULL, &why)) {
			fp_node_notice(
				n,
				"%s.list was edited by hand: sorted and written anew",
				name);
			is_mended = true;
			i++;
			continue;
		}
		r = fp_node_refuse_broken(n, why.text, e);
		if (!r)
			r = fp_node_drop_list(n, name, e);
	}
	if (!r && is_mended)
		r = fp_node_reopen_lists(n, e);
	return r;
}

/* Tables without a list that should be in them have no token: they are compiled
 * again by the next writer, who says it again. */
static int fp_node_store_token(struct fp_node *n, struct fp_err *e)
{
	uint64_t token = 0;
	int r = n->n_left_out ? 0 : fp_lists_token(n->lists_fd, &token, e);

	if (!r)
		__atomic_store_n(&fp_maps_conf(n->maps)->token, token,
				 __ATOMIC_RELEASE);
	return r;
}

int fp_node_compile(struct fp_node *n, struct fp_apply_stats *stats,
		    struct fp_err *e)
{
	struct fp_image img;
	int r;

	if (!n->maps)
		return 0;
	r = fp_image_all(&img, &n->lists, e);
	if (r == -EBADMSG) {
		r = fp_node_mend(n, e);
		if (!r)
			r = fp_image_all(&img, &n->lists, e);
	}
	if (r)
		return r;
	r = fp_tables_apply(fp_maps_tables(n->maps), &img, stats, e);
	fp_image_fini(&img);
	return r ? r : fp_node_store_token(n, e);
}

/* Finish what somebody else left, or what time did. */
static int fp_node_recover(struct fp_node *n, struct fp_err *e)
{
	const struct fp_conf *c = fp_maps_conf(n->maps);
	int64_t wall_s = fp_clock_unix_s() - fp_clock_ms() / 1000;
	int64_t off = wall_s - c->wall_s;
	bool is_behind, is_first;
	int r;

	if (c->token == n->lists.token && off <= FP_WALL_SLACK_S &&
	    off >= -FP_WALL_SLACK_S)
		return 0;
	is_behind = c->token && c->token != n->lists.token;
	is_first = !c->token || *n->recovered;
	r = fp_node_compile(n, NULL, e);
	if (r || is_first)
		return r;
	if (is_behind)
		fp_node_notice(
			n,
			"the tables were behind the lists (a change was interrupted, or a file edited): compiled anew");
	else
		fp_node_notice(
			n,
			"the clock was set by %lld s: deadlines compiled anew",
			(long long)off);
	return 0;
}

int fp_node_catch_up(struct fp_node *n, struct fp_err *e)
{
	int r = fp_node_check_broken(n, e);

	n->opts.is_raw = false;
	return r || !n->maps ? r : fp_node_recover(n, e);
}

/* A reader compiles nothing, but must not take old tables for the lists. */
static void fp_node_tell_behind(struct fp_node *n)
{
	if (n->maps && !n->opts.is_raw && !n->n_left_out &&
	    fp_maps_conf(n->maps)->token != n->lists.token)
		fp_node_notice(
			n,
			"the tables are behind the lists (a change was interrupted, or a file edited): fp-block verify --repair");
}

/* Steps of a push that somebody else began. */
static int fp_node_finish_push(struct fp_node *n, struct fp_err *e)
{
	int r = fp_push_recover(n->opts.state_dir, n->lists_fd, n->recovered,
				sizeof(n->recovered), e);

	if (*n->recovered)
		fp_node_notice(n, "%s", n->recovered);
	return r;
}

static int fp_node_open_maps(struct fp_node *n, struct fp_err *e)
{
	int r = fp_maps_open(&n->maps, n->opts.pins, e);

	return r == -ENOENT || (r == -EPROTO && n->opts.is_raw) ? 0 : r;
}

int fp_node_use_dir(struct fp_node *n, const char *dir, struct fp_err *e)
{
	struct fp_maps *maps;
	int r = fp_maps_open_dir(&maps, dir, e);

	if (r)
		return r;
	fp_maps_close(n->maps);
	n->maps = maps;
	return 0;
}

/* A reader on a node where nothing was ever listed. */
static int fp_node_open_empty(struct fp_node *n, struct fp_node *out,
			      struct fp_err *e)
{
	int r = 0;

	if (n->opts.access == FP_NODE_READ_BOTH)
		r = fp_node_open_maps(n, e);
	if (!r)
		*out = *n;
	return r;
}

int fp_node_open(struct fp_node *out, const struct fp_node_opts *opts,
		 struct fp_err *e)
{
	struct fp_node n = { .opts = *opts };
	bool is_writer = opts->access == FP_NODE_WRITE;
	int r;

	n.lists_fd = fp_node_open_dir(opts->state_dir, is_writer, e);
	if (n.lists_fd == -ENOENT && !is_writer)
		return fp_node_open_empty(&n, out, e);
	if (n.lists_fd < 0)
		return n.lists_fd;
	r = 0;
	if (opts->access != FP_NODE_READ)
		r = fp_lock_take(n.lists_fd, !is_writer, opts->timeout_ms, e);
	if (r)
		fp_err_prefix(e, r, "%s/lists", opts->state_dir);
	if (!r && opts->access != FP_NODE_READ) {
		n.is_locked = true;
		r = fp_node_open_maps(&n, e);
	}
	if (!r && is_writer)
		r = fp_node_finish_push(&n, e);
	if (!r)
		r = fp_node_reopen_lists(&n, e);
	if (!r && is_writer)
		r = fp_node_cut_torn(&n, e);
	if (!r && is_writer && n.maps && !opts->is_raw)
		r = fp_node_recover(&n, e);
	if (!r && opts->access == FP_NODE_READ_BOTH)
		fp_node_tell_behind(&n);
	if (r)
		fp_node_close(&n);
	else
		*out = n;
	return r;
}

void fp_node_close(struct fp_node *n)
{
	fp_lists_close(&n->lists);
	fp_maps_close(n->maps);
	if (n->lists_fd >= 0)
		close(n->lists_fd); /* gives the lock back */
	n->maps = NULL;
	n->lists_fd = -1;
}

bool fp_node_is_in_force(struct fp_node *n)
{
	return n->maps && fp_maps_is_attached(n->maps);
}

/* ---- changing ---- */

static int fp_node_apply_around(struct fp_node *n, const struct fp_prefix *p,
				struct fp_apply_stats *stats, struct fp_err *e)
{
	struct fp_image img;
	int r = fp_image_around(&img, &n->lists, p, e);

	if (r)
		return r;
	r = fp_tables_apply(fp_maps_tables(n->maps), &img, stats, e);
	fp_image_fini(&img);
	return r;
}

/* The lists have changed on disk: take the tables there. */
static int fp_node_follow(struct fp_node *n, const struct fp_change *v,
			  size_t n_changes, struct fp_apply_stats *stats,
			  struct fp_err *e)
{
	int r = fp_node_reopen_lists(n, e);

	if (r || !n->maps)
		return r;
	if (!v || n_changes > FP_AROUND_MAX) {
		r = fp_node_compile(n, stats, e);
	} else {
		for (size_t i = 0; i < n_changes && !r; i++)
			r = fp_node_apply_around(n, &v[i].entry.p, stats, e);
		if (!r)
			r = fp_node_store_token(n, e);
	}
	if (r)
		fp_err_prefix(e, r, "saved in the lists, not in force");
	return r;
}

int fp_node_reload(struct fp_node *n, struct fp_err *e)
{
	return fp_node_follow(n, NULL, 0, NULL, e);
}

static int fp_node_room(struct fp_node *n, int64_t keys, struct fp_err *e)
{
	if (!n->maps || keys <= 0)
		return 0;
	return fp_tables_room(fp_maps_tables(n->maps), (uint64_t)keys, e);
}

bool fp_node_has_file(const struct fp_node *n, const char *name)
{
	char file[FP_LIST_NAME_MAX + sizeof(FP_LIST_SUFFIX)];

	snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX, name);
	return n->lists_fd >= 0 && !faccessat(n->lists_fd, file, F_OK, 0);
}

static int fp_node_no_entry(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	(void)ctx;
	(void)out;
	(void)e;
	return 0;
}

int fp_node_create(struct fp_node *n, const struct fp_list_head *head,
		   struct fp_err *e)
{
	int r = fp_list_write(n->lists_fd, head, fp_node_no_entry, NULL, e);

	if (!r)
		r = fp_node_reopen_lists(n, e);
	return r || !n->maps ? r : fp_node_store_token(n, e);
}

static bool fp_node_is_new_key(const struct fp_list *l,
			       const struct fp_entry *x)
{
	enum fp_owner owner = fp_list_head(l)->owner;
	struct fp_entry old;

	return fp_node_needs_key(x, owner) && !(fp_list_find(l, &x->p, &old) &&
						fp_node_needs_key(&old, owner));
}

int fp_node_change(struct fp_node *n, const char *name,
		   const struct fp_change *v, size_t n_changes,
		   struct fp_apply_stats *stats, struct fp_err *e)
{
	struct fp_list *l = fp_lists_get(&n->lists, name);
	int64_t keys = 0;
	int r;

	if (!l)
		return fp_err(e, -ENOENT, "no list named %s", name);
	for (size_t i = 0; i < n_changes; i++)
		keys += !v[i].is_del && fp_node_is_new_key(l, &v[i].entry);
	r = fp_node_room(n, keys, e);
	if (!r)
		r = fp_list_append(n->lists_fd, name, v, n_changes, e);
	if (!r && fp_list_wants_compact(l))
		r = fp_list_compact(n->lists_fd, name, 0, false, NULL, e);
	return r ? r : fp_node_follow(n, v, n_changes, stats, e);
}

int fp_node_write(struct fp_node *n, const struct fp_list_head *head,
		  fp_entry_next *next, void *ctx, int64_t keys_more,
		  struct fp_apply_stats *stats, struct fp_err *e)
{
	int r = fp_node_room(n, keys_more, e);

	if (!r)
		r = fp_list_write(n->lists_fd, head, next, ctx, e);
	return r ? r : fp_node_follow(n, NULL, 0, stats, e);
}

int fp_node_remove(struct fp_node *n, const char *name,
		   struct fp_apply_stats *stats, struct fp_err *e)
{
	int r = fp_list_remove(n->lists_fd, name, e);

	return r ? r : fp_node_follow(n, NULL, 0, stats, e);
}

int fp_node_compact(struct fp_node *n, const char *name, int64_t now_s,
		    size_t *dropped, struct fp_err *e)
{
	int r = fp_list_compact(n->lists_fd, name, now_s, false, dropped, e);

	if (!r)
		r = fp_node_reopen_lists(n, e);
	return r || !n->maps ? r : fp_node_store_token(n, e);
}
