/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_RECOVERING_PRIV_H
#define FP_RECOVER_RECOVERING_PRIV_H

#include "io/late.h"
#include "recover/recovering.h"

/* What the parts of a recovery share.  One walks in a circle: each target is asked to
 * recover a batch while the next is put; what was put is looked at until it is proven;
 * what failed goes to the next target. */

#define REC_TICK_MS 50
#define REC_BATCH 100
#define REC_PROVE_MS 35000
#define REC_ANSWER_MS 15000 /* of a question */
#define REC_ASK_MS 60000    /* of fsctl recover: 4 to 6 ms a leg */
#define REC_COMMAND (FP_LEG_UUID_MAX + 40) /* bytes of one about a leg */
#define REC_DOUBT_MS 3000 /* then a recover whose answer was lost is over */

struct rec;
struct rec_target;

enum rec_at {
	REC_AT_PUT,
	REC_AT_CHECKED, /* is it paused? */
	REC_AT_ASKED,
	REC_AT_ANSWERED,
	REC_AT_END, /* nothing is open of it */
};
struct rec_batch {
	struct rec *r;
	struct rec_target *t;
	struct rec_batch *next, *behind; /* behind: of those that are ready */
	char token[80];
	size_t *call;
	size_t n, n_legs, n_open; /* open: calls without an end here */
	enum rec_at at;
	int64_t asked_ms, answered_ms,
		ready_ms; /* ready: not to be asked before */
	long n_sessions;  /* -1: not known */
	/* The answer was lost: until then it may go on. */
	int64_t doubt_ms;
	unsigned int n_checks;
	unsigned int nth_run; /* rec.nth_run when they were asked */
	bool is_paused;
};

struct rec_target {
	struct rec *r;
	const struct fp_recover_target *o;
	struct fp_switch *x;
	size_t k;
	char run[40], dead[40]; /* dead: of it, whose rows are not wanted */
	struct fp_ports *ports;
	int64_t ports_ms;
	size_t *queue; /* calls; room for all */
	size_t head, tail;
	/* ready: put, and not asked for; more than one when a question about the first
	 * came to nothing while the next was put */
	struct rec_batch *ready, *asked;
	size_t n_out;          /* questions under way */
	size_t n_put, n_asked; /* batches that were */
	bool is_locked, is_lock_said, is_paused, is_dead;
	int64_t lock_ms; /* to be tried again; held since */
	/* its connection ended */
	bool is_cut, is_run_asked, is_fence_asked, is_given_up;
	int64_t cut_ms, dial_ms;
	unsigned int nth_run; /* when its run was asked */
};

struct rec_call {
	struct rec_target *t;
	struct rec_batch *b;
	struct fp_prover prover;
	bool is_proving, is_again,
		is_late; /* late: put off until its CSeq grows */
	/* Legs of it are up at t, those that are missing are put beside them. */
	bool is_half, was_half;
	uint64_t not_there; /* targets, by bit */
	int64_t asked_ms;
	size_t n_moved;
};

enum rec_mark { REC_MARK_NONE, REC_MARK_PROVEN, REC_MARK_LOST, REC_MARK_TAKEN };
struct rec_leg {
	struct rec *r;
	size_t call, nth;
	struct fp_prove_seen seen;
	struct rec_target *asked; /* of whom; NULL: no question is under way */
	unsigned int nth_run;     /* then */
	bool is_dump, is_missing;
	bool is_pending; /* what was seen waits until the job is surely ours */
	int64_t looked_ms;
	enum rec_mark mark; /* to be written */
};

struct rec {
	const struct fp_recovering_opts *o;
	struct fp_calls *calls;
	struct fp_recovering_call *way;
	struct fp_recovering_sum *sum;
	struct rec_target *t;
	size_t n_t;
	struct rec_call *call;
	struct rec_leg *leg;
	size_t *by_uuid; /* legs */
	size_t n_legs;
	struct rec_batch *batches, **last;
	unsigned int n_tokens;
	size_t batch;
	int64_t prove_ms, started_ms, began_ms;
	size_t n_open, n_all;
	bool is_woken;
	struct fp_timer tick;
	/* why it ends; 0: it does not */
	int code;
	struct fp_err err;
	/* the journal */
	bool is_dirty, is_flushing;
	int64_t write_ms, away_ms, hold_ms, beat_ms;
	/* ---- recovering_sure.c: is it ours? */
	struct fp_late ran;
	unsigned int nth_run; /* grows when we were held up */
	bool is_late;         /* ... and nobody said since that it is ours */
	bool is_sure_wanted;
	/* the old run */
	int64_t old_ms;
	bool is_old_out;
	/* of switches, as they were */
	void (*say)(void *ctx, const char *text);
	void (*event)(void *ctx, struct fp_switch *x,
		      const struct fp_esl_frame *f);
	void *ctx;
};

/* ---- recovering.c */
/* Nothing more is put; what is under way is proven.  The first code counts. */
void rec_stop(struct rec *r, int code, const struct fp_err *e);
void rec_wake(struct rec *r);
void rec_say(const struct rec *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Call i has its verdict. */
void rec_verdict(struct rec *r, size_t i, enum fp_recover_verdict v,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Call i is not proven at its target, and no leg of it is there: to the next. */
void rec_again(struct rec *r, size_t i, const char *why);
/* Out of its batch, back to those that wait. */
void rec_leave(struct rec *r, size_t i);
const char *rec_uuid(const struct fp_leg *l); /* the session's */

/* ---- recovering_rest.c */
/* Is leg k of all to be put with its call?  How many are. */
bool rec_is_put(const struct rec *r, size_t k);
size_t rec_n_put(const struct rec *r, size_t i);
/* Some legs of call i are up, and of the others nothing was sent: these once more.  At
 * a paused target that is for the job's next run. */
void rec_rest(struct rec *r, size_t i);

/* ---- recovering_place.c */
int rec_place_all(struct rec *r, struct fp_err *e);
/* A target for one call; NULL: none. */
struct rec_target *rec_place(struct rec *r, size_t i);
void rec_queue(struct rec_target *t, size_t i);
size_t rec_queued(const struct rec_target *t);
/* What is queued at t, and put and not asked, to others.  t->ready stays while the
 * store is away. */
void rec_empty(struct rec_target *t, const char *why);

/* ---- recovering_ports.c */
/* Ports in use at t, read anew when it was long ago. */
int rec_ports(struct rec_target *t, struct fp_err *e);
/* Say which recovered legs share theirs with a call that began meanwhile. */
void rec_ports_look(struct rec_target *t);

/* ---- recovering_put.c */
/* The next batch of t's queue into its database. */
void rec_put(struct rec_target *t);
/* Put, and to be asked for: before others that are. */
void rec_ready(struct rec_batch *b);
/* Take b's rows away that FreeSWITCH did not consume.  0: *n of them. */
int rec_unput(struct rec_batch *b, uint64_t *n);
struct rec_batch *rec_batch_new(struct rec_target *t, const char *token);
int rec_batch_add(struct rec_batch *b, size_t i);

/* ---- recovering_ask.c */
void rec_ask(struct rec_target *t);
/* What calls of b are waited for until when: they are proven from now on. */
int rec_prove(struct rec_batch *b, int64_t asked_ms);
/* Its connection ended: what happens next. */
void rec_cut(struct rec_target *t);
void rec_cut_step(struct rec_target *t);
void rec_doubt_step(struct rec_batch *b);
/* Is the old run there? */
void rec_old_step(struct rec *r);

/* ---- recovering_look.c */
void rec_look(struct rec *r);
void rec_event(void *ctx, struct fp_switch *x, const struct fp_esl_frame *f);
int rec_index(struct rec *r, struct fp_err *e);
bool rec_has_leg(const struct rec *r, const char *uuid);

void rec_see(struct rec_leg *l);

/* ---- recovering_sure.c: while a process is stopped, or its machine, another may take
 * the job and end it: what was heard is old then, and a leg of ours is a live call of
 * nobody's.  Whatever a live call would feel is done only after fp_db has said that the
 * job is ours. */
/* We are run, by the loop: were we held up?  Each callback says so first. */
void rec_ran(struct rec *r);
/* Did fp_db just say so?  false: it is asked before the next walk. */
bool rec_is_sure(struct rec *r);
/* Ask it when that is wanted, then do what waits for it.  false: nothing may be done. */
bool rec_go_on(struct rec *r);

/* ---- recovering_write.c */
void rec_note(struct rec *r, size_t i, const char *state);
void rec_mark(struct rec *r, size_t i, enum rec_mark m);
/* Is it ours still?  Now and then: a session that is idle for long loses its lock to
 * whoever wants it. */
void rec_beat(struct rec *r);
/* Marks, the journal and progress, now and then. */
void rec_write(struct rec *r, bool is_all);
/* The journal, waiting.  0; -EBUSY ...; fp_db is away: -EAGAIN, and nothing is put for
 * a while. */
int rec_flush(struct rec *r, struct fp_err *e);
/* Is an error of the store or the journal the end? */
void rec_store_failed(struct rec *r, int code, const struct fp_err *e);

#endif
