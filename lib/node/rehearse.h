/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_REHEARSE_H
#define FP_NODE_REHEARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/frame.h"
#include "logic/sources.h"
#include "peer/capture.h"
#include "peer/xdp_rehearsal.h"

/* What would the filter do with captured packets?  By the tables that are live,
 * or by tables of our own made of lists that are only read.  Nothing is changed
 * either way: no list, setting, counter or pin. */
struct fp_rehearsing;

/* One packet and what became of it.  What it points to is valid in the call. */
struct fp_rehearsed {
	uint64_t n; /* the caller's number */
	int64_t unix_s;
	size_t wire_len;
	bool is_skipped; /* shorter than a frame: there is no verdict */
	bool is_ip;      /* frame is filled */
	struct fp_frame frame;
	struct fp_rehearsal_verdict verdict;
	bool is_judged; /* it was for a port of the filter's, or lost */
	bool is_cut;    /* the capture lacks bytes that could change it */
};

struct fp_rehearsing_opts {
	const char *state_dir, *pins;
	/* judge by the lists in this directory, or in this file, rather than by
	 * the live tables; NULL: where no filter is loaded by the node's own */
	const char *lists;
	/* as if these were set, "stealth=enforce,malformed=enforce"; or NULL */
	const char *set;
	/* with tables of our own: the list _cluster, as attach makes it */
	const char *cluster;
	bool is_cluster_named;
	bool is_broken_ok; /* without lists that cannot be read */
	void (*notice)(void *ctx, const char *text);
	/* each packet, in order; not 0 ends it */
	int (*each)(void *ctx, const struct fp_rehearsed *x);
	void *ctx;
};

/* Loads a program: some 0.4 s.
 * 0: fp_rehearsing_close.  -EINVAL: set or a list says nothing that can be
 * understood.  -ENOENT: no such lists.  -EPERM rule broken: a list cannot be
 * read.  Others as fp_maps_open and fp_rehearsal_open. */
int fp_rehearsing_open(struct fp_rehearsing **out,
		       const struct fp_rehearsing_opts *opts, struct fp_err *e);
void fp_rehearsing_close(struct fp_rehearsing *r); /* NULL is allowed */

/* The next packet, which each is told about now or later.
 * 0; what each returned; -errno of the program's run. */
int fp_rehearsing_packet(struct fp_rehearsing *r, const struct fp_packet *p,
			 uint64_t n, struct fp_err *e);
/* Judge what waits. */
int fp_rehearsing_flush(struct fp_rehearsing *r, struct fp_err *e);
/* In the end, where packets do not say their direction: notice when an address
 * of this node is among the sources. */
void fp_rehearsing_look_for_own(struct fp_rehearsing *r);

/* observed: not those that are dropped as well.  outgoing: those that no NIC
 * gives to a program, and that each is not told about. */
struct fp_rehearsing_counts {
	uint64_t packets, judged, dropped, observed, cut, skipped, outgoing;
	/* when it was opened, of the live filter it was judged by: NICs that
	 * stopped since nobody confirmed them, and seconds of its bypass */
	uint64_t unconfirmed, bypass_s;
};
const struct fp_rehearsing_counts *
fp_rehearsing_counts(const struct fp_rehearsing *r);
/* Of what was judged. */
struct fp_sources *fp_rehearsing_sources(struct fp_rehearsing *r);

#endif
