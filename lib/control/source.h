/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_SOURCE_H
#define FP_CONTROL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "control/history.h"
#include "logic/sender_push.h"

/* The lists directory as nodes shall have it: NAME.list in the form people
 * write; of a list that is not of kind block the first line says so,
 * "#fastpath-list 1 kind=allow".  Read as a whole before any node is touched;
 * what travels to many nodes is made once. */
struct fp_source;

struct fp_source_opts {
	const char *dir;
	/* these lists alone; n_names 0: all.  One without a file is an error
	 * unless is_gone_ok (what was taken out of the directory) */
	const char *const *names;
	size_t n_names;
	bool is_gone_ok;
	bool is_empty_ok; /* no list at all, or no directory */
	int64_t now_s;    /* what is expired then is left out */
};

/* history: where older versions are, NULL: nowhere; it outlives the source.
 * 0: fp_source_free.
 * -EINVAL: "apiban.list:7: "999.1.1.1": ..." (and of a bad file name).
 * -ENOENT: no such list.  -EPERM rule empty: no list in the directory, or no
 * directory.  -errno. */
int fp_source_read(struct fp_source **out, const struct fp_source_opts *o,
		   const struct fp_history *history, struct fp_err *e);
void fp_source_free(struct fp_source *s); /* NULL is allowed */

const struct fp_offers *fp_source_offers(const struct fp_source *s);
/* The policy digest of a node that has these lists and no others. */
const char *fp_source_policy(const struct fp_source *s);
/* When the first of its entries ends; 0: none does. */
int64_t fp_source_end_s(const struct fp_source *s);
/* Lines that were left out as expired. */
uint64_t fp_source_expired(const struct fp_source *s);

/* Write a list into the directory, which is made when it is not there:
 * .NAME.tmp, fsync, rename, fsync.  The file's mode and owner are kept; a new
 * one is 0644.  kind,
 * when it is not block, is said in the first line.  0; -errno. */
int fp_source_write(const char *dir, const char *name, enum fp_kind kind,
		    const struct fp_entry *v, size_t n, struct fp_err *e);

#endif
