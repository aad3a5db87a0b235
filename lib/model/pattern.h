/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_PATTERN_H
#define FP_MODEL_PATTERN_H

#include <stddef.h>

#include "model/inventory.h"

/* Which nodes -N names, as Ansible's --limit does: parts with ',' or ':' between
 * them, each a node, a group or a glob of either (* ? [abc] [!abc]).  First the
 * union of the plain parts (all nodes when there are none), then what every
 * &part has too, then without the !parts, in whatever order they were given.
 * "all" is every node.  Not taken: ~regular expressions, @files, subscripts
 * (group[0]).   Source: Ansible's inventory/manager.py. */

/* patterns: n of them, as if they were one with ',' between; 0: all nodes.
 * 0: *out is an array of *n_out hosts of inv in file order, each once; free(3).
 * -ENOENT: no node matches a part, or all of them; the part is named.
 * -EINVAL: no pattern.  -ENOMEM. */
int fp_pattern_select(const struct fp_inventory *inv,
		      const char *const *patterns, size_t n,
		      const struct fp_host ***out, size_t *n_out,
		      struct fp_err *e);

#endif
