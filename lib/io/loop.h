/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_LOOP_H
#define FP_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* One event loop: descriptors, deadlines and signals, on epoll(7) and signalfd(2).
 * Callbacks get the ctx they were registered with; they may add and remove
 * anything, themselves included. */
struct fp_loop;
struct fp_timer {
	int64_t at_ms; /* CLOCK_MONOTONIC; 0: not armed */
	void (*fire)(void *ctx);
	void *ctx;
	uint32_t slot; /* the heap's */
};

int fp_loop_open(struct fp_loop **out, struct fp_err *e);
void fp_loop_close(struct fp_loop *l);
/* events: EPOLLIN | EPOLLOUT. 0; -errno. */
int fp_loop_fd_add(struct fp_loop *l, int fd, uint32_t events,
		   void (*ready)(void *ctx, uint32_t events), void *ctx);
int fp_loop_fd_mod(struct fp_loop *l, int fd, uint32_t events);
void fp_loop_fd_del(struct fp_loop *l, int fd);
/* The caller owns t and keeps it until it fired or was disarmed. 0; -ENOMEM. */
int fp_loop_timer_arm(struct fp_loop *l, struct fp_timer *t, int64_t at_ms);
void fp_loop_timer_disarm(struct fp_loop *l, struct fp_timer *t);
/* SIGINT and SIGTERM end the run (a second one kills at once); SIGHUP calls
 * reload when not NULL. */
int fp_loop_signals(struct fp_loop *l, void (*reload)(void *ctx), void *ctx,
		    struct fp_err *e);
/* Until fp_loop_stop, a signal, or nothing is left to wait for.  0, -errno, or the
 * signal's number. */
int fp_loop_run(struct fp_loop *l);
/* Run it until *is_done, which something under way sets and then stops the loop.
 * 0; -EINTR: by a signal; -errno. */
int fp_loop_wait(struct fp_loop *l, const bool *is_done, struct fp_err *e);
void fp_loop_stop(struct fp_loop *l);

#endif
