/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_DROPS_H
#define FP_CMD_DROPS_H

#include "load.h"
#include "logic/drops.h"
#include "packet.h"

/* The drops of all NICs while watch and top look: their samples, and sums from
 * the counters that are exact.  Counters that were set to zero meanwhile, NICs
 * that came and went, and samples that were lost are said on stderr. */
struct fl_drops;

/* is_recent: begin with what the ring of samples still holds, as far back as the
 * counters were not set to zero since.  0: close with fl_drops_close.  Errors of
 * fp_maps_open. */
int fl_drops_open(struct fl_drops **out, struct fp_cli *c, bool is_recent,
		  struct fp_err *e);
void fl_drops_close(struct fl_drops *d);

struct fl_drop {
	const struct fp_sample *sample;
	const char *nic; /* stays as long as d */
	unsigned int nic_id;
	struct fp_drops_weight weight;
	int64_t unix_s; /* when */
};
typedef void fl_drops_each(void *ctx, const struct fl_drop *drop);
/* Each sample that came since the last look, and the counters after that.
 * 0, also while no filter is loaded.  -errno: nothing can be seen any more. */
int fl_drops_look(struct fl_drops *d, fl_drops_each *each, void *ctx,
		  struct fp_err *e);
/* How long until the next look: the ring shall not run over. */
int64_t fl_drops_pause_ms(const struct fl_drops *d);

struct fl_drops_sums {
	struct fp_drops_sums all;
	uint64_t lost; /* samples that were overwritten before we came */
	bool is_exact; /* or there were more: counters were lost meanwhile */
};
struct fl_drops_sums fl_drops_sums(const struct fl_drops *d);

/* The payload's first line, "" when the packet has none.  f: its headers, all
 * zero when they cannot be read. */
struct fp_frame;
void fl_drop_line(const struct fp_sample *s, struct fp_frame *f,
		  char line[FL_LINE_SIZE]);

#endif
