/* SPDX-License-Identifier: Apache-2.0 */
/* STATE/jobs/ID.jsonl: each line is written at once, so that what a process did
 * before it was killed is there; power loss may take what was not flushed, and
 * leave half a line. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/journal_disk.h"
#include "io/owned.h"

#define ENDING ".jsonl"
#define CHUNK (256u << 10)

/* ---- directories */

int fp_journal_dir(const char *state_dir, bool is_made, int *jobs, int *locks,
		   struct fp_err *e)
{
	int dir = fp_owned_state_dir(state_dir, "jobs", 0700, is_made, e), fd;

	if (dir < 0)
		return dir;
	if (locks) {
		fd = fp_owned_dir(dir, "locks", 0700, is_made, e);
		if (fd < 0) {
			close(dir);
			return fp_err_prefix(e, fd, "%s/jobs", state_dir);
		}
		*locks = fd;
	}
	*jobs = dir;
	return 0;
}

static void file_name(char out[64], const char *id)
{
	snprintf(out, 64, "%.39s" ENDING, id);
}

int fp_journal_copy_ids(int jobs, char (**out)[40], size_t *n, struct fp_err *e)
{
	int fd = openat(jobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char(*v)[40] = NULL, (*more)[40];
	const struct dirent *x;
	size_t count = 0;

	if (!d)
		return fp_err_sys(e, -errno, "jobs");
	while ((x = readdir(d))) {
		size_t len = strlen(x->d_name), end = strlen(ENDING);

		if (len <= end || len - end >= sizeof(*v) ||
		    strcmp(x->d_name + len - end, ENDING))
			continue;
		more = reallocarray(v, count + 1, sizeof(*v));
		if (!more)
			break;
		v = more;
		snprintf(v[count], sizeof(*v), "%.*s", (int)(len - end),
			 x->d_name);
		count += fp_journal_is_id(v[count]);
	}
	closedir(d);
	if (x) {
		free(v);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	*out = v;
	*n = count;
	return 0;
}

/* ---- reading */

struct reading {
	struct fp_journal_seen *seen;
	struct fp_journal_items *items;
	bool is_known; /* of words: they were read from fp_db */
	/* gets what is at this place and behind it, of its epoch; or NULL */
	struct fp_journal_words *words;
	struct fp_journal_place from;
};

/* false: too long. */
static bool take_text(char *to, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n < size)
		memcpy(to, s, n + 1);
	return n < size;
}
#define TAKE(to, s) take_text(to, sizeof(to), s)

static int keep_plan(struct reading *r, const char *plan, struct fp_err *e)
{
	char *s = strdup(plan);

	if (!s)
		return fp_journal_oom(e);
	free(r->seen->h.plan);
	r->seen->h.plan = s;
	return 0;
}

static int on_job(struct reading *r, const struct fp_jobline *l,
		  struct fp_err *e)
{
	struct fp_journal_seen *s = r->seen;

	if (s->is_there)
		return fp_err(e, -EBADMSG, "a second job");
	if (!fp_journal_is_id(l->id) || !TAKE(s->h.id, l->id) ||
	    !TAKE(s->h.tool, l->tool) || !TAKE(s->h.verb, l->verb) ||
	    !TAKE(s->h.node, l->node) || !TAKE(s->h.by, l->by) ||
	    !TAKE(s->h.owner, l->owner))
		return fp_err(e, -EBADMSG, "no job");
	s->is_there = true;
	strcpy(s->h.state, "running");
	s->h.started_s = l->at_s;
	return keep_plan(r, l->plan, e);
}

static int on_epoch(struct reading *r, const struct fp_jobline *l,
		    struct fp_err *e)
{
	struct fp_journal_seen *s = r->seen;

	r->is_known = l->is_known;
	if (l->epoch > s->epoch) {
		s->epoch = l->epoch;
		s->next = (struct fp_journal_place){ l->epoch, 0 };
	}
	if (l->is_known)
		return 0;
	/* somebody goes on with it */
	s->is_alone = l->is_alone;
	s->is_ended = false;
	s->h.ended_s = 0;
	strcpy(s->h.state, "running");
	if (*l->owner && !TAKE(s->h.owner, l->owner))
		return fp_err(e, -EBADMSG, "too long an owner");
	return 0;
}

static int on_item(struct reading *r, const struct fp_jobline *l,
		   struct fp_err *e)
{
	struct fp_journal_place at = r->seen->next;

	/* known words have no place of their own among those of an epoch */
	if (r->is_known)
		at.n = -1;
	else
		r->seen->next.n++;
	if (r->words && !r->is_known && at.epoch == r->from.epoch &&
	    at.n >= r->from.n &&
	    fp_journal_words_add(r->words, l->item, l->state, l->detail,
				 l->at_s))
		return fp_journal_oom(e);
	if (r->items &&
	    fp_journal_items_put(r->items, l->item, l->state, l->detail,
				 l->at_s, at, FP_IN_COPY))
		return fp_journal_oom(e);
	return 0;
}

static int on_state(struct fp_journal_seen *s, const struct fp_jobline *l,
		    struct fp_err *e)
{
	if (!TAKE(s->h.state, l->state))
		return fp_err(e, -EBADMSG, "no state");
	s->is_ended = !strcmp(l->state, "done") || !strcmp(l->state, "aborted");
	s->h.ended_s = s->is_ended ? l->at_s : 0;
	return 0;
}

static int take_kind(struct reading *r, const struct fp_jobline *l,
		     struct fp_err *e)
{
	if (!r->seen->is_there && l->kind != FP_JOBLINE_JOB)
		return fp_err(e, -EBADMSG, "not a job's");
	if (l->at_s > r->seen->h.updated_s)
		r->seen->h.updated_s = l->at_s;
	switch (l->kind) {
	case FP_JOBLINE_JOB:
		return on_job(r, l, e);
	case FP_JOBLINE_EPOCH:
		return on_epoch(r, l, e);
	case FP_JOBLINE_ITEM:
		return on_item(r, l, e);
	case FP_JOBLINE_PLAN:
		r->seen->is_plan_alone = r->seen->is_alone;
		return keep_plan(r, l->plan, e);
	case FP_JOBLINE_STATE:
		return on_state(r->seen, l, e);
	default:
		return 0;
	}
}

static int take_line(struct reading *r, const char *line, size_t n,
		     struct fp_err *e)
{
	struct fp_jobline l;
	int code = fp_jobline_parse(&l, line, n, e);

	if (code)
		return code;
	code = take_kind(r, &l, e);
	fp_jobline_fini(&l);
	return code;
}

/* Whole lines of what was read; the rest stays. */
static int take_lines(struct reading *r, struct fp_buf *b, const char *id,
		      struct fp_err *e)
{
	const char *at = b->data, *end = b->data + b->len, *stop;
	int code = 0;

	while (!code && (stop = memchr(at, '\n', (size_t)(end - at)))) {
		r->seen->n_lines++;
		code = take_line(r, at, (size_t)(stop - at), e);
		if (code)
			return fp_err_prefix(e, code, "jobs/%s" ENDING ":%zu",
					     id, r->seen->n_lines);
		r->seen->size += stop + 1 - at;
		at = stop + 1;
	}
	b->len = (size_t)(end - at);
	memmove(b->data, at, b->len);
	if (b->len > FP_JOBLINE_MAX)
		return fp_err(e, -EBADMSG, "jobs/%s" ENDING ":%zu: too long",
			      id, r->seen->n_lines + 1);
	return 0;
}

static int read_all(struct reading *r, int fd, off_t end, const char *id,
		    struct fp_err *e)
{
	struct fp_buf b = { .data = NULL };
	off_t at = 0;
	ssize_t n = 1;
	int code = 0;

	while (!code && n > 0) {
		char *to = fp_buf_room(&b, CHUNK);

		if (!to) {
			code = fp_journal_oom(e);
			break;
		}
		n = pread(fd, to, end - at < CHUNK ? (size_t)(end - at) : CHUNK,
			  at);
		if (n < 0)
			code = fp_err_sys(e, -errno, "jobs/%s" ENDING, id);
		else
			b.len += (size_t)n, at += n;
		if (n > 0)
			code = take_lines(r, &b, id, e);
	}
	r->seen->is_torn = !code && b.len;
	fp_buf_fini(&b);
	return code;
}

int fp_journal_copy_read(int jobs, const char *id, struct fp_journal_seen *out,
			 struct fp_journal_items *items, struct fp_err *e)
{
	struct reading r = { .seen = out, .items = items };
	char name[64];
	int fd, code;

	*out = (struct fp_journal_seen){ .is_there = false };
	file_name(name, id);
	fd = fp_owned_file(jobs, name, O_RDONLY, 0);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fp_err_sys(e, fd, "jobs/%s", name);
	code = read_all(&r, fd, INT64_MAX, id, e);
	if (!code && out->is_there && strcmp(out->h.id, id))
		code = fp_err(e, -EBADMSG, "jobs/%s:1: it is job %s", name,
			      out->h.id);
	close(fd);
	if (code)
		fp_journal_seen_fini(out);
	return code;
}

int fp_journal_copy_words(const struct fp_journal_copy *c,
			  struct fp_journal_place from,
			  struct fp_journal_words *out, struct fp_err *e)
{
	struct fp_journal_seen seen = { .is_there = false };
	struct reading r = { .seen = &seen, .words = out, .from = from };
	int code = read_all(&r, c->fd, c->size, c->id, e);

	fp_journal_seen_fini(&seen);
	return code;
}

void fp_journal_seen_fini(struct fp_journal_seen *s)
{
	free(s->h.plan);
	s->h.plan = NULL;
}

/* ---- writing */

int fp_journal_copy_open(struct fp_journal_copy *c, int jobs, const char *id,
			 bool is_new, off_t size, struct fp_err *e)
{
	int flags = O_RDWR | O_APPEND | O_CREAT;
	char name[64];
	int fd;

	file_name(name, id);
	fd = fp_owned_file(jobs, name, is_new ? flags | O_EXCL : flags, 0600);
	if (fd < 0)
		return fp_err_sys(e, fd, "jobs/%s", name);
	if (ftruncate(fd, size) || fsync(jobs)) {
		int r = fp_err_sys(e, -errno, "jobs/%s", name);

		close(fd);
		return r;
	}
	*c = (struct fp_journal_copy){ .fd = fd,
				       .size = size,
				       .is_dirty = true };
	snprintf(c->id, sizeof(c->id), "%s", id);
	return 0;
}

int fp_journal_copy_add(struct fp_journal_copy *c, const char *line, size_t n,
			struct fp_err *e)
{
	ssize_t done;
	int r;

	if (c->is_broken)
		return fp_err(e, -EIO,
			      "jobs/%s" ENDING ": half a line is in it", c->id);
	do
		done = write(c->fd, line, n);
	while (done < 0 && errno == EINTR);
	if (done == (ssize_t)n) {
		c->size += done;
		c->is_dirty = true;
		return 0;
	}
	r = done < 0 ? -errno : -ENOSPC;
	/* what follows must not stand behind half a line */
	if (done > 0 && ftruncate(c->fd, c->size))
		c->is_broken = true;
	return fp_err_sys(e, r, "jobs/%s" ENDING, c->id);
}

int fp_journal_copy_sync(struct fp_journal_copy *c, struct fp_err *e)
{
	if (c->fd < 0 || !c->is_dirty)
		return 0;
	if (fsync(c->fd))
		return fp_err_sys(e, -errno, "jobs/%s" ENDING, c->id);
	c->is_dirty = false;
	return 0;
}

void fp_journal_copy_close(struct fp_journal_copy *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
