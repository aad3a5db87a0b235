/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_TAKEOVER_PRIV_H
#define FP_RECOVER_TAKEOVER_PRIV_H

/* What the parts of a takeover share. */

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"
#include "codec/sip.h"
#include "peer/sip.h"
#include "recover/takeover.h"

#define FP_TAKE_NONE SIZE_MAX

struct fp_take_leg {
	const struct fp_leg *l;
	size_t partner; /* of its bridge, or FP_TAKE_NONE */
	char cdr[64];   /* process_cdr as it was, "" not set */
	bool is_quiet;  /* process_cdr=false was set */
	bool is_parked; /* it and its partner */
	bool is_gone;
};
struct fp_take {
	struct fp_rescue *r;
	struct fp_switch *x; /* where the call is */
	struct fp_takeover *o;
	struct fp_sip *sip;
	struct fp_take_leg *leg;
	size_t n;
	bool is_interrupted;
};

/* ---- takeover.c */

int64_t fp_takeover_settle_ms(const struct fp_takeover *o);
bool fp_takeover_is_lifted(const struct fp_rescue *r, const char *rule);
void fp_takeover_say(const struct fp_rescue *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void fp_takeover_tell(const struct fp_rescue *r, const char *name,
		      enum fp_condition_state state, const char *value,
		      const char *detail);
/* Is the job ours?  Asked of fp_db and the store unless they just said so, before
 * anything is done to a call: a process that was stopped, or its machine, may find it
 * another's.  A signal: as of fp_takeover_ask.  -EBUSY: leave all as it is. */
int fp_takeover_ours(const struct fp_rescue *r, bool *is_interrupted,
		     struct fp_err *e);
/* The same before something is put back as it was: also done while fp_db is away, for as
 * long as nobody can have taken the job. */
int fp_takeover_ours_yet(const struct fp_rescue *r, bool *is_interrupted,
			 struct fp_err *e);
/* 0; -EINTR. */
int fp_takeover_pause(const struct fp_rescue *r, int64_t ms, struct fp_err *e);
/* As fp_switch_ask of "VERB UUID REST"; what is done has to be seen through: a signal
 * is remembered (*is_interrupted, may be NULL: then it is -EINTR), the answer awaited.
 * body may be NULL. */
int fp_takeover_ask(struct fp_switch *x, bool *is_interrupted, char **body,
		    struct fp_err *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Does its node have it?  0: *out. */
int fp_takeover_exists(struct fp_switch *x, bool *is_interrupted,
		       const char *uuid, bool *out, struct fp_err *e);

/* ---- takeover_bye.c */

/* Whose dialog a BYE of its far end is within; texts are the row's.  is_other: the
 * ends the other way round.  -ENODATA: the row has none. */
int fp_takeover_dialog(const struct fp_fsrow *row, bool is_other,
		       struct fp_sip_bye *out, struct fp_err *e);
/* The CSeq of the nth try, after a 500 for the one before: 0: no more.  It begins where
 * the far end is: what is refused must not make its own next request one too low. */
uint32_t fp_takeover_cseq(const struct fp_fsrow *row, unsigned int nth);
/* Where FreeSWITCH listens for a leg's profile.  -ENOENT: nothing tells. */
int fp_takeover_where(const struct fp_switch *x, const char *profile,
		      struct fp_endpoint *out, struct fp_err *e);
/* Send one leg's, until there is an answer.  0: 200, or it is gone.  -EPROTO: it was
 * refused; -ETIMEDOUT -ECONNREFUSED ... */
int fp_takeover_bye(struct fp_take *k, struct fp_take_leg *t, struct fp_err *e);

/* ---- takeover_legs.c: at the node */

int fp_takeover_quiet(struct fp_take *k, struct fp_err *e);
int fp_takeover_park(struct fp_take *k, struct fp_err *e);
/* What an earlier run of the job did to legs that are there: is_quiet, is_parked. */
int fp_takeover_see(struct fp_take *k, struct fp_err *e);
/* Bridges of legs that are there, and process_cdr.  The first error is told, the rest
 * is done all the same. */
int fp_takeover_as_it_was(struct fp_take *k, struct fp_err *e);
/* Until the legs that are gone have no row: *n_left that have. */
int fp_takeover_rows_gone(struct fp_take *k, int64_t *n_left, struct fp_err *e);

/* ---- takeover_back.c: legs that are gone up again where they were */

int fp_takeover_back(struct fp_take *k, struct fp_err *e);

/* ---- takeover_settle.c: drain waits until all that can be had can be had.
 * -EPERM rule "lost": what would not. */
int fp_takeover_settle(const struct fp_takeover *o, struct fp_rescue *r,
		       const char *run, struct fp_err *e);

#endif
