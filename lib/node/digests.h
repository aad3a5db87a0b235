/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_DIGESTS_H
#define FP_NODE_DIGESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/list.h"

/* Digests of lists, remembered in STATE/digests, so that a million entries are
 * not read to say that nothing has changed.  A digest counts as long as the file
 * is the one that it was made of. */

/* What tells that a file is another, or was changed. */
struct fp_file_id {
	uint64_t ino, size;
	int64_t mtime_ns, ctime_ns;
};
/* 0; -errno: ENOENT.  *out is all zeros then. */
int fp_file_id(int dir_fd, const char *list, struct fp_file_id *out);
bool fp_file_id_equal(const struct fp_file_id *a, const struct fp_file_id *b);

struct fp_digest {
	char hex[65];
	uint64_t live; /* of a dynamic list: words that have not ended */
};

struct fp_digests;

/* Read what is remembered; what cannot be read is forgotten.  0; -ENOMEM. */
int fp_digests_open(struct fp_digests **out, const char *state_dir,
		    struct fp_err *e);
/* Of the list of l's name, as it is on disk now.  0; -EBADMSG -ENOENT -errno. */
int fp_digests_get(struct fp_digests *d, int lists_fd, const struct fp_list *l,
		   struct fp_digest *out, struct fp_err *e);
/* The list on disk is known to have this digest (the caller wrote it). */
void fp_digests_put(struct fp_digests *d, int lists_fd, const char *list,
		    const char hex[65], uint64_t entries);
/* Write what was learned; without success the next one reads lists again. */
void fp_digests_close(struct fp_digests *d);

#endif
