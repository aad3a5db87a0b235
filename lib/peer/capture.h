/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_CAPTURE_H
#define FP_PEER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* Files of captured packets, pcap and pcapng (libpcap).  Whatever was captured
 * comes as Ethernet: raw IP, Linux cooked and loopback captures get a header made
 * up.  VLAN tags stay where they are. */
struct fp_capture;

struct fp_packet {
	const unsigned char *frame; /* from the Ethernet header on */
	size_t len;                 /* of frame; 0: not even a link header */
	size_t wire_len;            /* as it was; more than len: it was cut */
	int64_t unix_s;
	uint32_t us;      /* and so many microseconds */
	bool is_outgoing; /* sent by where it was captured, as far as that is
			   * known: fp_capture_has_direction */
};

/* file: a path, or "-" for stdin.  Nothing of it is read yet: who has rights gives
 * them up between this and fp_capture_open_stream, which takes *out, with *name,
 * which is file or a literal.  0; -errno. */
int fp_capture_file(FILE **out, const char **name, const char *file,
		    struct fp_err *e);
/* f is closed with it, or now on an error.  name: for messages; it outlives the
 * capture.  0: close with fp_capture_close.
 * -EINVAL: not a capture (compressed, empty, something else), or of a link layer
 * that is not known: e names it, and those that are.  -errno. */
int fp_capture_open_stream(struct fp_capture **out, FILE *f, const char *name,
			   struct fp_err *e);
void fp_capture_close(struct fp_capture *c);

/* 1: *out filled, valid until the next call.  0: the end.  -EINVAL: the file is
 * cut off or damaged here; e has the number of the packet, from 1. */
int fp_capture_next(struct fp_capture *c, struct fp_packet *out,
		    struct fp_err *e);

/* Do its packets say whether they came in or went out?  Linux cooked ones do. */
bool fp_capture_has_direction(const struct fp_capture *c);

/* Bytes of the file: read so far, and all of them.  Both 0: not known. */
void fp_capture_place(const struct fp_capture *c, uint64_t *done,
		      uint64_t *total);

#endif
