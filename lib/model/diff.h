/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_DIFF_H
#define FP_MODEL_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "model/list.h"

/* How two copies of a list find out in what they differ.  Streams of entries are
 * in fp_prefix_cmp order (fp_entry_next).  fp-sync-protocol.5 is the source. */

#define FP_BUCKET_DIGEST 8
#define FP_BUCKETS_MIN 16
#define FP_BUCKETS_MAX 65536

struct fp_stream {
	fp_entry_next *next;
	void *ctx;
};

/* Call each for every change that turns a into b, in order of prefix; entries
 * whose until= or meta differ are one change (not is_del).  Stops when each
 * returns non-zero, and returns that.  0; errors of the streams. */
int fp_diff(const struct fp_stream *a, const struct fp_stream *b,
	    int (*each)(void *ctx, const struct fp_change *c), void *ctx,
	    struct fp_err *e);

/* b = a with changes (in order of prefix) applied, as a stream again.  The
 * storage is the caller's. */
struct fp_patched {
	struct fp_stream base;
	const struct fp_change *v;
	size_t n, at;
	struct fp_entry held;
	int has_held;
};
void fp_patched_init(struct fp_patched *p, const struct fp_stream *base,
		     const struct fp_change *v, size_t n);
int fp_patched_next(void *patched, struct fp_entry *out, struct fp_err *e);

/* Of entries, how many buckets. */
uint32_t fp_bucket_count(uint64_t entries);
uint32_t fp_bucket_of(const struct fp_prefix *p, uint32_t n_buckets);
/* Digests of all buckets, n_buckets * FP_BUCKET_DIGEST bytes at out. */
int fp_bucket_digests(const struct fp_stream *s, uint32_t n_buckets,
		      unsigned char *out, struct fp_err *e);

/* Digest of a list: SHA-256 over "NAME KIND\n" and its entry lines, as hex. */
int fp_stream_digest(const char *name, enum fp_kind kind,
		     const struct fp_stream *s, uint64_t *entries, char hex[65],
		     struct fp_err *e);
/* Policy digest of lists whose own digests are known, in order of name. */
struct fp_list_digest {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	char hex[65];
};
void fp_policy_digest(const struct fp_list_digest *v, size_t n, char hex[65]);

#endif
