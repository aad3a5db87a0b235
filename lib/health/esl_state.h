/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_ESL_STATE_H
#define FP_HEALTH_ESL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/esl.h"
#include "logic/health.h"
#include "logic/health_view.h"

/* What a FreeSWITCH says of itself, and what that means.  No I/O: who asks
 * (the probe, lib/recover) gives the answers here. */

/* The questions of one reading, sent together; the clock goes first, so that its
 * round trip is that of one question. */
enum fp_esl_question {
	FP_ESL_CLOCK,
	FP_ESL_STATUS,
	FP_ESL_PAUSED_IN,
	FP_ESL_PAUSED_OUT,
	FP_ESL_RUN,
	FP_ESL_SWITCHNAME,
	FP_ESL_VERSION,
	FP_ESL_QUESTIONS,
};
/* The command, "api ...". */
const char *fp_esl_question(enum fp_esl_question q);

struct fp_esl_state {
	struct fp_view_freeswitch view;
	bool is_paused_in, is_paused_out;
	int64_t round_us;    /* of the question for the clock */
	const char *trouble; /* an answer that says nothing of it; or NULL */
	char said[64];       /* what was said instead */
};
/* Take the answer to q.  asked_ms (unix) and round_us are of the clock's
 * question. */
void fp_esl_state_take(struct fp_esl_state *s, enum fp_esl_question q,
		       const struct fp_esl_frame *f, int64_t asked_ms,
		       int64_t round_us);
/* The figures of a HEARTBEAT event.  It says nothing of pauses, and "System
 * Ready" whatever is the case (switch_core.c, send_heartbeat). */
void fp_esl_state_beat(struct fp_esl_state *s, const char *event);
/* State, detail, figures and run of what is known.  switchname: as the cluster
 * file has it, or NULL. */
void fp_esl_state_judge(const struct fp_esl_state *s, const char *switchname,
			struct fp_reading *r);
/* "16384-20383"; false: no range. */
bool fp_esl_ports(const char *text, uint16_t *first, uint16_t *last);

#endif
