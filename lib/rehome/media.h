/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_MEDIA_H
#define FP_REHOME_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "health/steer_match.h"
#include "logic/health_view.h"
#include "model/inventory.h"
#include "peer/ng.h"
#include "rehome/edges.h"

/* The rtpengines of a cluster (fp_ng), which calls they anchor, and OpenSIPS' use
 * of them.  Functions wait on the loop (-EINTR: by a signal).
 * Source: rtpengine, ng_control_protocol; facts/freeswitch-2.md 3. */

struct fp_engine_node {
	const struct fp_host *host;
	const char *name; /* the host's */
	/* where its media is: fp_rtp, else fp_ng's and the host's address */
	char (*media)[FP_MEDIA_STRLEN];
	size_t n_media;
	struct sockaddr_storage ng;
	socklen_t ng_len;  /* 0: its name does not resolve; err */
	bool is_answering; /* of the last questions; err says why not */
	struct fp_err err;
};
struct fp_media_opts {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	int64_t timeout_ms; /* of a question */
};
struct fp_media {
	struct fp_media_opts o;
	struct fp_engine_node *v;
	size_t n;
	struct fp_ng *ng;
	struct fp_names *names;
	struct fp_places places;
};
/* 0: fp_media_fini.  -EINVAL: a variable of the cluster file; none has fp_ng. */
int fp_media_init(struct fp_media *out, const struct fp_media_opts *o,
		  const struct fp_inventory *inv, struct fp_err *e);
void fp_media_fini(struct fp_media *m);
struct fp_engine_node *fp_media_find(const struct fp_media *m,
				     const char *name);
/* Was one of its ends told to send media to that engine?  After a move by
 * body=inbound a dialog still says where it was before. */
bool fp_media_is_sent(const struct fp_engine_node *x,
		      const struct fp_dialog *d);

/* ---- where calls are, by the engines' own word */

struct fp_media_seen {    /* of one call at one engine */
	int64_t signal_s; /* its last offer or answer; -1: no such call */
	int64_t packets;  /* RTP that came; -1 */
};
struct fp_media_call {
	const char *callid;
	struct fp_media_seen *seen; /* fp_media.n of them; the caller's */
};
/* Ask all engines for all calls.  One that does not answer has is_answering false,
 * and -1 everywhere.  0. */
int fp_media_where(struct fp_media *m, struct fp_media_call *call, size_t n,
		   struct fp_err *e);
/* The engine that had the last word with a call; NULL: none knows it.  Of two in
 * the same second the one that is not `old`: a move cannot be undone by that. */
struct fp_engine_node *fp_media_at(const struct fp_media *m,
				   const struct fp_media_call *call,
				   const struct fp_engine_node *old);

/* ---- OpenSIPS and its engines (rtpengine_show) */

struct fp_media_use {
	struct fp_edge *x;
	struct fp_view_dest dest; /* the engine as that OpenSIPS names it */
	size_t n_others;          /* enabled ones beside it in its set */
	bool has_to;              /* `to` is one of them */
};
/* How OpenSIPS nodes that answer use `old`.  to may be NULL.
 * 0: *out is an array of *n, free(3); *n_silent: nodes that did not say. */
int fp_media_uses(struct fp_media *m, struct fp_edges *s,
		  const struct fp_engine_node *old,
		  const struct fp_engine_node *to, struct fp_media_use **out,
		  size_t *n, size_t *n_silent, struct fp_err *e);
/* No new call there, until somebody enables it; it is read back by the caller.
 * 0; -EREMOTEIO; errors of fp_mi_ask. */
int fp_media_disable(const struct fp_media *m, const struct fp_media_use *u,
		     struct fp_err *e);

#endif
