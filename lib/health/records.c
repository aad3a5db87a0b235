/* SPDX-License-Identifier: Apache-2.0 */
#include "health/records.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/clock.h"

#define READ_SIZE 16384
/* At most so many reads before the loop has its turn. */
#define READS 16

struct fp_records {
	struct fp_loop *loop;
	int fd;
	bool is_watched;      /* in epoll; a file cannot be */
	struct fp_timer turn; /* of a file */
	struct fp_records_events ev;
	bool is_skipping;     /* the rest of a line that was too long */
	bool is_over;         /* the end was told */
	bool *is_gone;        /* of read_on, when it was closed from within */
	uint64_t n_lines, at; /* that are whole; of the one in hand */
	size_t len;
	char line[FP_RECORD_MAX + READ_SIZE];
};

static void parse(struct fp_records *r, const char *p, size_t n)
{
	struct fp_record rec;
	struct fp_err e = { .text = "" };

	if (!n)
		return;
	if (fp_record_parse(&rec, p, n, &e))
		r->ev.bad(r->ev.ctx, &e);
	else
		r->ev.record(r->ev.ctx, &rec);
}

/* Whole lines of what was read; is_gone: closed from within. */
static void lines(struct fp_records *r, const bool *is_gone)
{
	struct fp_err e = { .text = "" };
	size_t at = 0;
	char *end;

	while (!*is_gone && (end = memchr(r->line + at, '\n', r->len - at))) {
		size_t n = (size_t)(end - r->line) - at;
		char *p = r->line + at;

		at += n + 1;
		r->at = ++r->n_lines;
		if (r->is_skipping)
			r->is_skipping = false;
		else
			parse(r, p, n);
	}
	if (*is_gone)
		return;
	r->len -= at;
	memmove(r->line, r->line + at, r->len);
	if (r->len <= FP_RECORD_MAX)
		return;
	r->len = 0;
	if (r->is_skipping)
		return;
	r->is_skipping = true;
	r->at = r->n_lines + 1;
	fp_err(&e, -EBADMSG, "a line longer than %d bytes", FP_RECORD_MAX);
	r->ev.bad(r->ev.ctx, &e);
}

static void stop(struct fp_records *r)
{
	if (r->is_watched)
		fp_loop_fd_del(r->loop, r->fd);
	r->is_watched = false;
	fp_loop_timer_disarm(r->loop, &r->turn);
}

static void end(struct fp_records *r, int code, const bool *is_gone)
{
	stop(r);
	r->is_over = true;
	r->at = r->n_lines + 1;
	if (!r->is_skipping)
		parse(r, r->line, r->len);
	if (!*is_gone)
		r->ev.ended(r->ev.ctx, code);
}

/* true: there may be more. */
static bool read_once(struct fp_records *r, const bool *is_gone)
{
	ssize_t n = read(r->fd, r->line + r->len, READ_SIZE);

	if (n > 0) {
		r->len += (size_t)n;
		lines(r, is_gone);
		return !*is_gone;
	}
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	end(r, n ? -errno : 0, is_gone);
	return false;
}

static void read_on(struct fp_records *r, int reads)
{
	bool is_gone = false, is_more = true;

	r->is_gone = &is_gone;
	for (int i = 0; i < reads && is_more; i++)
		is_more = read_once(r, &is_gone);
	if (is_gone)
		return;
	r->is_gone = NULL;
	if (is_more && !r->is_watched)
		fp_loop_timer_arm(r->loop, &r->turn, fp_clock_ms());
}

static void ready(void *ctx, uint32_t events)
{
	(void)events;
	read_on(ctx, READS);
}

static void turn(void *ctx)
{
	read_on(ctx, READS);
}

int fp_records_open(struct fp_records **out, struct fp_loop *l, int fd,
		    const struct fp_records_events *ev, struct fp_err *e)
{
	struct fp_records *r = calloc(1, sizeof(*r));
	int flags = fcntl(fd, F_GETFL);
	int code;

	if (!r)
		return fp_err_sys(e, -ENOMEM, "records");
	*r = (struct fp_records){ .loop = l, .fd = fd, .ev = *ev };
	r->turn = (struct fp_timer){ .fire = turn, .ctx = r };
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK)) {
		code = -errno;
		free(r);
		return fp_err_sys(e, code, "stdin");
	}
	code = fp_loop_fd_add(l, fd, EPOLLIN, ready, r);
	r->is_watched = !code;
	if (code == -EPERM) /* a file is always ready: epoll_ctl(2) */
		code = fp_loop_timer_arm(l, &r->turn, fp_clock_ms());
	if (code) {
		free(r);
		return fp_err_sys(e, code, "stdin");
	}
	*out = r;
	return 0;
}

void fp_records_drain(struct fp_records *r)
{
	if (!r->is_gone && !r->is_over) /* not from within a record */
		read_on(r, FP_RECORDS_DRAIN_MAX / READ_SIZE);
}

uint64_t fp_records_line(const struct fp_records *r)
{
	return r->at;
}

void fp_records_close(struct fp_records *r)
{
	if (!r)
		return;
	stop(r);
	if (r->is_gone)
		*r->is_gone = true;
	free(r);
}
