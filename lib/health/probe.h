/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_PROBE_H
#define FP_HEALTH_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/stream.h"
#include "io/work.h"
#include "logic/health.h"
#include "model/inventory.h"
#include "peer/ng.h"
#include "peer/sip.h"

/* A probe is one question to one server, asked again and again: a small state
 * machine with a deadline.  Each kind is one file, probe_NAME.c, and one
 * struct fp_probe_kind. */

/* What all probes share; the engine's. */
struct fp_probe_env {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	struct fp_sip *sip;
	struct fp_ng *ng;
	const char *app;      /* our name, for application_name */
	bool is_watching;     /* it will be asked again: connections may stay */
	const char *sip_fail; /* "408,409,5xx,6xx" */
};

struct fp_probe;
struct fp_probe_kind {
	const char *name; /* the check's: "sip", "mi", "esl" ... */
	const char *vars; /* one of them makes it: "fp_mi or fp_mi_list" */
	/* The names of all figures that it may have, ended by NULL: thresholds
	 * of others are a mistake. */
	const char *const *figures;
	bool is_network; /* silence may mean that we are cut off */
	uint16_t
		default_port; /* 0: endpoint is not resolved (paths, conninfo) */
	/* The probes of a host: call add once for each, with the endpoint it is
	 * for.  0; -EINVAL: a variable of the cluster file. */
	int (*plan)(const struct fp_host *h,
		    int (*add)(void *ctx, const struct fp_endpoint *to),
		    void *ctx, struct fp_err *e);
	/* Make p->data.  0; -errno. */
	int (*init)(struct fp_probe *p, struct fp_err *e);
	void (*fini)(struct fp_probe *p);
	/* Begin one reading; p->sa is set when default_port is not 0.  It ends
	 * by fp_probe_done, which may be called from within. */
	void (*start)(struct fp_probe *p);
	/* The deadline has passed: drop what is under way and fill r (state,
	 * detail: how far it came).  No fp_probe_done after this. */
	void (*expire)(struct fp_probe *p, struct fp_reading *r);
};

struct fp_probe {
	const struct fp_probe_kind *kind;
	const struct fp_probe_env *env;
	const struct fp_host *host;
	struct fp_endpoint to;
	char check[32]; /* kind's name, and "-2" ... when a node has several */
	struct sockaddr_storage sa;
	socklen_t sa_len;
	int64_t timeout_ms, deadline_ms, started_ms; /* of this reading */
	int64_t started_us;                          /* the same, finer */
	void *data;                                  /* the kind's */
	/* the engine's */
	void (*done)(struct fp_probe *p, struct fp_reading *r);
	void *ctx;
	bool is_running; /* a reading is under way */
};

/* The reading is there; r (and its view) belongs to the engine from now on.
 * Sets latency when it is not set and something came: since started. */
void fp_probe_done(struct fp_probe *p, struct fp_reading *r);
/* Unasked news between two readings (a heartbeat, a lost connection): as done,
 * but the schedule goes on. */
void fp_probe_news(struct fp_probe *p, struct fp_reading *r);
/* A reading from an error of a peer: silent kinds (-ETIMEDOUT -EHOSTUNREACH
 * -ENETUNREACH) and -ECONNREFUSED ... are CRITICAL, ours (-EMFILE, -ENOMEM, a
 * missing file) UNKNOWN; detail is e's text. */
void fp_reading_fail(struct fp_reading *r, int code, const struct fp_err *e);

/* For those that dial in a thread, by a library that does not tell our faults from
 * the server's: have we a descriptor for a socket?  0; -errno, ours. */
int fp_probe_has_socket(struct fp_err *e);
/* A name is not known, or DNS does not say: of the name, not of the server. */
void fp_reading_no_name(struct fp_reading *r, int code, const struct fp_err *e);

/* All kinds, ended by NULL. */
extern const struct fp_probe_kind *const fp_probe_kinds[];
extern const struct fp_probe_kind fp_probe_sip, fp_probe_mi, fp_probe_esl,
	fp_probe_ng, fp_probe_pg, fp_probe_amqp, fp_probe_rows;

#endif
