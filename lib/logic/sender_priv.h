/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_SENDER_PRIV_H
#define FP_LOGIC_SENDER_PRIV_H

/* What sender.c and sender_push.c share; not for others. */

#include "logic/sender.h"

enum fp_item_how { FP_ITEM_WHOLE, FP_ITEM_DIFF, FP_ITEM_BUCKETS, FP_ITEM_DROP };
enum fp_item_state { FP_ITEM_UNSENT, FP_ITEM_SENT, FP_ITEM_STAGED };

/* A list that the node has to change. */
struct fp_item {
	const struct fp_offer *offer; /* or NULL: it goes */
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_item_how how;
	enum fp_item_state state;
	bool is_tried; /* buckets: they led to another digest */
};

/* A push on its way: items are sent one after the other, answers to several
 * may be awaited; what only a WANT can tell is waited for. */
struct fp_pushing {
	const struct fp_order *p;
	struct fp_item *item;
	size_t n;
	size_t *fifo; /* items sent and not answered, oldest first */
	size_t fifo_at, fifo_n;
	struct fp_item *current; /* being sent, or NULL */
	struct fp_frames frames; /* of it, from frames_at on */
	size_t frames_at;
	bool is_wanting;     /* WANT has not come */
	unsigned char *want; /* a bit a bucket */
	uint32_t n_buckets;
	size_t bucket_at; /* entries before it were looked at */
	char policy[65];  /* as it will be */
	bool is_committed;
	struct fp_event
		failed; /* kind FAILED: it is over when all is answered */
};

/* What h lacks of p: *out is to be ended by fp_pushing_fini.  -ENOMEM. */
int fp_pushing_init(struct fp_pushing *out, const struct fp_order *p,
		    const struct fp_hello *h, struct fp_err *e);
void fp_pushing_fini(struct fp_pushing *g);
/* Append what can be sent, up to max bytes and a frame.  0; -errno. */
int fp_pushing_fill(struct fp_pushing *g, const struct fp_hello *h,
		    struct fp_buf *to, size_t max, struct fp_err *e);
/* The node's answer.  1: the push has ended, *out has kind, code and error or
 * answer.  0: go on.  -EBADMSG. */
int fp_pushing_answer(struct fp_pushing *g, const struct fp_wire_msg *m,
		      struct fp_event *out, struct fp_err *e);

/* A request, until it is answered. */
struct fp_asked {
	enum fp_ask what;
	uint32_t tag;
	struct fp_buf bytes; /* not sent yet */
	bool is_sent;
	uint32_t left;      /* frames that are to be answered */
	uint32_t n_buckets; /* WORDS */
	bool has_head;      /* of the answer */
	uint64_t got_bytes;
	const struct fp_order *push;
	struct fp_event sum; /* of several answers */
	struct fp_buf named; /* CHANGE: their bodies */
};

struct fp_sender {
	char name[256];
	int64_t timeout_ms, last_ms, fed_ms;
	int64_t unheard; /* bytes since last_ms */
	unsigned int n_notes;
	struct fp_buf in, out;
	size_t in_at, out_at;
	struct fp_asked *ask; /* from at to n: not answered */
	size_t at, n, cap;
	struct fp_buf named;       /* of the CHANGE that was answered last */
	struct fp_pushing pushing; /* of the first ask, when that is sent */
	struct fp_hello hello;
	bool is_said, is_failed; /* is_failed: no memory */
	int code;                /* the session is over: err */
	struct fp_err err;
	uint64_t sent, received, lists_bytes;
};

/* code, error and err of *out from a FAIL. */
void fp_event_fail(struct fp_event *out, const struct fp_wire_msg *m);

#endif
