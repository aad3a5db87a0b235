/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MAPS_H
#define FP_PEER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "model/tables.h"
#include "peer/pins.h"

/* The pinned maps of the filter: PINS/vLAYOUT/... in a bpffs.
 *   conf ports gate4 dir4 gate6 tabs counters samples seen   maps of all NICs
 *   chunk prefix                              what hangs in tabs now
 *   ask                                       the program that answers fp_maps_ask
 *   links/IF  xsk/IF                          one a NIC */

struct fp_maps;

/* Open what is pinned.  0: close with fp_maps_close.
 * -ENOENT: no filter is loaded ("... fp-load attach IF").
 * -EPROTO: the pins are of another layout (e says which).
 * -EACCES -EPERM: not root, or no CAP_BPF. */
int fp_maps_open(struct fp_maps **out, const char *pins, struct fp_err *e);
/* The same for a directory of pins that is still being built. */
int fp_maps_open_dir(struct fp_maps **out, const char *dir, struct fp_err *e);
void fp_maps_close(struct fp_maps *m);

/* conf->nic[] of the pins in dir, of any layout.  0; -EPROTO: it has none;
 * -errno. */
int fp_maps_nics(const char *dir, struct fp_nic out[FP_NICS], struct fp_err *e);

/* First use after the maps were made: hang in and pin the tables that grow.
 * dir: where the maps are pinned. */
int fp_maps_init_dir(const char *dir, struct fp_err *e);

struct fp_tables *fp_maps_tables(struct fp_maps *m);
struct fp_conf *fp_maps_conf(struct fp_maps *m);
/* NULL with e filled when it cannot be mapped. */
struct fp_ports *fp_maps_ports(struct fp_maps *m, struct fp_err *e);

/* Ask the kernel: the loaded program's own lookups, on the live tables, for n
 * addresses (hosts); no counter moves.  verdict: n of them. */
int fp_maps_ask(struct fp_maps *m, const struct fp_prefix *host, size_t n,
		enum fp_kind *verdict, struct fp_err *e);

/* Sums over CPUs, FP_R_N of them. */
int fp_maps_counters(struct fp_maps *m, unsigned int nic,
		     struct fp_counter *out, struct fp_err *e);
/* The same for any counters map. */
int fp_counters_read(int fd, unsigned int nic, struct fp_counter *out,
		     struct fp_err *e);
int fp_maps_counters_reset(struct fp_maps *m, unsigned int nic,
			   struct fp_err *e);

/* The counters of drops by CPU, to be read again and again.  dir: PINS/vLAYOUT.
 * 0: close with fp_counts_close.  -ENOENT: no filter is loaded. */
struct fp_counts;
int fp_counts_open(struct fp_counts **out, const char *dir, struct fp_err *e);
void fp_counts_close(struct fp_counts *c);
/* How many there are of a NIC: one is at reason * CPUs + CPU. */
size_t fp_counts_n(const struct fp_counts *c);
size_t fp_counts_at(const struct fp_counts *c, unsigned int reason,
		    unsigned int cpu);
/* count: fp_counts_n of them, 0 where the reason is no drop.
 * *zeroed_ns: when they were last set to zero, CLOCK_MONOTONIC; 0: never.
 * 0; -errno. */
int fp_counts_read(struct fp_counts *c, unsigned int nic, uint64_t *count,
		   uint64_t *zeroed_ns, struct fp_err *e);

/* Sources that were new to what fp_maps_seen walks, of all NICs: since it was
 * made, and on this day and the one before (days of CLOCK_MONOTONIC, so that
 * the last 24 hours are in it).  now_s: of that clock. */
struct fp_seen_new {
	uint64_t ever, lately;
};
int fp_maps_seen_new(struct fp_maps *m, uint64_t now_s, struct fp_seen_new *out,
		     struct fp_err *e);

/* Walk whom the observing checks would have dropped: FP_SEEN_MAX at most, each
 * once.  What each returns ends the walk when it is not 0, and is returned. */
int fp_maps_seen(struct fp_maps *m,
		 int (*each)(void *ctx, const struct fp_seen_key *key,
			     const struct fp_seen *seen),
		 void *ctx, struct fp_err *e);

/* Does the filter act on a NIC now?  Looks at the pinned links, and leaves out
 * those that stopped because nobody confirmed them. */
bool fp_maps_is_attached(struct fp_maps *m);

/* Bytes of kernel memory of all maps (fdinfo memlock). */
uint64_t fp_maps_memory(struct fp_maps *m);

#endif
