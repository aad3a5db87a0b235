/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_SWITCHES_H
#define FP_RECOVER_SWITCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/fsconf.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "logic/health_view.h"
#include "model/inventory.h"
#include "peer/esl.h"

/* All FreeSWITCH nodes (hosts with fp_esl), each with one event socket that stays open
 * while a verb runs.
 * FreeSWITCH answers the commands of a connection one after the other, and tells no
 * events meanwhile: what lasts (fsctl recover) goes out as bgapi, which ends with an
 * event BACKGROUND_JOB, so that it delays no question, and still is of the very run that
 * was asked on this connection.  Nobody sees the difference.
 * A connection that ended is opened again by a reading (and fp_switch_run), never by a
 * command: what was meant for a run must not reach the next. */

enum fp_switch_part {
	FP_SWITCH_STATE =
		1, /* run, ready, paused, sessions, idle, clock, version */
	FP_SWITCH_PROFILES = 2, /* sofia status */
	FP_SWITCH_CONF = 4,     /* xml_locate of switch, sofia, modules */
};

struct fp_switch {
	const struct fp_host *host;
	const char *name; /* the node's */
	const char
		*switchname; /* fp_switchname, or the name: column hostname */
	const char *db;      /* fp_recovery_db, or NULL */
	/* What RTP is bound to: fp_rtp; else (CONF) its profile's rtp-ip; else the address.
	 * "": not known. */
	char rtp_ip[64];
	char adv_ip[64]; /* (CONF) its profile's ext-rtp-ip, or rtp_ip */
	uint16_t rtp_first, rtp_last;           /* fp_rtp_ports; 0: not said */
	uint16_t recovery_first, recovery_last; /* fp_recovery_ports */
	/* of the last reading */
	/* 0: it answers.  -errno of peer/esl.h and io/resolve.h, -EACCES (secret), -ESTALE:
	 * it has another switchname, -EBADMSG: it does not tell.  err, without its name */
	int code;
	struct fp_err err;
	struct fp_view_freeswitch
		view; /* run and switchname as it says; good when
					 * code is 0 */
	struct fp_fsconf conf;
	struct fp_switches *all;
	struct fp_esl *esl;
	void *priv;
};
struct fp_switches {
	struct fp_loop *loop;
	struct fp_resolver *resolver;
	struct fp_switch *v;
	size_t n;
	int64_t timeout_ms;
	/* a line for a person */
	void (*say)(void *ctx, const char *text);
	/* events of a switch that were asked for (fp_switch_events), but for
	 * BACKGROUND_JOB; may be NULL */
	void (*event)(void *ctx, struct fp_switch *x,
		      const struct fp_esl_frame *f);
	void *ctx;
};
struct fp_switches_opts {
	struct fp_loop *loop;
	struct fp_resolver *resolver;
	int64_t timeout_ms;
	void (*say)(void *ctx, const char *text);
	void *ctx;
};
/* Hosts of inv that have fp_esl.  0: fp_switches_fini.  -EINVAL: a variable; none has
 * it. */
int fp_switches_init(struct fp_switches *out, const struct fp_switches_opts *o,
		     const struct fp_inventory *inv, struct fp_err *e);
void fp_switches_fini(struct fp_switches *s);
struct fp_switch *fp_switches_find(const struct fp_switches *s,
				   const char *name);
struct fp_switch *fp_switches_by_switchname(const struct fp_switches *s,
					    const char *switchname);

/* Whose last reading was of run, under whatever name (-ESTALE, too); NULL: nobody's. */
struct fp_switch *fp_switches_by_run(const struct fp_switches *s,
				     const char *run);

/* Connect where need be and read parts of all (one: x) at once; waits on the loop, at
 * most timeout_ms.  0 also when some do not answer (their code).  -EINTR. */
int fp_switches_read(struct fp_switches *s, unsigned int parts,
		     struct fp_err *e);
int fp_switch_read(struct fp_switch *x, unsigned int parts, struct fp_err *e);

/* Ask and wait: body of an api command (without "api "), free(3).
 * 0.  -EREMOTEIO: "-ERR ...", e has its words.  -ETIMEDOUT -ECONNRESET -ENOTCONN.
 * -EINTR: it may have been done. */
int fp_switch_ask(struct fp_switch *x, const char *command, char **body,
		  struct fp_err *e);
/* Send; done once from the loop: code 0 with the body during the call, -EREMOTEIO with a
 * body "-ERR ...", or -errno without one (also when the connection ends, or is dropped).
 * It may send more, and drop x.  Hundreds may be under way.
 * 0; -ENOTCONN; -EINVAL; -ENOMEM: done is not called. */
int fp_switch_send(struct fp_switch *x, const char *command, int64_t timeout_ms,
		   void (*done)(void *ctx, int code, const char *body,
				const struct fp_err *e),
		   void *ctx, struct fp_err *e);
/* "event plain NAMES", now or once it is connected, and again after each reconnection.
 * 0; -EINVAL; -ENOMEM. */
int fp_switch_events(struct fp_switch *x, const char *names, struct fp_err *e);
/* Its run, asked now (on the same connection, switchname too); connects where need be.
 * x->view, x->code stay as they were.  0: run[].  -ESTALE: another switchname answers at
 * its address, run[] too.  As x->code; -EINTR. */
int fp_switch_run(struct fp_switch *x, char run[64], struct fp_err *e);
/* Is its connection open?  One that is not begins to be opened, and nobody waits for
 * that. */
bool fp_switch_dial(struct fp_switch *x);
/* Connect again the next time; what was asked fails: -ECONNRESET. */
void fp_switch_drop(struct fp_switch *x);

#endif
