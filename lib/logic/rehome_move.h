/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_MOVE_H
#define FP_LOGIC_REHOME_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Which call is asked when, and what the answers mean: the window bounds silent
 * endpoints, rate and memory protect OpenSIPS.  Pure: times are the caller's.
 * Source: facts/opensips.md, "ONE PAGE" 4-6, and sections 2.3 and 4. */

enum fp_move_verdict {
	FP_MOVE_WAITING, /* its turn has not come, or comes again */
	FP_MOVE_ASKED,   /* under way */
	FP_MOVE_MOVED,   /* both legs answered 2xx */
	FP_MOVE_GONE,    /* 481, 404: the call had ended */
	FP_MOVE_REFUSED, /* an endpoint does not do this: 488 405 501 603 ..., or
			  * 2xx without SDP */
	FP_MOVE_SILENT,  /* an endpoint does not answer: 408 */
	FP_MOVE_FAILED,  /* 491, 5xx: to the last try */
	FP_MOVE_UNKNOWN, /* asked, and OpenSIPS itself never answered */
	FP_MOVE_SKIPPED, /* not asked: the run was stopped */
	FP_MOVE_DONE,    /* by an earlier run: not asked again */
};
#define FP_MOVE_VERDICTS (FP_MOVE_DONE + 1)
const char *fp_move_verdict_name(enum fp_move_verdict v); /* "moved" ... */
/* -EINVAL: no such name. */
int fp_move_verdict_parse(const char *name, enum fp_move_verdict *out);

/* What came of one request. */
struct fp_move_answer {
	int code;     /* 0: OpenSIPS answered; else -errno of fp_mi_ask */
	int rpc_code; /* of a JSON-RPC error; 0: none */
	int sip_code; /* result.Code; 0: none */
	char reason[64];
};
/* What it is, if it is the last try: never WAITING, ASKED. */
enum fp_move_verdict fp_move_classify(const struct fp_move_answer *a);

struct fp_mover_opts {
	unsigned int window; /* at most this many under way; 8 */
	/* At most this many begun a second; what memory carries when that is
	 * less.  0: any, as long as memory is there. */
	double rate;
	unsigned int retries;        /* of 491: 3; of another 5xx: 1 at most */
	unsigned int silent_retries; /* of 408: 0 */
	uint64_t seed;               /* of the waits before a retry: 2.1-4 s */
	/* Shared memory: what one move takes for wt_timer (31 KB measured; learnt
	 * from the samples when it is more), and what is never gone below (a
	 * share of the total, 0.25). */
	size_t cost_bytes;
	double floor;
};
struct fp_mover;
/* n calls, all WAITING.  NULL: no memory. */
struct fp_mover *fp_mover_new(const struct fp_mover_opts *o, size_t n);
void fp_mover_free(struct fp_mover *m); /* NULL is allowed */

/* An earlier run has this verdict for it: FP_MOVE_MOVED is DONE, other final ones
 * stay, ASKED and UNKNOWN are WAITING (asked again, which is harmless). */
void fp_mover_was(struct fp_mover *m, size_t i, enum fp_move_verdict v);
/* Calls below n may be asked: their intent is in the journal. */
void fp_mover_allow(struct fp_mover *m, size_t n);
/* A sample of the target's shared memory is being taken: what begins from here on
 * is not in it. */
void fp_mover_sampling(struct fp_mover *m, int64_t now_ms);
/* It is there; without one nothing begins, with one that is older than 2 s
 * neither. */
void fp_mover_memory(struct fp_mover *m, int64_t now_ms, uint64_t total,
		     uint64_t free);
/* Should one be asked for before its time: half of what may begin has begun. */
bool fp_mover_wants_sample(const struct fp_mover *m, int64_t now_ms);
/* Begin nothing more; 0: go on. */
void fp_mover_hold(struct fp_mover *m, bool is_held);
/* What is not asked yet is SKIPPED, what waits for another try keeps the verdict of
 * its last one. */
void fp_mover_stop(struct fp_mover *m);
/* This one is not asked at all: SKIPPED. */
void fp_mover_skip(struct fp_mover *m, size_t i);

enum fp_mover_step {
	FP_MOVER_ASK,  /* ask call *i now: it is ASKED */
	FP_MOVER_WAIT, /* nothing until *wake_ms, an answer, a sample, a release;
			* *wake_ms 0: not by time */
	FP_MOVER_END,  /* all have a verdict */
};
enum fp_mover_step fp_mover_next(struct fp_mover *m, int64_t now_ms, size_t *i,
				 int64_t *wake_ms);
/* What the last FP_MOVER_WAIT waits for. */
enum fp_mover_why {
	FP_MOVER_ANSWERS, /* the window is full, or nothing is left to ask */
	FP_MOVER_TIME,    /* the rate, or a retry */
	FP_MOVER_ALLOW,
	FP_MOVER_SAMPLE, /* there is none that is new enough */
	FP_MOVER_MEMORY, /* it is at its floor, or may be */
	FP_MOVER_HELD,
};
enum fp_mover_why fp_mover_why(const struct fp_mover *m);
/* The answer for call i; false: it will be asked again. */
bool fp_mover_answer(struct fp_mover *m, int64_t now_ms, size_t i,
		     const struct fp_move_answer *a);

enum fp_move_verdict fp_mover_verdict(const struct fp_mover *m, size_t i);
unsigned int fp_mover_tries(const struct fp_mover *m, size_t i);
size_t fp_mover_count(const struct fp_mover *m, enum fp_move_verdict v);
/* Calls a second that the memory carries: (free - floor) / (cost x wt_timer), what
 * our own calls hold counted as free; 0: no sample.  What cost is by now. */
double fp_mover_memory_rate(const struct fp_mover *m, int64_t wt_ms);
size_t fp_mover_cost(const struct fp_mover *m);

#endif
