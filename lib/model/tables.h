/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_TABLES_H
#define FP_MODEL_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "fp_maps.h"
#include "model/area.h"
#include "model/image.h"

/* The verdict tables of fp_maps.h, made equal to an image of the lists by the
 * smallest difference, while the XDP program reads them.
 *
 * For every address the verdict goes from old to new in one aligned 32-bit
 * store: what a word points to is filled before the word, the word is stored
 * before the gate's bit.  Something new is put in before something old is taken
 * out, and between the two every reader is waited for: one that looked here
 * before the new came must not look there after the old went.  Freed chunks and slots are not used again before the table that holds
 * them was replaced by a copy, which waits for every reader (the kernel's
 * map-in-map update returns after an RCU grace period: kernel commit
 * 1ae80cf31938).  One writer at a time: the caller holds the lists' lock. */

struct fp_tables;

/* Where tables that grow come from. */
struct fp_backing {
	/* A zeroed area for elements 0..n of the chunk or prefix table. */
	int (*make)(void *ctx, int tab, uint32_t n, struct fp_area *out,
		    struct fp_err *e);
	/* Put it in the old one's place and wait until nobody reads the old one. */
	int (*swap)(void *ctx, int tab, const struct fp_area *fresh,
		    struct fp_err *e);
	/* Return when nobody is reading who began before. */
	int (*wait)(void *ctx, struct fp_err *e);
	void *ctx;
};

struct fp_tables {
	struct fp_area conf, gate4, dir4, gate6, tab[FP_TAB_N];
	struct fp_backing backing;
};

struct fp_apply_stats {
	uint64_t words, chunks, added, changed, removed;
	bool is_rebuilt; /* a table was replaced by a bigger copy */
};

/* First use of fresh, zeroed tables. */
void fp_tables_init(struct fp_tables *t);
struct fp_conf *fp_tables_conf(struct fp_tables *t);

/* Make the tables equal to the image (or their part around its prefix).
 * -ENOSPC: the prefix table would pass its limit (nothing was changed).
 * -ENOMEM -errno: half done; the token must stay as it is, so that the next
 * writer does all of it again.  stats may be NULL. */
int fp_tables_apply(struct fp_tables *t, const struct fp_image *img,
		    struct fp_apply_stats *stats, struct fp_err *e);

/* Would keys more entries fit?  0; -ENOSPC with the numbers and the remedy. */
int fp_tables_room(struct fp_tables *t, uint64_t keys, struct fp_err *e);

/* Compare all of the tables with an image of all lists.  Calls each for every
 * difference (text: what and where); returns their number, or -errno.
 * LOOK and gate bits that stand for nothing are no difference. */
int64_t fp_tables_verify(struct fp_tables *t, const struct fp_image *img,
			 void (*each)(void *ctx, const struct fp_prefix *p,
				      const char *text),
			 void *ctx, struct fp_err *e);

/* What the tables say about an address, by the same steps as the XDP program
 * (for tests: the kernel is asked by fp_maps_ask). */
enum fp_kind fp_tables_verdict(struct fp_tables *t, const struct fp_prefix *p,
			       uint32_t now_s);

#endif
