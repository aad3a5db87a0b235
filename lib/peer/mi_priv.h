/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MI_PRIV_H
#define FP_PEER_MI_PRIV_H

#include "base/buf.h"
#include "peer/mi.h"

/* A datagram of OpenSIPS.  Source: mi_datagram, DATAGRAM_SOCK_BUF_SIZE. */
#define MI_DATAGRAM_MAX 65457
/* One line of its FIFO.  Source: mi_fifo, MAX_MI_FIFO_BUFFER. */
#define MI_FIFO_LINE_MAX 4095
/* No reply is longer than this; 10,000 dialogs are 9 MB. */
#define MI_REPLY_MAX (64u << 20)

/* One request that is under way. */
struct fp_mi_call {
	struct fp_mi *m;
	uint32_t no; /* in its id */
	char method[64];
	struct fp_buf request;
	struct fp_timer timer;
	int64_t timeout_ms;
	void (*done)(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *e);
	void *ctx;
	struct fp_mi_call *chain; /* of the hash */
	/* the transport's */
	bool is_renamed; /* asked by the name of 4.x */
	bool is_queued;
	struct fp_mi_call *next; /* in mi_queue */
	void *held;
};

struct mi_queue {
	struct fp_mi_call *head, **tail;
};
void mi_queue_init(struct mi_queue *q);
void mi_queue_add(struct mi_queue *q, struct fp_mi_call *c);
void mi_queue_take(struct mi_queue *q, struct fp_mi_call *c);

struct mi_transport {
	size_t request_max, reply_max;
	int (*open)(struct fp_mi *m, struct fp_err *e);
	void (*close)(struct fp_mi *m);
	/* c->request is the whole of it.  0; -errno: c is the caller's. */
	int (*send)(struct fp_mi *m, struct fp_mi_call *c, struct fp_err *e);
	/* c has ended: let go of it. */
	void (*forget)(struct fp_mi *m, struct fp_mi_call *c);
};
extern const struct mi_transport mi_datagram, mi_fifo, mi_http;

struct fp_mi {
	struct fp_loop *loop;
	const struct mi_transport *transport;
	struct fp_endpoint to;
	struct sockaddr_storage sa;
	socklen_t sa_len;
	size_t reply_max; /* 0: the transport's alone */
	char *reply_dir;  /* or NULL */
	char *name;
	bool has_new_names; /* it knew one of 4.x, and not that of 3.x */
	char key[9]; /* of our ids: a reply to somebody else has another */
	uint32_t last_no;
	struct fp_mi_call **chains; /* by no */
	size_t n_chains, n_calls;
	/* What came and told neither which request it is for: the answer of one
	 * that will not get another. */
	int stray_code;
	size_t n_strays;
	char stray[64];
	void *kept;
	void (*kept_free)(void *kept);
	/* Callbacks may close us: freed when the last of ours has returned. */
	int depth;
	bool is_closed;
	void *data; /* the transport's */
};

/* Around everything that may call done. */
void mi_enter(struct fp_mi *m);
void mi_leave(struct fp_mi *m); /* m may be gone */

/* c is over: done is called, and c is gone. */
void mi_end(struct fp_mi_call *c, int code, const struct fp_jsonrpc *r,
	    const struct fp_err *e);
/* As it is over for the same reason as all others; m may be closed by it. */
void mi_end_all(struct fp_mi *m, int code, const struct fp_err *e);
/* What came in one piece: ends the call that it is for.  of: the only one that it
 * can be for, or NULL: the id tells. */
void mi_reply(struct fp_mi *m, struct fp_mi_call *of, const char *s, size_t n);
/* "name: ", when there is one. */
int mi_err(const struct fp_mi *m, struct fp_err *e, int code, const char *fmt,
	   ...) __attribute__((format(printf, 4, 5)));

#endif
