/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_REHEARSE_PRIV_H
#define FP_NODE_REHEARSE_PRIV_H

/* What the files of rehearse.h share; not for others. */

#include "model/settings.h"
#include "node/rehearse.h"

/* Fill the tables, settings and ports of maps, which are nobody else's, from the
 * lists in path (a directory or a file) and from s.
 * is_own: they are the node's own, and may not be there at all. */
int fp_rehearse_fill(struct fp_maps *maps, const struct fp_rehearsing_opts *o,
		     const char *path, bool is_own, const struct fp_settings *s,
		     struct fp_err *e);

/* ---- what of a packet decides: pure ---- */

struct fp_rehearse_look {
	bool is_ip;
	bool is_unread;  /* ports of the first fragment: they are not there */
	bool has_end;    /* of the first line */
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
