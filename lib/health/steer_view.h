/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_STEER_VIEW_H
#define FP_HEALTH_STEER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/records.h"
#include "logic/health_steer.h"

/* What the watcher said of each node, and what that means for routing. */

#define FP_STEER_ON "sip,esl,ng,mi,taking"
/* How long a watcher that does not say how often it lives may be silent. */
#define FP_STEER_ALIVE_MS 10000
#define FP_STEER_STALE 3 /* intervals */

struct fp_steer_check {
	char node[256], check[32], why[240];
	enum fp_health state;
	bool is_refusing;
};

/* How late records come, by the times in them and our clock; that of the watcher
 * may go wrong. */
struct fp_steer_lag {
	int64_t base_ms;         /* of records that come as they are made */
	int64_t ref_ms, ref_lag; /* since when they come at the pace at which
				  * they were made, and how late */
	bool has_base, has_ref;
};

struct fp_steer_view {
	char on[16][32]; /* checks that routing looks at */
	size_t n_on;
	struct fp_steer_check *v; /* as they came */
	size_t n;
	bool has_alive;      /* what it saw at first is told */
	int64_t interval_ms; /* between two records that it lives */
	int64_t heard_ms;    /* any record that is no old one; as fp_clock_ms */
	int64_t old_ms;      /* how old the last one was, when it was; else 0 */
	struct fp_steer_lag lag;
};

/* on: "sip,esl"; NULL: FP_STEER_ON.  0: fp_steer_view_fini.  -EINVAL. */
int fp_steer_view_init(struct fp_steer_view *v, const char *on,
		       struct fp_err *e);
void fp_steer_view_fini(struct fp_steer_view *v);

/* unix_ms: our clock, which the times in records are held against: a backlog is
 * taken in, but is no word that the watcher lives.
 * 1: routing may have to follow.  0: it changes nothing.  -EINVAL: a state that
 * there is not.  -ENOMEM. */
int fp_steer_view_feed(struct fp_steer_view *v, const struct fp_record *r,
		       int64_t now_ms, int64_t unix_ms, struct fp_err *e);
/* Its last word is too old, or it has not told all yet. */
bool fp_steer_view_is_stale(const struct fp_steer_view *v, int64_t now_ms);

/* What is wanted of a node, and why: "sip CRITICAL: no answer". */
enum fp_want fp_steer_view_want(const struct fp_steer_view *v, const char *node,
				char why[200]);

#endif
