/* SPDX-License-Identifier: Apache-2.0 */
/* Words handed to a push --stay that runs here: the other end of stay_sock.c. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/stay_priv.h"
#include "io/clock.h"

#define LOOK_MS 1000 /* does one listen? */

int fp_stay_address(struct sockaddr_un *a, const char *state_dir)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(a->sun_path, sizeof(a->sun_path), "%s/" FP_STAY_SOCK,
			state_dir) < (int)sizeof(a->sun_path)
		       ? 0
		       : -ENAMETOOLONG;
}

/* What is left until end_ms, for the next call on fd. */
static int set_timeout(int fd, int option, int64_t end_ms)
{
	int64_t left_ms = end_ms - fp_clock_ms();
	struct timeval t = { .tv_sec = left_ms / 1000,
			     .tv_usec = left_ms % 1000 * 1000 };

	if (left_ms <= 0)
		return -ETIMEDOUT;
	return setsockopt(fd, SOL_SOCKET, option, &t, sizeof(t)) ? -errno : 0;
}

/* -EAGAIN: somebody listens there, and takes nobody in. */
static int connect_to(const char *state_dir, int64_t end_ms)
{
	struct sockaddr_un a;
	int fd, r = fp_stay_address(&a, state_dir);

	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = set_timeout(fd, SO_SNDTIMEO, end_ms);
	if (r) {
		close(fd);
		return r;
	}
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

bool fp_stay_runs(const char *state_dir)
{
	int fd = connect_to(state_dir, fp_clock_ms() + LOOK_MS);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -EAGAIN;
}

/* All of it.  0; -errno. */
static int hand_send(int fd, const struct fp_buf *b, int64_t end_ms)
{
	size_t at = 0;
	int r = 0;

	while (at < b->len && !r) {
		ssize_t n;

		r = set_timeout(fd, SO_SNDTIMEO, end_ms);
		n = r ? 0 : send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			r = errno == EAGAIN ? -ETIMEDOUT : -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return r;
}

static int hand_take(const struct fp_wire_msg *m, struct fp_handed *out,
		     struct fp_err *e)
{
	*out = (struct fp_handed){ .is_connected = true };
	if (!fp_wire_str(m, "node", out->node, sizeof(out->node)))
		return fp_err(e, -EBADMSG, "an answer without node");
	out->is_ok = m->type == FP_WIRE_OK;
	out->ev.body = m->body;
	out->ev.body_len = out->is_ok ? m->body_len : 0;
	if (out->is_ok)
		return fp_answer_read(&out->ev.answer, m, e);
	out->ev.kind = FP_EVENT_FAILED;
	out->ev.error = fp_wire_fail(m, out->ev.code, sizeof(out->ev.code),
				     &out->ev.err);
	out->is_connected = strcmp(out->ev.code, "away");
	return 0;
}

/* Answers up to END. */
static int hand_read(int fd, int64_t end_ms,
		     void (*each)(void *ctx, const struct fp_handed *h),
		     void *ctx, struct fp_err *e)
{
	struct fp_buf in = { 0 };
	struct fp_wire_msg m;
	struct fp_handed h;
	size_t used, at = 0;
	int r = 0;

	for (;;) {
		char *to;
		ssize_t n;

		while ((r = fp_wire_read(in.data + at, in.len - at, &used, &m,
					 e)) > 0 &&
		       m.type != FP_WIRE_END) {
			r = hand_take(&m, &h, e);
			if (r)
				break;
			each(ctx, &h);
			at += used;
		}
		if (r)
			break;
		to = fp_buf_room(&in, 65536);
		r = to ? set_timeout(fd, SO_RCVTIMEO, end_ms) : -ENOMEM;
		n = r ? -1 : recv(fd, to, 65536, 0);
		if (!r && n <= 0)
			r = !n                ? -ECONNRESET
			    : errno == EAGAIN ? -ETIMEDOUT
					      : -errno;
		if (r) {
			fp_err_sys(e, r, "push --stay");
			break;
		}
		in.len += (size_t)n;
	}
	fp_buf_fini(&in);
	return r;
}

int fp_stay_hand(const char *state_dir, const char *list, enum fp_kind kind,
		 const char *by, const char *why, const struct fp_entry *v,
		 size_t n, int64_t timeout_ms,
		 void (*each)(void *ctx, const struct fp_handed *h), void *ctx,
		 struct fp_err *e)
{
	struct fp_buf b = { 0 };
	size_t begin = fp_wire_begin(&b, FP_WIRE_CHANGE);
	int64_t end_ms = fp_clock_ms() + timeout_ms;
	int fd, r = 0;

	fp_wire_put(&b, "list", list);
	fp_wire_put(&b, "kind", fp_kind_name(kind));
	fp_wire_put(&b, "by", by);
	if (why)
		fp_wire_put(&b, "why", why);
	fp_wire_body(&b, NULL, 0);
	for (size_t i = 0; i < n && b.len < FP_WIRE_BODY_MAX; i++)
		fp_entry_print(&b, &v[i]);
	if (b.is_failed || b.len >= FP_WIRE_BODY_MAX) {
		fp_buf_fini(&b);
		return 0; /* sessions of our own take any number */
	}
	fp_wire_end(&b, begin);
	fd = connect_to(state_dir, end_ms);
	if (fd >= 0) {
		r = hand_send(fd, &b, end_ms);
		if (r)
			fp_err_sys(e, r, "push --stay");
		else
			r = hand_read(fd, end_ms, each, ctx, e);
		close(fd);
	} else if (fd == -EAGAIN) {
		r = -ETIMEDOUT;
	}
	if (r == -ETIMEDOUT)
		fp_err(e, 0,
		       "the push --stay that runs here does not answer within %lld ms",
		       (long long)timeout_ms);
	fp_buf_fini(&b);
	return r;
}
