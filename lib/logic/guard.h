/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_GUARD_H
#define FP_LOGIC_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"
#include "model/list.h"

/* The rules that keep a list from cutting off the node, its operator or the
 * cluster.  Pure: the caller fills in what it learned from the kernel and the
 * cluster file. */

enum fp_guard_set {
	FP_GUARD_OWN,     /* this node's addresses; name: interface */
	FP_GUARD_GATEWAY, /* next hops of default routes; name: interface */
	FP_GUARD_SSH,     /* peers of established SSH connections */
	FP_GUARD_NODE,    /* addresses of cluster nodes; name: node */
	FP_GUARD_SETS,
};

struct fp_guard_addr {
	struct fp_prefix host;
	char name[64]; /* cut when longer */
};

/* Start with {0}.  Each set is sorted by address, then name; no pair twice. */
struct fp_guard {
	struct {
		struct fp_guard_addr *v;
		size_t n, cap;
	} set[FP_GUARD_SETS];
};

/* Add a host address (another prefix: its first address).  name may be "".
 * 0, also when the pair is there already.  -ENOMEM. */
int fp_guard_add(struct fp_guard *g, enum fp_guard_set set,
		 const struct fp_prefix *host, const char *name);
void fp_guard_fini(struct fp_guard *g);

/* Does --override name this rule?  NULL in place of it: nothing is lifted. */
typedef bool fp_guard_overridden(void *ctx, const char *rule);

/* May this prefix be an entry of a list of this kind?  Rules, in this order:
 *   wide     all kinds: shorter than /16 (IPv4) or /32 (IPv6)
 *   self     block, fence: holds an own address, or is loopback
 *   gateway  block, fence: holds a default gateway
 *   ssh      block, fence: holds the address of an SSH peer
 *   cluster  block: holds a cluster node's address
 *   fence    fence: is anything but the address of exactly one node
 * 0.  -EPERM: the first rule that refuses and is not lifted, named in e->rule;
 * e->text says which address, whose, in one line. */
int fp_guard_check(const struct fp_guard *g, const struct fp_prefix *p,
		   enum fp_kind kind, fp_guard_overridden *is_overridden,
		   void *ctx, struct fp_err *e);

/* May a list of old_n entries lose dropped_n of them in one go?  Lists of at
 * most 100 entries may lose any number.
 * 0.  -EPERM, rule max-change: more than max_percent of them would go. */
int fp_guard_max_change(size_t old_n, size_t dropped_n,
			unsigned int max_percent,
			fp_guard_overridden *is_overridden, void *ctx,
			struct fp_err *e);

#endif
