/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_TABLES_PRIV_H
#define FP_MODEL_TABLES_PRIV_H

/* Between the files that make up tables.h: the directory and the prefix table. */

#include "model/tables.h"

typedef void fp_differs(void *ctx, const struct fp_prefix *p, const char *text);

/* Swap fresh in and let the old area go.  On failure fresh is gone. */
int fp_tables_replace(struct fp_tables *t, int tab, struct fp_area *fresh,
		      struct fp_err *e);

/* ---- directory.c ---- */

struct fp_sweep {
	struct fp_tables *t;
	const struct fp_image *img;
	const uint32_t *look; /* 2^24 bits: LOOK must be set */
	struct fp_apply_stats *stats;
	/* verify: report instead of storing */
	fp_differs *differs;
	void *ctx;
	uint64_t n_differ;
};

/* Make the words of the image's part (or all) equal to it, or compare. */
int fp_directory_sweep(struct fp_sweep *s, struct fp_err *e);
uint32_t fp_directory_verdict(struct fp_tables *t, uint32_t addr,
			      bool *is_look);

/* ---- prefixes.c ---- */

/* Put in and prolong what the image has and the table lacks. */
int fp_prefixes_insert(struct fp_tables *t, const struct fp_image *img,
		       struct fp_apply_stats *stats, struct fp_err *e);
/* Take out what the image does not have. */
int fp_prefixes_remove(struct fp_tables *t, const struct fp_image *img,
		       struct fp_apply_stats *stats, struct fp_err *e);
int fp_prefixes_verify(struct fp_tables *t, const struct fp_image *img,
		       fp_differs *differs, void *ctx, uint64_t *n,
		       struct fp_err *e);
uint32_t fp_prefixes_verdict(struct fp_tables *t, const struct fp_prefix *p,
			     uint32_t now_s);
/* Deadlines that differ by this much are the same: clocks are read in seconds. */
#define FP_UNTIL_SLACK_S 2

#endif
