/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_MOVING_PRIV_H
#define FP_REHOME_MOVING_PRIV_H

#include "base/buf.h"
#include "io/late.h"
#include "peer/mi.h"
#include "rehome/moving.h"

#define MOVING_TICK_MS 200 /* samples, progress, flushes of verdicts */
#define MOVING_RATES 25    /* ticks that the shown rate is of */

/* Why nothing begins: any of them holds the mover. */
enum moving_hold {
	HOLD_DB = 1,    /* fp_db is away */
	HOLD_DOUBT = 2, /* the target may be dead */
	HOLD_VIEWS = 4, /* HTTP: one question at a time, and it is of views */
	HOLD_MEMORY =
		8, /* a sample that is hard to believe is asked for again */
	HOLD_LATE = 16, /* we were not run: is the job ours still? */
};

/* What is asked of each call. */
enum moving_what { ASK_MOVE, ASK_CALLER, ASK_CALLEE };

struct moving;
struct moving_slot {
	struct moving *m;
	bool is_busy;
	size_t k; /* the mover's index */
	int64_t at_ms;
	struct fp_mi_call *ask;
};

struct moving {
	const struct fp_moving_opts *o;
	struct fp_loop *loop;
	struct fp_mi *mi; /* ours alone: that of edges is opened anew at will */
	bool is_http;
	unsigned int window;
	struct fp_moving_call *call;
	size_t n;
	struct fp_moving_sum *sum;
	/* of this phase */
	enum moving_what what;
	struct fp_mover *mover;
	size_t *map;            /* mover's index to call's; NULL: the same */
	size_t *there, n_there; /* whose caller answered */
	size_t n_phase;         /* that it is about */
	size_t n_done, n_all;   /* of those that are asked */
	struct moving_slot *slot;
	unsigned int n_busy;
	struct fp_timer wake, tick;
	int64_t start_ms;
	size_t rate_done[MOVING_RATES];
	int64_t rate_ms[MOVING_RATES];
	unsigned int n_rates;
	bool is_over;
	/* why it ends; 0: it does not */
	int code;
	struct fp_err err;
	unsigned int holds;
	/* ---- the journal (moving_journal.c) */
	size_t n_added;   /* calls below it have their intent */
	size_t n_intents; /* of them, those that are asked */
	size_t n_begun;   /* of them, those that were */
	size_t flush_to;  /* n_added when the flush under way began */
	size_t chunk;     /* intents at once */
	bool is_flushing, is_dirty, is_starved;
	int64_t away_ms;    /* since when fp_db is, under HOLD_DB */
	struct fp_late ran; /* when we were run last */
	bool is_proof;      /* the flush under way began after we were late */
	int64_t flush_ms;   /* after one that failed: not before */
	/* ---- the target's and all nodes' state (moving_watch.c) */
	bool is_sampling, is_reading;
	uint64_t total, free; /* of the last sample */
	unsigned int n_odd;   /* samples in a row that are not believed */
	int64_t views_ms;     /* the last views */
	int64_t stall_ms;     /* memory is why nothing begins; 0: it is not */
	double said_rate;
	int64_t said_ms;
	struct fp_timer probe;
	struct fp_mi_call *sampler, *prober;
	unsigned int n_mute; /* probes in a row */
};

/* ---- moving.c */
void moving_go(struct moving *m);
/* Nothing more begins; what is under way is waited for.  The first code counts. */
void moving_stop(struct moving *m, int code, const struct fp_err *e);
/* What is under way will not be answered. */
void moving_drop(struct moving *m, const char *why);
void moving_hold(struct moving *m, enum moving_hold what, bool is_held);
void moving_say(struct moving *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
size_t moving_index(const struct moving *m, size_t k);
/* What is known of the calls before any is asked. */
void moving_before(struct moving *m);
/* Ask each of n calls, of map or all; map is the caller's and stays. */
int moving_phase(struct moving *m, enum moving_what what, size_t *map,
		 size_t n);

/* ---- moving_journal.c */
/* A flush takes longer than what it is for: more at once. */
void moving_starved(struct moving *m);
/* Intents of the next calls, when those that are there run out. */
void moving_prepare(struct moving *m);
void moving_note(struct moving *m, const struct fp_moving_call *c);
void moving_flush(struct moving *m);
/* We are run: not for long before, others may have the job by now. */
void moving_ran(struct moving *m);
/* All that is left to be written, waiting.  0; -EBUSY -ENOSPC -EIO. */
int moving_flush_all(struct moving *m, struct fp_err *e);

/* ---- moving_watch.c */
void moving_watch_start(struct moving *m);
void moving_watch_end(struct moving *m);
void moving_watch_tick(struct moving *m, int64_t now_ms);
void moving_sample(struct moving *m);
/* Over HTTP views wait until no call is under way. */
void moving_views(struct moving *m);
/* A question was not answered, or could not be asked: is it there? */
void moving_doubt(struct moving *m);
/* It answered something. */
void moving_heard(struct moving *m);

/* ---- moving_missing.c */
/* Those that the target did not have: have they ended?  r: of the run, and back. */
int moving_missing(struct moving *m, int r);

/* ---- moving_verify.c */
/* 0; -EINTR -EHOSTUNREACH ...: not all could be looked at. */
int moving_verify_list(struct moving *m, struct fp_err *e);
int moving_verify_traffic(struct moving *m);
/* What an OPTIONS to one end says.  true: that end is there by way of the target. */
bool moving_verifies(struct moving *m, size_t k,
		     const struct fp_move_answer *a);

#endif
