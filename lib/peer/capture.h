/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_CAPTURE_H
#define FP_PEER_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Files of captured packets, pcap and pcapng (libpcap).  Whatever was captured
 * comes as Ethernet: raw IP and Linux cooked captures get a header made up. */
struct fp_capture;

struct fp_packet {
	const unsigned char *frame; /* from the Ethernet header on */
	size_t len;                 /* of frame */
	size_t wire_len;            /* as it was, when the capture cut it */
	int64_t unix_s;
};

/* file: a path, or "-" for stdin.  0: close with fp_capture_close.
 * -EINVAL: not a capture, or of a link layer that is not known (e names it). */
int fp_capture_open(struct fp_capture **out, const char *file,
		    struct fp_err *e);
void fp_capture_close(struct fp_capture *c);
/* 1: *out filled, valid until the next call.  0: the end.  -EINVAL: the file is
 * cut off or damaged here. */
int fp_capture_next(struct fp_capture *c, struct fp_packet *out,
		    struct fp_err *e);

#endif
