/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_SENDER_H
#define FP_LOGIC_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/wire.h"
#include "logic/sender_hello.h"
#include "logic/sender_push.h"
#include "model/list.h"

/* The controller's end of the session with one node: requests in, bytes out;
 * bytes in, events out.  Pure: it knows no socket and no clock but the one it is
 * given.  Source: fp-sync-protocol.5. */
struct fp_sender;

enum fp_ask {
	FP_ASK_HELLO,
	FP_ASK_PUSH,
	FP_ASK_WORDS,
	FP_ASK_CHANGE,
	FP_ASK_WHY,
	FP_ASK_GET,
	FP_ASK_MODE,
	FP_ASK_CONFIRM,
};

enum fp_event_kind {
	FP_EVENT_NOTE, /* the node says something (err.text) before it answers;
			    err.rule: by that it refused a word */
	FP_EVENT_HEAD, /* GET: kind is that of the list.  WORDS: body has a bit a
			    bucket that differs */
	FP_EVENT_LINES,  /* of GET, WORDS and WHY: body is whole lines */
	FP_EVENT_DONE,   /* that is the whole answer.  CHANGE: body is lines
			    "PREFIX RULE" of words that were refused */
	FP_EVENT_FAILED, /* the answer is no: code, error, err */
};

/* The numbers of an OK; 0 when it does not have them. */
struct fp_answer {
	uint64_t changed, ignored, refused, added, removed, ms;
	int64_t pending_s, bypass_s;
	bool is_in_force; /* a filter is attached */
};

struct fp_event {
	enum fp_event_kind kind;
	enum fp_ask ask;
	uint32_t tag; /* as the request had it */
	enum fp_kind list_kind;
	const char *body; /* until the next call */
	size_t body_len;
	struct fp_answer answer;
	char code[16]; /* of FAIL: stale, digest, refused, ... */
	int error;     /* -errno */
	struct fp_err err;
	bool is_over; /* FAILED: nothing more can be asked in this session */
};

/* The numbers of an OK are added to *sum.  0; -EBADMSG. */
int fp_answer_read(struct fp_answer *sum, const struct fp_wire_msg *m,
		   struct fp_err *e);

/* name: this controller's.  timeout_ms: how long the node may be silent and take
 * nothing while we wait; less than 1 KiB a second without a whole frame of an
 * answer is silence.  0: fp_sender_free.  -ENOMEM. */
int fp_sender_new(struct fp_sender **out, const char *name, int64_t timeout_ms,
		  struct fp_err *e);
void fp_sender_free(struct fp_sender *s); /* NULL is allowed */

/* Requests.  They are answered in order; all are copied but the push.  tag: for
 * the events.  That memory ran out is told by fp_sender_next. */
void fp_sender_hello(struct fp_sender *s, int64_t clock_ms);
/* Words; is_lift is nothing but until= of theirs.  overrides: "RULE,RULE", or
 * NULL.  Answered as one however many frames they take. */
void fp_sender_change(struct fp_sender *s, uint32_t tag, const char *list,
		      enum fp_kind kind, const char *by, const char *why,
		      const char *overrides, const struct fp_entry *v,
		      size_t n);
/* digests: n_buckets * FP_BUCKET_DIGEST bytes, of our words of that list. */
void fp_sender_words(struct fp_sender *s, uint32_t tag, const char *list,
		     enum fp_kind kind, const void *digests,
		     uint32_t n_buckets);
void fp_sender_why(struct fp_sender *s, uint32_t tag, const char *addr);
void fp_sender_get(struct fp_sender *s, uint32_t tag, const char *list);
void fp_sender_mode(struct fp_sender *s, uint32_t tag, int64_t bypass_ms,
		    const char *why, const char *by);
/* is_back: take it back now. */
void fp_sender_confirm(struct fp_sender *s, uint32_t tag, const char *push,
		       bool is_back);
/* Make the node's pushed lists those of p, which the caller keeps until the
 * answer.  false: they are already (by the last HELLO), in its filter too, and p
 * adopts nothing, so that nothing is asked. */
bool fp_sender_push(struct fp_sender *s, uint32_t tag,
		    const struct fp_order *p);

/* What the node said last of itself, or NULL before it did. */
const struct fp_hello *fp_sender_said(const struct fp_sender *s);

/* Bytes that came.  0; -ENOMEM. */
int fp_sender_feed(struct fp_sender *s, const void *data, size_t n,
		   int64_t now_ms);
/* 1: *out is filled.  0: more bytes are needed.  -EBADMSG -EPROTO -ENOMEM: the
 * session is over. */
int fp_sender_next(struct fp_sender *s, struct fp_event *out, struct fp_err *e);
/* Append bytes that are to be sent, some more than max at most (a frame of 64 KiB
 * is not cut).  Call it again when they are on their way. */
void fp_sender_take(struct fp_sender *s, struct fp_buf *to, size_t max,
		    int64_t now_ms);
/* Is nothing asked that is not answered? */
bool fp_sender_is_idle(const struct fp_sender *s);
/* Is a request with this tag not answered yet? */
bool fp_sender_awaits(const struct fp_sender *s, uint32_t tag);
/* When the node has been silent for too long; 0: nothing is awaited. */
int64_t fp_sender_due_ms(const struct fp_sender *s);
void fp_sender_bytes(const struct fp_sender *s, uint64_t *sent,
		     uint64_t *received);

#endif
