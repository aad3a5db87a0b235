/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_PRIV_H
#define FP_PEER_REMOTE_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "peer/remote.h"

/* What the transports share, and what each of them is.  Not for others. */

#define FP_REMOTE_SAID 4096 /* bytes of stderr that are kept */

struct fp_remote;

struct fp_remote_ops {
	size_t size; /* of the transport's struct, which begins with fp_remote */
	/* Once, from the loop. */
	void (*start)(struct fp_remote *r);
	/* There is something to write, or to finish: see to it from the loop. */
	void (*kick)(struct fp_remote *r);
	/* The deadline came.  true: it is too late. */
	bool (*is_late)(struct fp_remote *r);
	/* Bytes taken from the queue and not yet given to the kernel. */
	size_t (*held)(const struct fp_remote *r);
	/* The socket that is written to, -1: none. */
	int (*socket)(const struct fp_remote *r);
	/* Release everything, at once; again does nothing. */
	void (*stop)(struct fp_remote *r);
};

extern const struct fp_remote_ops fp_remote_ssh2, fp_remote_command;

struct fp_remote {
	struct fp_loop *loop;
	const struct fp_remote_ops *ops;
	struct fp_remote_config config;
	struct fp_remote_events events;
	char *transport, *command;
	struct fp_timer timer; /* to start, then the deadline */
	int64_t timeout_ms, end_ms;
	const char *doing;   /* for the message when time is up */
	struct fp_buf queue; /* from queue_at on it is to be written */
	size_t queue_at;
	char said[FP_REMOTE_SAID]; /* the end of what came on stderr */
	size_t said_len;
	struct fp_err err;
	unsigned int depth; /* callbacks of the loop that are under way */
	bool is_started, is_opened;
	bool is_finished; /* fp_remote_finish was called */
	bool is_dirty;    /* written to since it was drained */
	bool is_over;     /* closed was called */
	bool is_shut;     /* fp_remote_close was called from an event */
};

/* Around whatever the loop calls: r lives until leave. */
void fp_remote_enter(struct fp_remote *r);
void fp_remote_leave(struct fp_remote *r);
static inline bool fp_remote_is_done(const struct fp_remote *r)
{
	return r->is_over || r->is_shut;
}

/* Events; each may end r (fp_remote_is_done). */
void fp_remote_tell_opened(struct fp_remote *r);
void fp_remote_tell_data(struct fp_remote *r, const void *data, size_t n);
/* If all is on its way that was written since the last time. */
void fp_remote_tell_drained(struct fp_remote *r);
/* Stop the transport and tell.  code 0, or -errno with its text in r->err. */
void fp_remote_end(struct fp_remote *r, int code);

static inline const char *fp_remote_next(const struct fp_remote *r, size_t *n)
{
	*n = r->queue.len - r->queue_at;
	return *n ? r->queue.data + r->queue_at : NULL;
}
void fp_remote_took(struct fp_remote *r, size_t n);

/* Keep n bytes of stderr. */
void fp_remote_hear(struct fp_remote *r, const void *data, size_t n);
/* The last of them as one printable line, at most 300 bytes, cut at a word's
 * start; empty when nothing was said. */
#define FP_REMOTE_LINE 304
void fp_remote_said(const struct fp_remote *r, char out[FP_REMOTE_LINE]);
/* As much of n bytes from a peer as fits, on one line, nothing a terminal obeys:
 * the end of it. */
void fp_remote_clean(char *out, size_t size, const char *s, size_t n);
/* The program's end, told as fp_remote_end does.  signal: its name or NULL. */
void fp_remote_exited(struct fp_remote *r, int status, const char *signal);

#endif
