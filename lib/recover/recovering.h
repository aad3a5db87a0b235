/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_RECOVERING_H
#define FP_RECOVER_RECOVERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/journal.h"
#include "logic/recover_groups.h"
#include "logic/recover_place.h"
#include "logic/recover_prove.h"
#include "recover/hops.h"
#include "recover/staging.h"
#include "recover/switches.h"

/* Staged calls up at targets: placed, ports given, rewritten, put under a token,
 * `fsctl recover sofia:TOKEN` by batches, each leg proven, cured or tried elsewhere. */

enum fp_recover_verdict {
	FP_REC_WAITING,
	FP_REC_PUT,       /* asked for, no proof yet */
	FP_REC_RECOVERED, /* every leg proven */
	FP_REC_BYE,       /* an orphan that was brought up and ended */
	FP_REC_GONE,      /* the far end has no such call */
	FP_REC_SILENT,    /* a far end did not answer */
	FP_REC_FAILED, /* at every target, nothing was sent; its rows are kept */
	FP_REC_SKIPPED, /* as told */
	FP_REC_LOST,    /* it could not be had: dtls, broken ... */
	FP_REC_UNKNOWN, /* a target died or went silent amid it; rows are kept */
	FP_REC_VERDICTS,
};
const char *fp_recover_verdict_name(enum fp_recover_verdict v);
int fp_recover_verdict_parse(const char *s, enum fp_recover_verdict *out);

/* One call's way; calls.call[i] is its group. */
struct fp_recovering_call {
	/* in: of an earlier run of the job; WAITING: none.  PUT: `to`, token and run say
	 * where (of the journal's detail); that target is looked at before another is
	 * tried. */
	enum fp_recover_verdict was;
	char token[80]; /* the last it was put under, "" */
	char run[40];   /* of the target then, "" */
	/* out */
	enum fp_recover_verdict verdict;
	struct fp_switch *to; /* the last that was tried */
	unsigned int tries;
	char reason[96];
	int64_t took_ms; /* from the start of the job to the proof of its last leg */
	size_t n_moved_ports;
};

struct fp_recover_target {
	struct fp_switch *node;
	struct fp_store *store; /* of it; may be the source's */
	double weight;
	bool is_self;
};
struct fp_recovering_opts {
	struct fp_loop *loop;
	struct fp_switches *switches;
	struct fp_switch *from;
	/* the dead ones: while one of them answers, stop.  n_runs 0 (take): it lives */
	const char (*runs)[64];
	size_t n_runs;
	struct fp_store *store;     /* begun */
	struct fp_journal *journal; /* item "call:NAME", states of verdicts */
	struct fp_recover_target *to;
	size_t n_to;
	size_t batch;     /* legs a token; 0: 100 */
	int64_t prove_ms; /* 0: 35 s, when SIP's timers have run out */
	const struct fp_hops *hops; /* or NULL */
	int64_t started_ms;         /* CLOCK_MONOTONIC, of the job */
	/* A target that died: how that is proven (--fence COMMAND); NULL: its calls stay
	 * UNKNOWN until it answers with another run. */
	int (*is_dead)(void *ctx, struct fp_switch *x, struct fp_err *e);
	void (*verdict)(void *ctx, size_t call);
	void (*progress)(void *ctx, const char *what, size_t done,
			 size_t total);
	void (*say)(void *ctx, const char *text);
	void *ctx;
};
struct fp_recovering_sum {
	size_t count[FP_REC_VERDICTS];
	size_t n_legs, n_moved_ports, n_killed;
	int64_t took_ms,
		asked_ms; /* asked: from start to the last fsctl recover's answer */
};
/* 0: each call has its verdict.  -EINTR: a signal; batches under way were finished.
 * -EBUSY: the job is not ours any more.  -ESTALE: the old run answers again: fence it,
 * then resume.  -EHOSTUNREACH: no target is left.  -EAGAIN: the store or fp_db went
 * away.  out is filled in any case. */
int fp_recovering_run(const struct fp_recovering_opts *o,
		      struct fp_calls *calls, struct fp_recovering_call *way,
		      struct fp_recovering_sum *out, struct fp_err *e);

#endif
