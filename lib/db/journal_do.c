/* SPDX-License-Identifier: Apache-2.0 */
/* What blocks runs in a thread, and is waited for on the loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "db/journal_disk.h"
#include "io/ssl_thread.h"

struct waiting {
	struct fp_loop *loop;
	struct fp_err *e;
	int code;
	bool is_done, is_lost;
};

/* The thread's while it runs. */
struct call {
	struct fp_journal_do d;
	bool is_back;
};

static int run(void *data, struct fp_err *e)
{
	struct call *c = data;
	int r = c->d.run(c->d.data, e);

	fp_ssl_thread_end();
	return r;
}

static void drop(void *data)
{
	struct call *c = data;

	if (!c->is_back)
		c->d.drop(c->d.data);
	free(c);
}

static void done(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct waiting *w = ctx;

	if (data)
		((struct call *)data)->is_back = true;
	w->is_lost = !data;
	w->code = code;
	*w->e = *e;
	w->is_done = true;
	fp_loop_stop(w->loop);
}

int fp_journal_do(const struct fp_journal_opts *o,
		  const struct fp_journal_do *d, int64_t timeout_ms,
		  bool *is_lost, bool *is_interrupted, struct fp_err *e)
{
	struct fp_err none = { .text = "" };
	struct waiting w = { .loop = o->loop, .e = e ? e : &none };
	struct call *c = malloc(sizeof(*c));
	struct fp_job job = { .run = run,
			      .done = done,
			      .free = drop,
			      .data = c,
			      .ctx = &w,
			      .timeout_ms = timeout_ms };
	struct fp_task *task;
	int r;

	*is_lost = true;
	if (!c) {
		d->drop(d->data);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	*c = (struct call){ .d = *d };
	r = fp_work_do(o->work, &job, &task, e);
	if (r)
		return r;
	/* a signal ends the wait, but not what was begun */
	while ((r = fp_loop_wait(o->loop, &w.is_done, w.e)) == -EINTR)
		*is_interrupted = true;
	if (r && !w.is_done) {
		fp_work_cancel(task);
		return r;
	}
	*is_lost = w.is_lost;
	return w.code;
}

/* ---- options */

#define IDLE_S 30

/* A holder says something six times in that time, so that five may be lost; a
 * statement of its may take as long as it is allowed to. */
static int64_t idle_of(const struct fp_journal_opts *o)
{
	int64_t statement_s = o->timeout_ms / 1000;

	if (o->idle_s)
		return o->idle_s;
	return IDLE_S < 2 * statement_s ? 2 * statement_s : IDLE_S;
}

static const char *copy_of(const char *s, bool *is_failed)
{
	char *copy = s ? strdup(s) : NULL;

	*is_failed |= s && !copy;
	return copy;
}

int fp_journal_opts_copy(struct fp_journal_opts *to,
			 const struct fp_journal_opts *from, struct fp_err *e)
{
	char owner[sizeof(((struct fp_job_head *)0)->owner)];
	bool is_failed = false;

	*to = *from;
	to->idle_s = idle_of(from);
	to->conninfo = copy_of(from->conninfo, &is_failed);
	to->app = copy_of(from->app, &is_failed);
	fp_journal_clean(owner, sizeof(owner), from->owner ? from->owner : "");
	to->owner = copy_of(owner, &is_failed);
	to->state_dir = copy_of(from->state_dir, &is_failed);
	if (!is_failed)
		return 0;
	fp_journal_opts_fini(to);
	return fp_err(e, -ENOMEM, "out of memory");
}

void fp_journal_opts_fini(struct fp_journal_opts *o)
{
	free((char *)o->conninfo);
	free((char *)o->app);
	free((char *)o->owner);
	free((char *)o->state_dir);
	*o = (struct fp_journal_opts){ .loop = NULL };
}

void fp_journal_job_lock(const char *id, char out[FP_JOURNAL_JOB_LOCK])
{
	snprintf(out, FP_JOURNAL_JOB_LOCK, "job:%.39s", id);
}

/* ---- texts */

void fp_journal_clean(char *to, size_t size, const char *s)
{
	size_t at = 0;

	while (*s) {
		size_t n = (unsigned char)*s < ' ' ? 0 : fp_utf8_len(s);

		if (at + (n ? n : 1) >= size)
			break;
		memcpy(to + at, n ? s : "?", n ? n : 1);
		at += n ? n : 1;
		s += n ? n : 1;
	}
	to[at] = 0;
}

bool fp_journal_is_id(const char *id)
{
	size_t n = 0;

	for (; id[n]; n++)
		if (!(id[n] >= 'a' && id[n] <= 'z') &&
		    !(id[n] >= 'A' && id[n] <= 'Z') &&
		    !(id[n] >= '0' && id[n] <= '9') &&
		    !(n && (id[n] == '-' || id[n] == '.' || id[n] == '_')))
			return false;
	return n && n < sizeof(((struct fp_job_head *)0)->id);
}
