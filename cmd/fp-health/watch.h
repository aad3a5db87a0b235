/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_WATCH_H
#define FP_CMD_HEALTH_WATCH_H

/* The parts of watch. */

#include "ask.h"
#include "health/observers.h"

/* ---- watch_pipe.c: stdout, when it is a pipe, is written as its reader takes it:
 * a slow one does not hold up probes. */
struct fh_pipe;
/* c->out writes to it from now on, when stdout is a pipe or socket; else all is
 * as it was, *out NULL.  gone: it cannot be written any more, or the reader is
 * 16 MiB behind.  0; -errno. */
int fh_pipe_open(struct fh_pipe **out, struct fp_cli *c, struct fp_loop *l,
		 void (*gone)(void *ctx, const struct fp_err *e), void *ctx,
		 struct fp_err *e);
/* A reader that is max bytes behind does not end it: records that it would have to
 * wait for are dropped, and that is said. */
void fh_pipe_may_drop(struct fh_pipe *p, size_t max);
/* Tries to write the rest for as long as a second. */
void fh_pipe_close(struct fh_pipe *p, struct fp_cli *c);

/* ---- watch_run.c: --on-change */
struct fh_runner;
int fh_runner_open(struct fh_runner **out, struct fp_loop *l,
		   const char *command, struct fp_err *e);
void fh_runner_close(struct fh_runner *r); /* NULL is allowed */
/* Run it with that line on its stdin, after those of the same node before. */
void fh_runner_add(struct fh_runner *r, const char *node, const char *json,
		   size_t n);

/* ---- watch_say.c: the records */
struct fh_said {
	struct fp_cli *c;
	struct fh_runner *runner;       /* or NULL */
	struct fp_observers *observers; /* or NULL */
	const char *observer;           /* our name */
	int64_t warned_ms;              /* that we are late */
	struct fp_err err; /* of a record that could not be written */
};
int fh_say_check(struct fp_cli *c, struct fp_err *e);
void fh_say_change(struct fh_said *s, const struct fp_site_change *c);
/* It is watched no more; check NULL: the node. */
void fh_say_gone(struct fh_said *s, const char *node, const char *check);
void fh_say_alive(struct fh_said *s, const struct fh_ask *a,
		  int64_t interval_ms);

#endif
