/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_XDP_H
#define FP_PEER_XDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "peer/maps.h"

/* The XDP program and its links to NICs. */

enum fp_xdp_want { FP_WANT_NATIVE, FP_WANT_GENERIC, FP_WANT_AUTO };

/* A loaded instance of the program, for one NIC. */
struct fp_xdp;

/* Load the program with the maps pinned in dir; what is not pinned yet is made
 * and pinned.  slot: the NIC's row of counters.  ifname: names its XSKMAP.
 * 0: close with fp_xdp_close (links keep their program).
 * -EPERM: no CAP_BPF + CAP_NET_ADMIN.  -E2BIG -EINVAL -EACCES: the verifier said no; e
 * holds its last line. */
int fp_xdp_load(struct fp_xdp **out, const char *dir, unsigned int slot,
		const char *ifname, struct fp_err *e);
void fp_xdp_close(struct fp_xdp *x);
/* fds belong to x */
int fp_xdp_prog_fd(const struct fp_xdp *x);
int fp_xdp_ask_fd(const struct fp_xdp *x);

/* Attach to the NIC and pin the link as dir/links/IFNAME.
 * *is_generic: what it got.
 * -EBUSY: another XDP program is there.  -EOPNOTSUPP: the driver cannot. */
int fp_xdp_attach(struct fp_xdp *x, const char *dir, const char *ifname,
		  int ifindex, enum fp_xdp_want want, bool *is_generic,
		  struct fp_err *e);

/* Put x's program under a pinned link without a gap. */
int fp_xdp_replace(struct fp_xdp *x, const char *link_path, struct fp_err *e);

/* Pin the program that answers fp_maps_ask as dir/ask, over an older one. */
int fp_xdp_pin_ask(struct fp_xdp *x, const char *dir, struct fp_err *e);

struct fp_xdp_link {
	int ifindex;	  /* 0: its NIC is gone */
	uint32_t prog_id;
	uint64_t prog_tag; /* the same code has the same tag */
	int64_t loaded_s;  /* unix time */
};
/* -ENOENT: not pinned. */
int fp_xdp_link_info(const char *link_path, struct fp_xdp_link *out,
		     struct fp_err *e);
/* The tag of x's program. */
int fp_xdp_tag(const struct fp_xdp *x, uint64_t *tag, struct fp_err *e);

/* Run the instance over one frame; live counters do not move if x was loaded
 * on counters of its own.  *verdict: XDP_PASS, XDP_DROP ... */
int fp_xdp_run(const struct fp_xdp *x, const void *frame, uint32_t len,
	       uint32_t *verdict, struct fp_err *e);

#endif
