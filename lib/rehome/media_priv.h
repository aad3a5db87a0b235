/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_MEDIA_PRIV_H
#define FP_REHOME_MEDIA_PRIV_H

#include "rehome/media_drain.h"

/* What the files of media_drain.h share. */

struct media_item {
	struct fp_moving_call call;
	struct fp_edge *owner;
};
struct media_drain {
	const struct fp_media_drain_opts *o;
	struct fp_media_drain_sum *out;
	struct fp_media_use *use;
	size_t n_uses;
	struct media_item *v; /* to be moved, by owner */
	size_t n;
	struct fp_media_call *where; /* of v[i] */
	struct fp_media_seen *seen;
	char *texts;
	struct fp_tag_move *move; /* tags that stay: from == to */
	size_t n_moves;
	struct fp_journal *journal;
	struct fp_edge *running; /* whose calls are under way; the last such */
};

void media_say(const struct media_drain *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A refusal that is lifted is said, and 0. */
int media_refused(const struct media_drain *d, int code, struct fp_err *e);

/* media_job.c: begin a job of the first call alone, and then of all. */
int media_begin(struct media_drain *d, struct fp_err *e);
int media_plan_all(struct media_drain *d, struct fp_err *e);

/* media_calls.c: those that the engine has by its own word, into d->v; tags into
 * d->move. */
int media_find(struct media_drain *d, struct fp_err *e);
void media_forget(struct media_drain *d);
/* Where those from first on are now. */
int media_where(struct media_drain *d, size_t first, size_t n,
		struct fp_err *e);
/* Is v[i] at another engine? */
bool media_is_elsewhere(const struct media_drain *d, size_t i);

#endif
