/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_LIST_FILE_H
#define FP_MODEL_LIST_FILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/list.h"

/* List files as people and the controller write them: fp_entries_parse reads
 * their lines; of a list that is not of kind block the first line says so,
 * "#fastpath-list 1 kind=allow". */

/* A copy: an editor that cuts a mapped file off would kill us.
 * 0: fp_buf_fini.  -EFBIG: more than 4 GiB.  -errno. */
int fp_list_file_read(struct fp_buf *out, int dir_fd, const char *file,
		      struct fp_err *e);
/* The kind that the first line says, else block.  -EINVAL: no kind at all. */
int fp_list_file_kind(const struct fp_buf *text, const char *file,
		      enum fp_kind *kind, struct fp_err *e);
/* Is it in the form that nodes keep, which has a log of changes at its end? */
bool fp_list_file_is_node(const struct fp_buf *text);

#endif
