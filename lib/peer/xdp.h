/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_XDP_H
#define FP_PEER_XDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "peer/maps.h"

/* The XDP program and its links to NICs. */

enum fp_xdp_want { FP_WANT_NATIVE, FP_WANT_GENERIC, FP_WANT_AUTO };

/* A loaded instance of the program. */
struct fp_xdp;

/* Load the filter for one NIC with the maps pinned in dir; what is not pinned
 * yet is made and pinned.  slot: the NIC's row of counters.  ifname: names its
 * XSKMAP.  Takes the kernel's verifier some 0.4 s.
 * 0: close with fp_xdp_close (links keep their program).
 * -EPERM: not CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON: without the last the
 * verifier takes no difference of two packet pointers, which is a length.  -E2BIG -EINVAL -EACCES: the verifier said no; e
 * holds its last line. */
int fp_xdp_load(struct fp_xdp **out, const char *dir, unsigned int slot,
		const char *ifname, struct fp_err *e);
/* Load the program that answers fp_maps_ask in place of the filter: makes and
 * pins all maps but a NIC's.  Errors as fp_xdp_load. */
int fp_xdp_load_ask(struct fp_xdp **out, const char *dir, struct fp_err *e);
void fp_xdp_close(struct fp_xdp *x);

/* Attach to the NIC and pin the link as dir/links/IFNAME.
 * *is_generic: what it got.
 * -EBUSY: another XDP program is there.  -EOPNOTSUPP: the driver cannot.
 * -EEXIST: pinned there is a link that is on a NIC. */
int fp_xdp_attach(struct fp_xdp *x, const char *dir, const char *ifname,
		  int ifindex, enum fp_xdp_want want, bool *is_generic,
		  struct fp_err *e);

/* Take the program off its NIC now, and unpin the link.  0, also when there is
 * no such link; -errno. */
int fp_xdp_detach(const char *link_path, struct fp_err *e);

/* Put x's program under a pinned link without a gap. */
int fp_xdp_replace(struct fp_xdp *x, const char *link_path, struct fp_err *e);

/* Pin the program that answers fp_maps_ask as dir/ask, over an older one. */
int fp_xdp_pin_ask(struct fp_xdp *x, const char *dir, struct fp_err *e);

struct fp_xdp_link {
	int ifindex; /* 0: its NIC is gone */
	uint32_t prog_id;
};
/* -ENOENT: not pinned. */
int fp_xdp_link_info(const char *link_path, struct fp_xdp_link *out,
		     struct fp_err *e);
/* This build's word in conf->build[] and ask_build: of the object as it is in
 * this program, and the maps that it goes with.  Never 0. */
uint32_t fp_xdp_build(void);
/* The id of the link that holds a program on a NIC, whoever made it; 0: none
 * (it was attached by netlink, which is how it must be taken off), or one may
 * not look (CAP_SYS_ADMIN).  An index
 * alone does not tell a NIC: each network namespace has its own. */
uint32_t fp_xdp_link_of(uint32_t prog_id, int ifindex);
/* The name of a program, "-" when it is gone or may not be looked at. */
void fp_xdp_prog_name(uint32_t prog_id, char *out, size_t size);

/* Run the filter over one frame of at least 14 bytes.  Longer frames than the
 * kernel takes (FP_XDP_RUN_MAX) are cut.  *verdict: XDP_PASS, XDP_DROP ... */
#define FP_XDP_RUN_MAX 3456
int fp_xdp_run(const struct fp_xdp *x, const void *frame, uint32_t len,
	       uint32_t *verdict, struct fp_err *e);

#endif
