/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_EVENT_PRIV_H
#define FP_MODEL_EVENT_PRIV_H

/* What event.c and event_json.c share; not for others. */

#include "model/event.h"

/* One more ban, zeroed, at the end of ev; NULL: e says why, and *code. */
struct fp_event_ban *fp_event_more(struct fp_event_body *ev, int *code,
				   struct fp_err *e);
/* body begins with '{' or '[' and has no NUL. */
int fp_event_json(struct fp_event_body *ev, const char *body, size_t n,
		  struct fp_err *e);

#endif
