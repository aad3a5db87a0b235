/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_AMQP_PRIV_H
#define FP_PEER_AMQP_PRIV_H

/* What the files of amqp.h share; not for others. */

#include <sys/time.h>

#include <amqp.h>

#include "peer/amqp.h"

/* One channel to consume on, one to publish on: an error of the second ends
 * that channel alone. */
enum { FP_AMQP_IN = 1, FP_AMQP_OUT = 2, FP_AMQP_CHANNELS = 3 };

/* Content that is on its way on a channel. */
struct fp_amqp_content {
	struct fp_amqp_message *m;
	uint64_t left;
	bool is_returned; /* came back; dropped */
	bool has_header;
};

struct fp_amqp_waiting {
	struct fp_amqp_message *m;
	struct fp_amqp_waiting *next;
};

struct fp_amqp {
	amqp_connection_state_t conn;
	struct timeval timeout;
	int64_t timeout_ms;
	bool is_gone; /* nothing can be said orderly any more */
	struct fp_amqp_content content[FP_AMQP_CHANNELS];
	/* complete messages, oldest first */
	struct fp_amqp_waiting *first, **last;
	/* publishing: what was published since the last confirm */
	bool is_out_open;
	bool is_blocked; /* the broker takes none: an alarm of its own */
	uint64_t seq;    /* of the last one */
	bool is_open[FP_AMQP_WINDOW]; /* by seq: not settled yet */
	size_t n_open, n_good, n_bad;
	size_t n_returned; /* of n_bad: they are confirmed as well */
	char bad[512];     /* why the last of n_bad is */
};

/* A status of the library, an answer, a method that closes: as -errno. */
int fp_amqp_status(int status, struct fp_err *e, const char *what);
int fp_amqp_reply(amqp_rpc_reply_t reply, struct fp_err *e, const char *what);
int fp_amqp_closed(int code, amqp_bytes_t text, struct fp_err *e,
		   const char *what);
/* The same for what the last synchronous call said. */
int fp_amqp_last(struct fp_amqp *a, struct fp_err *e, const char *what);

/* Take what has arrived, at most until deadline_ms (CLOCK_MONOTONIC; 0: do not
 * wait).  1: something was taken.  0: nothing.  -errno. */
int fp_amqp_pump(struct fp_amqp *a, int64_t deadline_ms, struct fp_err *e);

/* What came on the channel to publish on.  Its error is not the connection's. */
void fp_amqp_settled(struct fp_amqp *a, uint64_t seq, bool is_multiple,
		     bool is_good);
void fp_amqp_returned(struct fp_amqp *a, const amqp_basic_return_t *m);
void fp_amqp_out_closed(struct fp_amqp *a, const amqp_channel_close_t *m);

/* b as a C string, cut to size. */
void fp_amqp_copy(char *to, size_t size, amqp_bytes_t b);

#endif
