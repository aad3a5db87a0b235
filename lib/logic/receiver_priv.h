/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_RECEIVER_PRIV_H
#define FP_LOGIC_RECEIVER_PRIV_H

/* What the files of receiver.h share; not for others. */

#include "logic/receiver.h"

#define FP_RECEIVER_SEND_BYTES (256u << 10)

enum fp_receiver_state {
	FP_NO_LIST,
	FP_TAKING,   /* LIST has come, END has not */
	FP_SKIPPING, /* the same, but something is wrong: `why` is for END */
};

struct fp_receiver {
	const struct fp_receiver_ops *ops;
	void *ctx;
	struct fp_buf out; /* frames to be sent */
	char peer[FP_RECEIVER_WHO_MAX + 1];
	bool is_greeted;
	int64_t clock_add_ms; /* to C's times to have ours */
	int64_t timeout_ms;   /* how long C waits for an answer; 0: unknown */
	/* the transaction */
	enum fp_receiver_state state;
	int code; /* why, as -errno */
	struct fp_err why;
	uint64_t n_lists, n_entries, n_bytes; /* staged */
	uint64_t entries;                     /* of the list in hand */
	unsigned char *wanted;                /* of the list in hand */
};

/* Answers.  FAIL for err (-errno); its code comes from err. */
void fp_receiver_fail(struct fp_receiver *r, int err, const struct fp_err *e);
/* A message that breaks the rules: FAIL bad; always 1. */
__attribute__((format(printf, 2, 3))) int
fp_receiver_wrong(struct fp_receiver *r, const char *fmt, ...);
/* A frame without fields and body. */
void fp_receiver_put_end(struct fp_receiver *r);
/* Entries of s as DATA frames.  wanted: of these buckets only, or NULL.
 * 0; errors of s; of send: *is_broken too. */
int fp_receiver_put_lines(struct fp_receiver *r, const struct fp_stream *s,
			  const unsigned char *wanted, uint32_t n_buckets,
			  bool *is_broken, struct fp_err *e);
int fp_receiver_flush(struct fp_receiver *r);

/* Fields.  0; 1 after FAIL bad. */
int fp_receiver_name(struct fp_receiver *r, const struct fp_wire_msg *m,
		     const char *key, char out[FP_LIST_NAME_MAX + 1]);
int fp_receiver_kind(struct fp_receiver *r, const struct fp_wire_msg *m,
		     enum fp_kind *out);
int fp_receiver_hex(struct fp_receiver *r, const struct fp_wire_msg *m,
		    const char *key, char out[65]);
int fp_receiver_id(struct fp_receiver *r, const struct fp_wire_msg *m,
		   const char *key, bool is_optional,
		   char out[FP_RECEIVER_ID_MAX + 1]);
/* absent: "" */
int fp_receiver_text(struct fp_receiver *r, const struct fp_wire_msg *m,
		     const char *key, char *out, size_t size);
int fp_receiver_num(struct fp_receiver *r, const struct fp_wire_msg *m,
		    const char *key, uint64_t max, uint64_t absent,
		    uint64_t *out);
/* n_buckets= and as many digests in the body. */
int fp_receiver_buckets(struct fp_receiver *r, const struct fp_wire_msg *m,
			uint32_t *n_buckets);

/* Bits of the buckets of s that are not as in `theirs`.  *out: free(3). */
int fp_receiver_differing(const struct fp_stream *s, uint32_t n_buckets,
			  const char *theirs, unsigned char **out,
			  struct fp_err *e);

/* Messages; as fp_receiver_take. */
int fp_receiver_take_list(struct fp_receiver *r, const struct fp_wire_msg *m);
int fp_receiver_take_data(struct fp_receiver *r, const struct fp_wire_msg *m);
int fp_receiver_take_end(struct fp_receiver *r);
int fp_receiver_take_drop(struct fp_receiver *r, const struct fp_wire_msg *m);
int fp_receiver_take_commit(struct fp_receiver *r, const struct fp_wire_msg *m);
int fp_receiver_take_settle(struct fp_receiver *r, const struct fp_wire_msg *m);
int fp_receiver_take_words(struct fp_receiver *r, const struct fp_wire_msg *m);
int fp_receiver_take_change(struct fp_receiver *r, const struct fp_wire_msg *m);

#endif
