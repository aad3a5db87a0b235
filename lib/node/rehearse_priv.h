/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_REHEARSE_PRIV_H
#define FP_NODE_REHEARSE_PRIV_H

/* What the files of rehearse.h share; not for others. */

#include "model/settings.h"
#include "node/node.h"
#include "node/rehearse.h"

/* Fill the tables, settings and ports of maps, which are nobody else's, from the
 * lists in path (a directory or a file) and from s.
 * is_own: they are the node's own, and may not be there at all. */
int fp_rehearse_fill(struct fp_maps *maps, const struct fp_rehearsing_opts *o,
		     const char *path, bool is_own, const struct fp_settings *s,
		     struct fp_err *e);

/* Of the live filter's conf: what passes all the same, into n and as a notice. */
void fp_rehearse_say_passing(const struct fp_rehearsing_opts *o,
			     const struct fp_conf *c,
			     struct fp_rehearsing_counts *n);
/* Is an address of this node among the sources?  The first that is. */
void fp_rehearse_say_own(const struct fp_rehearsing_opts *o,
			 const struct fp_sources *s);
/* Entries of n's lists that fp-block would refuse: a notice each, of the first
 * few.  0, whatever they are; -EBADMSG -ENOMEM. */
int fp_rehearse_say_refused(const struct fp_rehearsing_opts *o,
			    struct fp_node *n, struct fp_err *e);

/* ---- what of a packet decides: pure ---- */

struct fp_rehearse_look {
	bool is_ip;
	bool is_unread;  /* ports of the first fragment: they are not there */
	bool has_end;    /* of the first line */
	bool is_dialog;  /* a reply, or a request that stands within one */
	size_t line_len; /* captured bytes from the first line on */
	size_t keep;     /* as many bytes get the same verdict as all */
	struct fp_frame frame;
};
/* n: at least an Ethernet header. */
void fp_rehearse_look(struct fp_rehearse_look *out, const unsigned char *p,
		      size_t n);
/* Could bytes that the capture lacks change this verdict?  n: of those that
 * were judged; wire_len: of the packet; more than n. */
bool fp_rehearse_is_open(const struct fp_rehearse_look *k,
			 const struct fp_rehearsal_verdict *v, size_t n,
			 size_t wire_len, bool is_malformed_checked);

#endif
