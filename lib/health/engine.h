/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_ENGINE_H
#define FP_HEALTH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "health/probe.h"

/* Thousands of probes on one loop: when each is asked, its name resolved before,
 * its deadline after.  It knows nothing of what answers mean. */
struct fp_engine;

struct fp_engine_opts {
	const struct fp_probe_env *env; /* kept by reference */
	/* Each probe is asked once an interval, all of them spread evenly over
	 * it; 0: rounds are asked for by fp_engine_round. */
	int64_t interval_ms;
	int64_t timeout_ms; /* of a reading, its name's resolution included */
	unsigned int parallel; /* readings under way of a round; 0: all */
	/* A reading of probe i; is_news: unasked, between or beside readings.
	 * r is the engine's; who keeps its view sets r->view to NULL. */
	void (*reading)(void *ctx, size_t i, struct fp_reading *r,
			bool is_news);
	/* A round is over (interval_ms 0). */
	void (*round)(void *ctx);
	void *ctx;
};

/* 0: fp_engine_close.  -ENOMEM.  Raises the soft limit of open files. */
int fp_engine_open(struct fp_engine **out, const struct fp_engine_opts *o,
		   struct fp_err *e);
/* Not from within reading or a probe.  NULL is allowed. */
void fp_engine_close(struct fp_engine *en);

/* Add a probe, before the first start; its number is the count of those before.
 * host and kind are kept by reference.  What a kind's init refuses is an UNKNOWN
 * reading, each time.  0; -ENOMEM. */
int fp_engine_add(struct fp_engine *en, const struct fp_probe_kind *kind,
		  const struct fp_host *host, const struct fp_endpoint *to,
		  const char *check, struct fp_err *e);
const struct fp_probe *fp_engine_probe(const struct fp_engine *en, size_t i);

/* Begin to watch (interval_ms > 0). */
void fp_engine_start(struct fp_engine *en);
/* Ask once all that want says (NULL: all); then round is called, from the loop,
 * also when there were none. */
void fp_engine_round(struct fp_engine *en, bool (*want)(void *ctx, size_t i));

/* How late readings began, since the last call. */
struct fp_lateness {
	uint64_t n;
	int64_t p50_ms, p99_ms, max_ms;
};
void fp_engine_lateness(struct fp_engine *en, struct fp_lateness *out);

#endif
