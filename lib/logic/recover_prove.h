/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_RECOVER_PROVE_H
#define FP_LOGIC_RECOVER_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Did a call come up?  The reply of `fsctl recover` proves nothing: each leg is looked
 * at until its CSeq has grown (the far end answered 200) and, of a bridge, it has left
 * CS_RESET.  Observations in, what to do out; no I/O, no clock.
 * Source: facts of FreeSWITCH 1.10.12, F4 and step 9. */

enum fp_proof {
	FP_PROOF_WAITING,
	FP_PROOF_PROVEN,
	FP_PROOF_GONE, /* the far end says that there is no such call (481, 404) */
	FP_PROOF_SILENT,  /* it did not answer until the SIP timers ran out */
	FP_PROOF_REFUSED, /* it answered with another error, or its partner of a
			   * bridge could not come up: something was sent */
	FP_PROOF_FAILED,  /* nothing was sent: port, profile; try elsewhere */
	FP_PROOF_ENDED, /* it was up, and was hung up since: no fault of ours */
};
const char *fp_proof_name(enum fp_proof p);

struct fp_prove_leg {
	const char *uuid;
	uint32_t cseq; /* of the row */
	bool has_cseq;
	bool is_bonded; /* must leave CS_RESET */
	size_t partner; /* of it, a leg of this prover; FP_PROVE_NONE: any */
	bool is_bye;    /* an orphan that is to end: when proven it is killed */
};
#define FP_PROVE_NONE SIZE_MAX
struct fp_prove_seen {
	bool exists;
	uint32_t cseq;  /* of the channel, 0: not known */
	char state[24]; /* CS_EXECUTE ...; "": not known */
	char cause[64]; /* of a hangup that was heard; "": none */
	int sip; /* with it: what the far end answered, 481 ...; 0: nothing */
	char run[64]; /* the switch's Core-UUID; "": not asked */
};

enum fp_prove_act {
	FP_PROVE_WAIT,
	FP_PROVE_DONE,
	FP_PROVE_KILL, /* uuid_kill this leg: its partner is lost, or it leaked */
	FP_PROVE_BRIDGE, /* uuid_bridge it and its partner: both are up, and the
			  * originator has given up waiting */
	FP_PROVE_ASK,    /* is_held: one of both, as soon as it may */
};

/* One call at one target. */
struct fp_prover {
	struct fp_proving {
		struct fp_prove_leg is;
		enum fp_proof proof;
		bool was_up, is_killed, was_there;
		int64_t proven_ms, gone_ms, next_ms;
		int64_t reset_ms, bridged_ms; /* up, and in CS_RESET since */
		unsigned int looks;
		int sip;
		char cause[64];
	} * leg;
	size_t n;
	int64_t started_ms, end_ms;
	/* The caller tries legs that FAILED once more beside those that are up: until
	 * then their partners are left alone. */
	bool may_retry;
	/* Nothing is done to a leg: the caller asks first whether it may, then sees the
	 * same again without it. */
	bool is_held;
};
/* started_ms: when fsctl recover was asked; end_ms: when SIP's timers have run out
 * (32 s and a little). */
void fp_prover_init(struct fp_prover *p, int64_t started_ms, int64_t end_ms);
int fp_prover_add(struct fp_prover *p,
		  const struct fp_prove_leg *l); /* -ENOMEM */
void fp_prover_fini(struct fp_prover *p);
/* What was seen of leg i.  is_recovered: fsctl recover has answered (before that a
 * leg that does not exist is not yet there). */
enum fp_prove_act fp_prover_see(struct fp_prover *p, size_t i,
				const struct fp_prove_seen *s,
				bool is_recovered, int64_t now_ms);
/* The caller was not run for ms: what it waits for is as far away as it was. */
void fp_prover_late(struct fp_prover *p, int64_t ms);
/* Its verdict: WAITING until all legs have one.  A call of which one leg is GONE,
 * SILENT, REFUSED or FAILED is that as a whole (FAILED only if no leg sent anything,
 * else REFUSED). */
enum fp_proof fp_prover_verdict(const struct fp_prover *p, int64_t now_ms);
/* Of a call that may_retry: legs FAILED, and all others are up. */
bool fp_prover_is_half(const struct fp_prover *p);
/* Why it is not PROVEN, for a person: "2 of 5 legs: 481 ..."; "" when it is. */
void fp_prover_why(const struct fp_prover *p, char *out, size_t size);
/* When leg i wants to be looked at again; INT64_MAX: not any more. */
int64_t fp_prover_next_ms(const struct fp_prover *p, size_t i);

#endif
