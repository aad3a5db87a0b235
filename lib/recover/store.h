/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_STORE_H
#define FP_RECOVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "peer/pg.h"

/* FreeSWITCH's core database (fp_recovery_db): its table recovery, and beside it our
 * staging, where the rows of a dead run are kept until their calls are proven.
 * FreeSWITCH deletes all rows that it selected, whether or not calls came up, and every
 * write of it is by uuid alone: rows are taken out in one transaction, and come back
 * under a private token and with a uuid column that no stale host knows.
 * A job holds a lock by the name of its node and has an epoch: both are checked in each
 * transaction that writes, -EBUSY when they are not ours any more.
 * It blocks, at most timeout_ms a statement.  Conninfo is the provider's own words.
 * Source: FreeSWITCH 1.10.12 switch_core_sqldb.c; facts F1 to F5. */
struct fp_store;

struct fp_store_opts {
	const char *conninfo;
	const char *app; /* application_name */
	int64_t timeout_ms;
};
/* 0: fp_store_close.  Errors of fp_pg_open (-EPERM rule "pooler": its sessions do not
 * hold locks).  -ENOENT: there is no table recovery: no FreeSWITCH has made it. */
int fp_store_open(struct fp_store **out, const struct fp_store_opts *o,
		  struct fp_err *e);
void fp_store_close(struct fp_store
			    *s); /* NULL is allowed; locks are given back */

/* Have they the same tables?  A conninfo that differs in a word may lead there too. */
bool fp_store_is_same(const struct fp_store *a, const struct fp_store *b);

/* ---- what there is: nothing is locked or changed */

struct fp_store_run {
	char hostname[256], run[64];
	int64_t rows;
};
/* Runs that have rows.  0: *out, free(3). */
int fp_store_runs(struct fp_store *s, struct fp_store_run **out, size_t *n,
		  struct fp_err *e);

struct fp_store_row { /* texts are the rows', never NULL */
	const char *run, *technology, *profile, *hostname, *uuid;
	const char *xml;
	size_t xml_len;
	size_t too_long; /* bytes of one above FP_FSROW_MAX (codec/fsrow.h), which is
			  * not read: xml is "" */
	/* of staging */
	const char *state;  /* taken, put, proven, lost, returned */
	const char *target; /* node; "" */
	const char *token;  /* "" */
	int64_t at_s;       /* when it was taken; 0: of recovery */
};
struct fp_store_rows {
	struct fp_store_row *v;
	size_t n;
	void *store;
};
void fp_store_rows_free(struct fp_store_rows *r);

struct fp_store_pick {
	const char *hostname;    /* a must */
	const char *const *runs; /* of it; at least one */
	size_t n_runs;
	const char *const *uuids; /* these alone; n_uuids 0: all */
	size_t n_uuids;
};
/* Rows of recovery, ordered by uuid.  0; -ENOMEM; of fp_pg_do. */
int fp_store_rows(struct fp_store *s, const struct fp_store_pick *p,
		  struct fp_store_rows *out, struct fp_err *e);
/* How many of uuids have a row in recovery (of any host). */
int fp_store_count(struct fp_store *s, const char *const *uuids, size_t n,
		   int64_t *out, struct fp_err *e);
/* How many legs have a row of p. */
int fp_store_held(struct fp_store *s, const struct fp_store_pick *p,
		  int64_t *out, struct fp_err *e);
/* The RTP addresses that rows have (never the document): of runs of the hosts that are
 * named here, and of rows that were put there for it; our job's own excepted. */
struct fp_store_port {
	char uuid[256], ip[64];
	uint16_t media, video, text;
};
int fp_store_ports(struct fp_store *s, const char *hostname,
		   struct fp_store_port **out, size_t *n, struct fp_err *e);

/* ---- sessions of a dead run at the database */

struct fp_store_sessions {
	const char *const *addrs; /* the node's own, that no other node has */
	size_t n_addrs;
	const char *app;  /* application_name of its DSN, or NULL */
	int64_t before_s; /* begun before; 0: all (no new run lives) */
};
/* End them (pg_terminate_backend).  0: *n_ended; *n_left could not be (not permitted),
 * *is_blind: nothing tells which are its (an address shared, a pooler). */
int fp_store_end_sessions(struct fp_store *s, const struct fp_store_sessions *w,
			  uint64_t *n_ended, uint64_t *n_left, bool *is_blind,
			  struct fp_err *e);

#endif
