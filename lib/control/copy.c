/* SPDX-License-Identifier: Apache-2.0 */
#include "control/copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/array.h"
#include "io/clock.h"
#include "io/lock.h"
#include "io/owned.h"
#include "model/words.h"

struct fp_copy {
	int fd;
	struct fp_lists lists;
	bool is_read;
	char digest[65]; /* of what the files were at token */
	uint64_t token;
	bool has_digest;
};

static int open_dir(const char *state_dir, struct fp_err *e)
{
	int sync = fp_owned_state_dir(state_dir, "sync", 0700, true, e), fd;

	if (sync < 0)
		return sync;
	fd = fp_owned_dir(sync, "dynamic", 0700, true, e);
	close(sync);
	return fd < 0 ? fp_err_prefix(e, fd, "%s/sync", state_dir) : fd;
}

int fp_copy_open(struct fp_copy **out, const char *state_dir, struct fp_err *e)
{
	struct fp_copy *c = calloc(1, sizeof(*c));
	int r = c ? open_dir(state_dir, e) : fp_err(e, -ENOMEM, "no memory");

	if (r < 0) {
		free(c);
		return r;
	}
	c->fd = r;
	*out = c;
	return 0;
}

static void forget(struct fp_copy *c)
{
	if (c->is_read)
		fp_lists_close(&c->lists);
	c->is_read = false;
}

void fp_copy_close(struct fp_copy *c)
{
	if (!c)
		return;
	forget(c);
	close(c->fd);
	free(c);
}

static int read_lists(struct fp_copy *c, struct fp_err *e)
{
	uint64_t token;
	int r = fp_lists_token(c->fd, &token, e);

	if (r)
		return r;
	if (!c->is_read || c->lists.token != token) {
		forget(c);
		r = fp_lists_open(&c->lists, c->fd, false, e);
		if (r)
			return r;
		c->is_read = true;
	}
	return 0;
}

int fp_copy_lists(struct fp_copy *c, const struct fp_lists **out,
		  struct fp_err *e)
{
	struct fp_owned as;
	int r = fp_owned_begin(&as, c->fd, e);

	if (r)
		return r;
	r = read_lists(c, e);
	fp_owned_end(&as);
	if (r)
		return r;
	if (c->lists.n_broken)
		return fp_err(e, -EBADMSG, "sync/dynamic/%s",
			      c->lists.broken[0]);
	*out = &c->lists;
	return 0;
}

struct fp_list *fp_copy_get(struct fp_copy *c, const char *name)
{
	const struct fp_lists *ls;

	return fp_copy_lists(c, &ls, NULL) ? NULL : fp_lists_get(ls, name);
}

/* ---- merging */

/* By prefix; of one prefix the word that wins comes first. */
static int by_prefix(const void *a, const void *b)
{
	const struct fp_entry *x = &((const struct fp_change *)a)->entry;
	const struct fp_entry *y = &((const struct fp_change *)b)->entry;
	int order = fp_prefix_cmp(&x->p, &y->p);

	return order ? order : fp_word_wins(y, x) - fp_word_wins(x, y);
}

/* Which words are later than l's, in order; v is sorted.  The number. */
static size_t keep_news(struct fp_change *v, size_t n, const struct fp_list *l,
			int64_t now_s)
{
	struct fp_prefix last;
	struct fp_entry old;
	size_t n_news = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_again = i && !fp_prefix_cmp(&last, &v[i].entry.p);

		last = v[i].entry.p;
		if (is_again ||
		    fp_entry_is_over(&v[i].entry, FP_OWNER_DYNAMIC, now_s) ||
		    (l && fp_list_find(l, &last, &old) &&
		     !fp_word_wins(&v[i].entry, &old)))
			continue;
		v[n_news++] = v[i];
	}
	return n_news;
}

static int none(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	(void)ctx;
	(void)out;
	(void)e;
	return 0;
}

static int list_make(struct fp_copy *c, const char *name, enum fp_kind kind,
		     struct fp_err *e)
{
	struct fp_list_head head = { .kind = kind, .owner = FP_OWNER_DYNAMIC };

	snprintf(head.name, sizeof(head.name), "%s", name);
	return fp_list_write(c->fd, &head, none, NULL, e);
}

/* The lock is held. */
static int append(struct fp_copy *c, const char *name, enum fp_kind kind,
		  struct fp_change *v, size_t n, size_t *changed,
		  struct fp_err *e)
{
	int64_t now_s = fp_clock_unix_s();
	const struct fp_lists *ls;
	struct fp_list *l;
	int r = fp_copy_lists(c, &ls, e);

	if (r)
		return r;
	l = fp_lists_get(ls, name);
	if (l && fp_list_about(l)->kind != kind)
		return fp_err(e, -EEXIST, "list %s is of kind %s, not %s", name,
			      fp_kind_name(fp_list_about(l)->kind),
			      fp_kind_name(kind));
	*changed = keep_news(v, n, l, now_s);
	if (!*changed)
		return 0;
	if (!l)
		r = list_make(c, name, kind, e);
	if (!r)
		r = fp_list_append(c->fd, name, v, *changed, e);
	if (!r && (l = fp_copy_get(c, name)) && fp_list_wants_compact(l))
		r = fp_list_compact(c->fd, name, now_s, false, NULL, e);
	return r;
}

static int append_as_owner(struct fp_copy *c, const char *name,
			   enum fp_kind kind, struct fp_change *v, size_t n,
			   size_t *changed, struct fp_err *e)
{
	struct fp_owned as;
	int r = fp_owned_begin(&as, c->fd, e);

	if (r)
		return r;
	r = append(c, name, kind, v, n, changed, e);
	fp_owned_end(&as);
	return r;
}

int fp_copy_merge(struct fp_copy *c, const char *name, enum fp_kind kind,
		  const struct fp_entry *v, size_t n, int64_t timeout_ms,
		  size_t *changed, struct fp_err *e)
{
	struct fp_change *x;
	int r = fp_list_name_check(name, e);

	*changed = 0;
	if (r || !n)
		return r;
	x = calloc(n, sizeof(*x));
	if (!x)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		x[i].entry = v[i];
	qsort(x, n, sizeof(*x), by_prefix);
	r = fp_lock_take(c->fd, false, timeout_ms, e);
	if (!r) {
		r = append_as_owner(c, name, kind, x, n, changed, e);
		fp_lock_give(c->fd);
	}
	free(x);
	return r;
}

int64_t fp_copy_at_ms(const struct fp_entry *old)
{
	int64_t now_ms = fp_clock_unix_ms();
	int64_t at_ms = old ? fp_word_at_ms(old) + 1 : 0;

	return at_ms > now_ms ? at_ms : now_ms;
}

int fp_copy_forget(struct fp_copy *c, const char *name, int64_t timeout_ms,
		   struct fp_err *e)
{
	int r = fp_lock_take(c->fd, false, timeout_ms, e);

	if (r)
		return r;
	r = fp_list_remove(c->fd, name, e);
	fp_lock_give(c->fd);
	return r == -ENOENT ? 0 : r;
}

/* ---- digest */

static int digest(const struct fp_lists *ls, char hex[65], struct fp_err *e)
{
	struct fp_list_digest *v = calloc(ls->n + 1, sizeof(*v));
	size_t n = 0;
	int r = v ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < ls->n && !r; i++) {
		const struct fp_list_head *h = fp_list_about(ls->v[i]);
		struct fp_list_iter it;
		struct fp_stream s = fp_iter_stream(&it);
		uint64_t entries = 0;

		fp_list_seek(ls->v[i], &it, NULL);
		strcpy(v[n].name, h->name);
		v[n].kind = h->kind;
		r = fp_stream_digest(h->name, h->kind, &s, &entries, v[n].hex,
				     e);
		n += entries > 0;
	}
	if (!r)
		fp_policy_digest(v, n, hex);
	free(v);
	return r;
}

int fp_copy_digest(struct fp_copy *c, char hex[65], struct fp_err *e)
{
	const struct fp_lists *ls;
	int r = fp_copy_lists(c, &ls, e);

	if (r)
		return r;
	if (!c->has_digest || c->token != ls->token) {
		r = digest(ls, c->digest, e);
		if (r)
			return r;
		c->has_digest = true;
		c->token = ls->token;
	}
	strcpy(hex, c->digest);
	return 0;
}
