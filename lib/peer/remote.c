/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "base/utf8.h"
#include "io/clock.h"
#include "peer/remote_priv.h"

#define QUEUE_SLACK 65536 /* bytes written before they are given back */

static void destroy(struct fp_remote *r)
{
	r->ops->stop(r);
	fp_loop_timer_disarm(r->loop, &r->timer);
	fp_buf_fini(&r->queue);
	free(r->transport);
	free(r->command);
	free(r);
}

void fp_remote_enter(struct fp_remote *r)
{
	r->depth++;
}

void fp_remote_leave(struct fp_remote *r)
{
	if (!--r->depth && r->is_shut)
		destroy(r);
}

static void on_timer(void *ctx)
{
	struct fp_remote *r = ctx;

	fp_remote_enter(r);
	if (!r->is_started) {
		r->is_started = true;
		if (fp_loop_timer_arm(r->loop, &r->timer, r->end_ms)) {
			fp_err(&r->err, -ENOMEM, "out of memory");
			fp_remote_end(r, -ENOMEM);
		} else {
			r->ops->start(r);
		}
	} else if (r->ops->is_late(r)) {
		fp_err(&r->err, -ETIMEDOUT, "no answer within %lld ms (%s)",
		       (long long)r->timeout_ms, r->doing);
		fp_remote_end(r, -ETIMEDOUT);
	}
	fp_remote_leave(r);
}

int fp_remote_open(struct fp_remote **out, struct fp_loop *l,
		   const struct fp_remote_config *c, const char *transport,
		   const char *command, int64_t timeout_ms,
		   const struct fp_remote_events *events, struct fp_err *e)
{
	const struct fp_remote_ops *ops =
		transport ? &fp_remote_command : &fp_remote_ssh2;
	struct fp_remote *r;

	if (!*c->host || !*command || (transport && !*transport))
		return fp_err(e, -EINVAL, "no host or no command to run");
	r = calloc(1, ops->size);
	if (!r)
		return fp_err(e, -ENOMEM, "out of memory");
	r->loop = l;
	r->ops = ops;
	r->config = *c;
	r->events = *events;
	r->timer = (struct fp_timer){ .fire = on_timer, .ctx = r };
	r->timeout_ms = timeout_ms;
	r->end_ms = fp_clock_ms() + timeout_ms;
	r->doing = "starting";
	r->command = strdup(command);
	r->transport = transport ? strdup(transport) : NULL;
	if (!r->command || (transport && !r->transport) ||
	    fp_loop_timer_arm(l, &r->timer, fp_clock_ms())) {
		destroy(r);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	*out = r;
	return 0;
}

int fp_remote_write(struct fp_remote *r, const void *data, size_t n,
		    struct fp_err *e)
{
	if (fp_remote_is_done(r) || r->is_finished)
		return fp_err(e, -EPIPE, "no longer open");
	if (!n)
		return 0;
	fp_buf_add(&r->queue, data, n);
	if (r->queue.is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	r->is_dirty = true;
	if (r->is_opened)
		r->ops->kick(r);
	return 0;
}

size_t fp_remote_queued(const struct fp_remote *r)
{
	return r->queue.len - r->queue_at + r->ops->held(r);
}

size_t fp_remote_untaken(const struct fp_remote *r)
{
	int fd = fp_remote_is_done(r) ? -1 : r->ops->socket(r), n;

	if (fd < 0 || ioctl(fd, SIOCOUTQ, &n) || n < 0)
		n = 0;
	return fp_remote_queued(r) + (size_t)n;
}

void fp_remote_finish(struct fp_remote *r)
{
	if (fp_remote_is_done(r))
		return;
	r->is_finished = true;
	if (r->is_opened)
		r->ops->kick(r);
}

void fp_remote_close(struct fp_remote *r)
{
	if (!r)
		return;
	if (r->depth)
		r->is_shut = true;
	else
		destroy(r);
}

void fp_remote_took(struct fp_remote *r, size_t n)
{
	r->queue_at += n;
	if (r->queue_at == r->queue.len) {
		fp_buf_fini(&r->queue);
		r->queue_at = 0;
	} else if (r->queue_at >= QUEUE_SLACK &&
		   r->queue_at >= r->queue.len / 2) {
		r->queue.len -= r->queue_at;
		memmove(r->queue.data, r->queue.data + r->queue_at,
			r->queue.len);
		r->queue_at = 0;
	}
}

/* ---- events */

void fp_remote_tell_opened(struct fp_remote *r)
{
	r->is_opened = true;
	if (r->events.opened)
		r->events.opened(r->events.ctx);
}

void fp_remote_tell_data(struct fp_remote *r, const void *data, size_t n)
{
	if (r->events.data)
		r->events.data(r->events.ctx, data, n);
}

void fp_remote_tell_drained(struct fp_remote *r)
{
	if (fp_remote_is_done(r) || !r->is_dirty || fp_remote_queued(r))
		return;
	r->is_dirty = false;
	if (r->events.drained)
		r->events.drained(r->events.ctx);
}

void fp_remote_end(struct fp_remote *r, int code)
{
	if (fp_remote_is_done(r))
		return;
	r->is_over = true;
	fp_loop_timer_disarm(r->loop, &r->timer);
	r->ops->stop(r);
	if (r->events.closed)
		r->events.closed(r->events.ctx, code, &r->err);
}

void fp_remote_exited(struct fp_remote *r, int status, const char *signal)
{
	char said[FP_REMOTE_LINE], how[64];

	if (!status && !signal) {
		r->err.text[0] = 0;
		fp_remote_end(r, 0);
		return;
	}
	fp_remote_said(r, said);
	if (signal)
		snprintf(how, sizeof(how), "was killed by signal %.32s",
			 signal);
	else
		snprintf(how, sizeof(how), "ended with status %d", status);
	fp_err(&r->err, -EREMOTEIO, "%.100s %s%s%s", r->command, how,
	       *said ? ": " : "", said);
	fp_remote_end(r, -EREMOTEIO);
}

/* ---- what it says */

void fp_remote_hear(struct fp_remote *r, const void *data, size_t n)
{
	const char *s = data;
	size_t keep;

	if (n > sizeof(r->said)) {
		s += n - sizeof(r->said);
		n = sizeof(r->said);
	}
	keep = sizeof(r->said) - n;
	if (r->said_len > keep) {
		memmove(r->said, r->said + r->said_len - keep, keep);
		r->said_len = keep;
	}
	memcpy(r->said + r->said_len, s, n);
	r->said_len += n;
}

void fp_remote_clean(char *out, size_t size, const char *s, size_t n)
{
	char text[FP_REMOTE_SAID + 1], *to = text, *start = text;
	bool is_gap = false;

	n = n < FP_REMOTE_SAID ? n : FP_REMOTE_SAID;
	for (size_t i = 0, len; i < n; i += len) {
		char c[5] = { 0 };

		memcpy(c, s + i, n - i < 4 ? n - i : 4);
		len = *c ? fp_utf8_len(c) : 0;
		if (!len || *c == ' ' ||
		    fp_utf8_is_control(fp_utf8_char(c, len))) {
			is_gap = to > text;
			len = len ? len : 1;
			continue;
		}
		if (is_gap)
			*to++ = ' ';
		is_gap = false;
		memcpy(to, c, len);
		to += len;
	}
	*to = 0;
	if ((size_t)(to - text) >= size) {
		start = to - (size - 1);
		while (*start && *start != ' ')
			start++;
		start += *start == ' ';
	}
	snprintf(out, size, "%s", start);
}

void fp_remote_said(const struct fp_remote *r, char out[FP_REMOTE_LINE])
{
	fp_remote_clean(out, FP_REMOTE_LINE, r->said, r->said_len);
}
