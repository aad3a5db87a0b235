/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_FLEET_H
#define FP_CONTROL_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "logic/sender.h"
#include "model/inventory.h"

/* A session with each of some nodes, all on one loop, at most `parallel` at
 * once (of lasting ones: being opened).  Memory does not grow with what is sent: a session's bytes are made as
 * the channel takes them. */

struct fp_fleet_opts {
	const char *name;         /* this controller's */
	const char *transport;    /* as fp_remote_open has it; NULL: libssh2 */
	const char *ssh;          /* asked for settings; NULL: is not */
	const char *home, *agent; /* of who runs this, or NULL */
	int64_t timeout_ms;       /* of each step: connect, an answer */
	unsigned int parallel;
	bool is_lasting; /* sessions stay, and are opened again when they end */
};

/* A node.  Read only but for data. */
struct fp_member {
	const struct fp_host *host;
	struct fp_sender *sender; /* open: requests are welcome; else NULL */
	bool is_ended;            /* for good; code 0: all was answered */
	int code;                 /* how it ended: of fp_remote_events.closed,
				     -ETIMEDOUT, -EBADMSG ... */
	struct fp_err err;
	uint64_t sent, received;      /* bytes of frames */
	int64_t started_ms, ended_ms; /* of the monotonic clock */
	void *data;                   /* the caller's */
};

/* Called from the loop.  They may make requests of m->sender. */
struct fp_fleet_ops {
	/* The channel is open; HELLO was asked. */
	void (*opened)(void *ctx, struct fp_member *m);
	void (*event)(void *ctx, struct fp_member *m,
		      const struct fp_event *ev);
	/* The session is over (m->code); when lasting, one more will follow. */
	void (*ended)(void *ctx, struct fp_member *m);
	void *ctx;
};

struct fp_fleet;

/* hosts: kept by reference, as is what they belong to; ops and opts are copied.
 * 0: fp_fleet_close.  -ENOMEM. */
int fp_fleet_open(struct fp_fleet **out, struct fp_loop *l,
		  const struct fp_fleet_opts *opts,
		  const struct fp_host *const *hosts, size_t n,
		  const struct fp_fleet_ops *ops, struct fp_err *e);
/* At once, whatever is under way.  Not from an op.  NULL is allowed. */
void fp_fleet_close(struct fp_fleet *f);

struct fp_member *fp_fleet_member(struct fp_fleet *f, size_t i);

/* Open the first sessions. */
void fp_fleet_start(struct fp_fleet *f);
/* ... and run the loop until all have ended.  0; -errno; the number of the signal
 * that ended it: sessions under way have code -EINTR. */
int fp_fleet_run(struct fp_fleet *f);

/* Requests were made of m->sender outside of an op. */
void fp_fleet_kick(struct fp_fleet *f, struct fp_member *m);

#endif
