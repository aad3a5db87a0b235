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

/* ---- slots.c ---- */

struct fp_slot {
	struct fp_bucket *b;
	uint32_t idx; /* of the bucket */
	int i;
};

struct fp_bucket *fp_bucket_at(struct fp_area *a, uint32_t idx);
struct fp_table_head *fp_prefix_head(struct fp_area *a);
bool fp_slot_find(struct fp_area *a, const struct fp_image_key *k,
		  struct fp_slot *out);
/* Fill an empty slot, then publish it.  false: none within reach. */
bool fp_slot_fill(struct fp_area *a, const struct fp_image_key *k);
/* Dead until the table is replaced: a reader may still be looking at it. */
void fp_slot_kill(struct fp_area *a, const struct fp_slot *s);
struct fp_image_key fp_slot_key(const struct fp_bucket *b, int i);
bool fp_slot_is_live(const struct fp_bucket *b, int i);

/* ---- lengths.c ---- */

bool fp_key_is_v4(const struct fp_image_key *k);
/* One more, one fewer slot with this key's length. */
void fp_len_use(struct fp_conf *c, const struct fp_image_key *k);
void fp_len_unuse(struct fp_conf *c, const struct fp_image_key *k);
bool fp_len_is_used(struct fp_tables *t, const struct fp_image_key *k);
/* Counts and lengths anew from the slots: a writer that was killed may have
 * left them one off. */
void fp_lens_recount(struct fp_tables *t);
void fp_gate6_set(struct fp_tables *t, const struct fp_image_key *k);
bool fp_gate6_has(struct fp_tables *t, const struct fp_image_key *k);
/* Exactly the bits that the image needs.  bits: scratch, all zero. */
void fp_gate6_exact(struct fp_tables *t, const struct fp_image *img,
		    uint32_t *bits);

/* ---- prefixes_check.c ---- */

/* The image's key with this prefix, length and kind, or NULL. */
const struct fp_image_key *fp_image_find(const struct fp_image *img,
					 const struct fp_image_key *k);
/* The same deadline but for slack_s? */
bool fp_until_is_near(uint32_t a, uint32_t b, uint32_t slack_s);

/* ---- prefixes.c ---- */

/* Put in and prolong what the image has and the table lacks. */
int fp_prefixes_insert(struct fp_tables *t, const struct fp_image *img,
		       struct fp_apply_stats *stats, struct fp_err *e);
/* Take out what the image does not have.  has_come: something was put in before,
 * which every reader must see first. */
int fp_prefixes_remove(struct fp_tables *t, const struct fp_image *img,
		       bool has_come, struct fp_apply_stats *stats,
		       struct fp_err *e);
void fp_prefixes_verify(struct fp_tables *t, const struct fp_image *img,
			fp_differs *differs, void *ctx, uint64_t *n);
uint32_t fp_prefixes_verdict(struct fp_tables *t, const struct fp_prefix *p,
			     uint32_t now_s);
/* Two clocks that count seconds put a deadline one apart from one reading to the
 * next.  What is that near is let be; so what is compared later may be two. */
#define FP_UNTIL_KEEP_S 1
#define FP_UNTIL_SLACK_S 2

#endif
