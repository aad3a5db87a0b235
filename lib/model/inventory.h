/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_INVENTORY_H
#define FP_MODEL_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"

/* The cluster file: a strict subset of Ansible's INI inventory (groups,
 * :children, :vars, key=value, quotes, '#' and ';' comments), so that one file
 * serves both toolchains; or what `ansible-inventory --list` prints of any
 * inventory.  What is taken means what it means to Ansible; anything else is an
 * error that names the word and, of INI, file:line.
 * Variables resolve as Ansible does: all < parent group < child group < host,
 * groups of one depth in the order of their names.  Values are text.
 * Nodes are named: two may have the same address. */

struct fp_inventory;

struct fp_host {
	const char *name;
	const char *address;   /* ansible_host, or the name */
	struct fp_prefix addr; /* of address; len 0 when it is a host name */
	const struct fp_inventory *inv;
	size_t index;
};

/* Parse text.  file: for messages.  0: free with fp_inventory_free.
 * -EINVAL: "cluster.ini:7: word: ...". */
int fp_inventory_parse(struct fp_inventory **out, const char *file,
		       const char *text, size_t len, struct fp_err *e);
/* The same of JSON: `ansible-inventory --list [--export]`.  Numbers, true and
 * false become their text; a list, an object or null is left out when the
 * variable is none of ours.
 * -EINVAL: "cluster.json:7: near byte 3: not JSON",
 * "cluster.json: "sip1": ...". */
int fp_inventory_parse_json(struct fp_inventory **out, const char *file,
			    const char *text, size_t len, struct fp_err *e);
/* Read a file, or stdin for "-": JSON when its name ends in .json, when stdin
 * begins with '{'.  -ENOENT when it is not there.  -EFBIG: above 16 MiB. */
int fp_inventory_read(struct fp_inventory **out, const char *file,
		      struct fp_err *e);
void fp_inventory_free(struct fp_inventory *inv);

/* In file order. */
size_t fp_inventory_hosts(const struct fp_inventory *inv,
			  const struct fp_host **v);
bool fp_inventory_in_group(const struct fp_host *h, const char *group);
/* The value of a variable for a host, or NULL. */
const char *fp_inventory_var(const struct fp_host *h, const char *key);

/* Every address a node speaks from or listens on: of ansible_host (or the name,
 * when it is one) and in fp_sip, fp_mi, fp_mi_list, fp_esl, fp_ng and fp_rtp.
 * Host names there are none.  Calls each, for an address as often as it stands
 * there; stops at non-zero and returns it. */
int fp_inventory_addresses(const struct fp_host *h,
			   int (*each)(void *ctx, const struct fp_host *h,
				       const struct fp_prefix *p),
			   void *ctx);

#endif
