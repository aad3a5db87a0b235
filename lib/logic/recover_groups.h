/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_RECOVER_GROUPS_H
#define FP_LOGIC_RECOVER_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/fsrow.h"

/* Legs to calls: what belongs together is moved together or not at all.  Pure.
 * A leg that cannot be had, or whose applications may not run again, counts as not
 * there: it is a call of its own, its partner is an orphan, its room goes without it.
 * Source: FreeSWITCH 1.10.12 switch_channel.c (partner: signal_bond, else
 * originate_signal_bond), switch_core_state_machine.c (recovery of a bridge). */

/* Words about a leg or a call; a call has those of all its legs. */
enum fp_call_word {
	FP_CALL_ORPHAN = 1 << 0,  /* its partner has no row */
	FP_CALL_ONE_LEG = 1 << 1, /* its applications run again */
	FP_CALL_UNSAFE = 1 << 2,  /* ... and one is not safe to run again */
	FP_CALL_TCP = 1 << 3,     /* the connection died with the node */
	FP_CALL_TLS = 1 << 4,
	FP_CALL_WS = 1 << 5,
	FP_CALL_DTLS = 1 << 6, /* or ICE: not restored */
	FP_CALL_SRTP = 1 << 7, /* SDES: keys are in the row */
	FP_CALL_HELD = 1 << 8,
	FP_CALL_VIDEO = 1 << 9,
	FP_CALL_T38 = 1 << 10,
	FP_CALL_BYPASS = 1 << 11, /* its media is not ours */
	FP_CALL_NAT = 1 << 12,
	FP_CALL_TOO_YOUNG = 1 << 13, /* its CSeq would not grow yet */
	FP_CALL_TOO_OLD = 1 << 14,   /* its run is dead for too long */
	FP_CALL_BROKEN = 1 << 15,    /* a row that cannot be read */
	FP_CALL_FOREIGN = 1 << 16,   /* not of sofia: verto, loopback */
	FP_CALL_TWICE = 1 << 17, /* two rows of one uuid: the later counts */
	FP_CALL_EDGE =
		1 << 18, /* the OpenSIPS it came by is dead, and no other has
				  * its dialog: it is left alone (recover/hops.h) */
};
/* "orphan", "one-leg" ... of one bit; NULL: none. */
const char *fp_call_word(unsigned int bit);
/* All of them, comma separated; "ok" when 0. */
void fp_call_words(unsigned int words, char *out, size_t size);

enum fp_call_kind {
	FP_CALL_BRIDGE,     /* two legs */
	FP_CALL_CONFERENCE, /* members of a room, and whom they are bridged to */
	FP_CALL_SINGLE,     /* one leg with an application */
	FP_CALL_ALONE,      /* an orphan */
	FP_CALL_CHAIN,      /* more than two legs by their bonds */
};
const char *fp_call_kind_name(enum fp_call_kind k);

/* What shall be done with it. */
enum fp_call_fate {
	FP_FATE_MOVE,
	FP_FATE_BYE,    /* an orphan: brought up so that it ends with a BYE */
	FP_FATE_REDIAL, /* ... or so that its dialplan dials again */
	FP_FATE_SKIP,   /* as told; its rows stay */
	FP_FATE_LOST,   /* it cannot be had: the words say why */
};
const char *fp_call_fate_name(enum fp_call_fate f);
struct fp_call;
/* Would it end with its process?  LOST, and SKIP, but for the older of two rows. */
bool fp_call_is_left(const struct fp_call *c);
int fp_call_fate_parse(const char *s,
		       enum fp_call_fate *out); /* bye redial skip */

/* A session's uuid is any word: of an inbound call it may be its Call-ID
 * (inbound-use-callid-as-uuid), of at most 255 bytes. */
#define FP_LEG_UUID_MAX 255
/* 1 to FP_LEG_UUID_MAX printable bytes without a space: what a command may name. */
bool fp_leg_is_uuid(const char *s);

struct fp_leg {
	/* in: of the row; the caller's */
	const char *technology, *profile_name, *hostname, *run;
	const char *uuid; /* the row's column, without our "fp:" */
	const char *xml;
	size_t xml_len;
	size_t too_long; /* bytes of one that was not read for it: xml is "" */
	int64_t at_us;   /* its row's age is not known: 0 */
	int64_t dead_us; /* since when its run is dead; 0: as opts say */
	/* out */
	struct fp_fsrow row; /* fp_legs_read; empty when broken */
	unsigned int words;
	size_t call; /* index of its group; SIZE_MAX: not among those asked for */
	bool is_bond_dead; /* it names a partner, and nothing would re-bridge it */
	char why[80];      /* of BROKEN */
};
struct fp_call {
	enum fp_call_kind kind;
	enum fp_call_fate fate;
	unsigned int words;
	size_t first, n; /* legs; the one that re-bridges (flag 4) first */
	char name[FP_LEG_UUID_MAX +
		  17]; /* "room3000", else the uuid of its first
					  * leg; of the older of two rows "UUID#2" */
};
struct fp_calls_opts {
	enum fp_call_fate orphans; /* BYE, REDIAL or SKIP */
	bool is_one_leg_all;       /* --one-leg all */
	int64_t now_us;            /* the targets' clock */
	int64_t dead_us;       /* since when its run is dead; 0: not known */
	int64_t too_old_us;    /* 0: never */
	const char *only_room; /* take --room: its name; "" that of only_uuid */
	const char *only_uuid; /* take: the call of this leg (--member: it
				    * alone) */
	bool is_member_alone;
};
struct fp_calls {
	struct fp_leg
		*leg; /* the caller's array, put into the order of calls */
	size_t n_legs;
	struct fp_call *call;
	size_t n_calls;
};
/* Parse legs' XML (a row that cannot be read is BROKEN, the others go on).
 * 0; -ENOMEM. */
int fp_legs_read(struct fp_leg *leg, size_t n, struct fp_err *e);
/* The same, where they were read before: a leg of was with the same uuid, technology
 * and document gives its row away (was is fp_legs_fini'd all the same). */
int fp_legs_read_again(struct fp_leg *leg, size_t n, struct fp_leg *was,
		       size_t n_was, struct fp_err *e);
/* Group, and give each call its words and fate.  Stable: two controllers that see the
 * same rows in another order get the same calls in the same order.
 * 0: fp_calls_fini (legs: fp_legs_fini).  -ENOENT: only_uuid, only_room is not there.
 * -EINVAL: only_uuid is a member of a room and neither --room nor --member said. */
int fp_calls_make(struct fp_calls *out, struct fp_leg *leg, size_t n,
		  const struct fp_calls_opts *o, struct fp_err *e);
void fp_calls_fini(struct fp_calls *c);
void fp_legs_fini(struct fp_leg *leg, size_t n);

/* What its fate asks of a leg's row: sets drop_bond and drop_apps, nothing else.
 *   MOVE    a bond that nobody would answer goes: CF_RECOVERING_BRIDGE waits for it
 *           for ever
 *   BYE     bond and applications go: no A leg dials again, FreeSWITCH sends its
 *           re-INVITE and then a BYE
 *   REDIAL  the bond goes: the applications run again from the first */
void fp_leg_edit(const struct fp_call *c, const struct fp_leg *l,
		 struct fp_fsrow_edit *edit);

/* Applications that may run again: conference, park, echo, playback, hold ...
 * NULL-terminated; the manual has them. */
const char *const *fp_safe_apps(void);
/* May one run again with its data?  Not when it is none of those, nor a conference that
 * dials ("bridge:"), nor with data that calls an API function: ${curl(...)}. */
bool fp_app_is_safe(const char *name, const char *data);

/* The CSeq that FreeSWITCH will use at a time of its clock: a count of 2 s.
 * A leg of ours must be below it, else wait.
 * Source: sofia-sip nta.c; facts of FreeSWITCH 1.10.12. */
uint32_t fp_fs_cseq(int64_t unix_s);
/* How long until its CSeq grows: 0 now; above 2000: the clock is behind. */
int64_t fp_leg_cseq_wait_ms(const struct fp_leg *l, int64_t unix_ms);

#endif
