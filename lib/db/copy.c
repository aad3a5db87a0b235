/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance marks on disk, for when fp_db is away:
 *   #fastpath-maintenance 1 read=UNIX
 *   NODE SINCE UNTIL fp_db|local BY WHY	with TAB between */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "db/priv.h"
#include "io/clock.h"
#include "io/lock.h"
#include "io/owned.h"
#include "io/whole.h"

#define FILE_NAME "maintenance"
#define SIZE_MAX_BYTES (4 << 20)
#define LOCK_MS 5000
#define HEAD "#fastpath-maintenance 1 read=%" SCNd64 "%n"

struct copy {
	struct fp_mark *v;
	size_t n, cap;
	int64_t at_s;
};

/* ---- the directory */

static int open_dir(const char *state_dir, bool is_make, struct fp_err *e)
{
	return fp_owned_state_dir(state_dir, "health", 0755, is_make, e);
}

/* ---- reading */

static int add(struct copy *c, const struct fp_mark *m)
{
	struct fp_mark *more;

	if (c->n == c->cap) {
		more = reallocarray(c->v, c->cap * 2 + 16, sizeof(*c->v));
		if (!more)
			return -ENOMEM;
		c->v = more;
		c->cap = c->cap * 2 + 16;
	}
	c->v[c->n++] = *m;
	return 0;
}

/* The next word up to sep into to.  false: too long, or no sep. */
static bool word(const char **at, char sep, char *to, size_t size)
{
	const char *end = strchr(*at, sep);
	size_t n = end ? (size_t)(end - *at) : 0;

	if (!end || n >= size)
		return false;
	memcpy(to, *at, n);
	to[n] = 0;
	*at = end + 1;
	return true;
}

static bool number(const char **at, int64_t *out)
{
	char text[24], *end;

	if (!word(at, '\t', text, sizeof(text)))
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* One line, up to its newline; *at goes behind it. */
static bool line(const char **at, struct fp_mark *m)
{
	char from[8];

	*m = (struct fp_mark){ .since_s = 0 };
	if (!word(at, '\t', m->node, sizeof(m->node)) ||
	    !number(at, &m->since_s) || !number(at, &m->until_s) ||
	    !word(at, '\t', from, sizeof(from)) ||
	    !word(at, '\t', m->by, sizeof(m->by)) ||
	    !word(at, '\n', m->why, sizeof(m->why)))
		return false;
	m->is_local = !strcmp(from, "local");
	return m->is_local || !strcmp(from, "fp_db");
}

static int parse(struct copy *c, const char *text, struct fp_err *e)
{
	int64_t now_s = fp_clock_unix_s();
	int n = 0, nr = 1;

	if (sscanf(text, HEAD, &c->at_s, &n) != 1 || text[n] != '\n')
		return fp_err(e, -EBADMSG,
			      "health/" FILE_NAME
			      ":1: not ours (move it away)");
	for (text += n + 1; *text;) {
		struct fp_mark m;

		nr++;
		if (!line(&text, &m))
			return fp_err(e, -EBADMSG,
				      "health/" FILE_NAME
				      ":%d: no mark (move the file away)",
				      nr);
		if (m.until_s > now_s && add(c, &m))
			return fp_err(e, -ENOMEM, "out of memory");
	}
	return 0;
}

static int read_file(int fd, struct fp_buf *out, struct fp_err *e)
{
	ssize_t got = 1;
	char *to;

	while (got > 0 && out->len <= SIZE_MAX_BYTES) {
		to = fp_buf_room(out, 65536);
		if (!to)
			return fp_err(e, -ENOMEM, "out of memory");
		got = read(fd, to, 65536);
		if (got < 0)
			return fp_err_sys(e, -errno, "health/" FILE_NAME);
		out->len += (size_t)got;
	}
	if (out->len > SIZE_MAX_BYTES)
		return fp_err(e, -EFBIG, "health/" FILE_NAME ": above %d MiB",
			      SIZE_MAX_BYTES >> 20);
	return fp_buf_str(out) ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static int read_copy(int dir, struct copy *c, struct fp_err *e)
{
	struct fp_buf text = { .data = NULL };
	int fd = fp_owned_file(dir, FILE_NAME, O_RDONLY, 0), r;

	*c = (struct copy){ .v = NULL };
	if (fd < 0)
		return fd == -ENOENT ? 0
				     : fp_err_sys(e, fd, "health/" FILE_NAME);
	r = read_file(fd, &text, e);
	if (!r)
		r = parse(c, fp_buf_str(&text), e);
	close(fd);
	fp_buf_fini(&text);
	if (r) {
		free(c->v);
		*c = (struct copy){ .v = NULL };
	}
	return r;
}

int fp_marks_copy_read(const char *state_dir, struct fp_mark **out, size_t *n,
		       int64_t *at_s, struct fp_err *e)
{
	struct copy c = { .v = NULL };
	int dir = open_dir(state_dir, false, e);
	int r = dir == -ENOENT ? 0 : dir < 0 ? dir : read_copy(dir, &c, e);

	if (dir >= 0)
		close(dir);
	if (!r && !c.v)
		r = fp_db_array(&c.v, 0, sizeof(*c.v), e);
	if (r)
		return r;
	*out = c.v;
	*n = c.n;
	*at_s = c.at_s;
	return 0;
}

/* ---- writing */

/* What would end a word or a line is none of them any more. */
static void put(struct fp_buf *b, const char *s, char sep)
{
	for (; *s; s++) {
		char c = (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s;

		fp_buf_add(b, &c, 1);
	}
	fp_buf_add(b, &sep, 1);
}

static void print(struct fp_buf *b, const struct copy *c)
{
	fp_buf_printf(b, "#fastpath-maintenance 1 read=%" PRId64 "\n", c->at_s);
	for (size_t i = 0; i < c->n; i++) {
		const struct fp_mark *m = &c->v[i];

		put(b, m->node, '\t');
		fp_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t%s\t", m->since_s,
			      m->until_s, m->is_local ? "local" : "fp_db");
		put(b, m->by, '\t');
		put(b, m->why, '\n');
	}
}

/* The lock is held. */
static int write_copy(int dir, const struct copy *c, struct fp_err *e)
{
	struct fp_buf text = { .data = NULL };
	int r;

	print(&text, c);
	r = text.is_failed ? -ENOMEM
			   : fp_whole_write_at(dir, FILE_NAME, text.data,
					       text.len, 0644);
	fp_buf_fini(&text);
	return r ? fp_err_sys(e, r, "health/" FILE_NAME) : 0;
}

static struct fp_mark *find(struct copy *c, const char *node)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].node, node))
			return &c->v[i];
	return NULL;
}

static bool is_same(const struct copy *a, const struct copy *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct fp_mark *x = &a->v[i], *y = &b->v[i];

		if (strcmp(x->node, y->node) || strcmp(x->why, y->why) ||
		    strcmp(x->by, y->by) || x->since_s != y->since_s ||
		    x->until_s != y->until_s || x->is_local != y->is_local)
			return false;
	}
	return true;
}

/* How old the copy may be said to be before it is written anew: watch reads each
 * second, and would have the disk do so. */
#define AGE_S 60

static int merge(int dir, const struct fp_mark *v, size_t n, struct fp_err *e)
{
	struct copy old, now = { .at_s = fp_clock_unix_s() };
	int r = read_copy(dir, &old, NULL); /* a bad one is replaced */

	if (r == -ENOMEM)
		return fp_err(e, r, "out of memory");
	r = 0;
	for (size_t i = 0; i < n && !r; i++)
		r = add(&now, &v[i]);
	for (size_t i = 0; i < old.n && !r; i++)
		if (old.v[i].is_local && !find(&now, old.v[i].node))
			r = add(&now, &old.v[i]);
	if (r)
		r = fp_err(e, -ENOMEM, "out of memory");
	else if (!is_same(&old, &now) || now.at_s - old.at_s >= AGE_S ||
		 now.at_s < old.at_s)
		r = write_copy(dir, &now, e);
	free(old.v);
	free(now.v);
	return r;
}

int fp_marks_copy_write(const char *state_dir, const struct fp_mark *v,
			size_t n, struct fp_err *e)
{
	int dir = open_dir(state_dir, true, e);
	int r = dir < 0 ? dir : fp_lock_take(dir, false, LOCK_MS, e);

	if (!r)
		r = merge(dir, v, n, e);
	if (dir >= 0)
		close(dir); /* and the lock */
	return r;
}

static int change(int dir, const struct fp_mark *m, bool *is_changed,
		  struct fp_err *e)
{
	struct fp_mark new = *m, *old;
	struct copy c;
	int r = read_copy(dir, &c, e);

	if (r)
		return r;
	old = find(&c, m->node);
	new.is_local = true;
	new.since_s = old ? old->since_s : fp_clock_unix_s();
	*is_changed = m->until_s ? !old || old->until_s != m->until_s ||
					   strcmp(old->why, m->why) ||
					   strcmp(old->by, m->by)
				 : old != NULL;
	if (*is_changed && old && !m->until_s)
		*old = c.v[--c.n];
	else if (*is_changed && old)
		*old = new;
	else if (*is_changed)
		r = add(&c, &new);
	if (r)
		fp_err(e, r, "out of memory");
	else if (*is_changed)
		r = write_copy(dir, &c, e);
	free(c.v);
	return r;
}

int fp_marks_copy_mark(const char *state_dir, const struct fp_mark *m,
		       bool *is_changed, struct fp_err *e)
{
	int dir = open_dir(state_dir, true, e);
	int r = dir < 0 ? dir : fp_lock_take(dir, false, LOCK_MS, e);

	if (!r)
		r = change(dir, m, is_changed, e);
	if (dir >= 0)
		close(dir);
	return r;
}
