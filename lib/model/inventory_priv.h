/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_INVENTORY_PRIV_H
#define FP_MODEL_INVENTORY_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "model/inventory.h"

/* Most of a file, so that its cost is bounded. */
#define FP_INVENTORY_HOSTS 10000
#define FP_INVENTORY_GROUPS 1000
#define FP_INVENTORY_BYTES (16 << 20)

/* Of the names of hosts and groups, with ".-", and of variables. */
#define FP_INV_NAME_CHARS                                                      \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

struct cJSON;

/* Strings point into the inventory's copy of the file, or its JSON. */
struct inv_var {
	const char *key, *value;
};

struct inv_vars {
	struct inv_var *v; /* the last of a key stands */
	size_t n;
};

/* Hosts or groups, in file order; each begins with its name. */
struct inv_list {
	void **v;
	size_t n;
	void *tree; /* tsearch(3) by name */
};

struct inv_group {
	const char *name;
	size_t line;     /* where it was seen first; 0: not known (JSON) */
	bool is_defined; /* by a section of its own */
	struct inv_list parents;
	struct inv_vars vars;
	unsigned int depth; /* of all: 1; by the longest way; 0: not known */
	bool is_open;       /* its depth is being found: a loop leads here */
	size_t mark;        /* of the host that saw it last */
};

struct inv_host {
	const char *name;
	size_t index;
	struct inv_vars vars;
	struct inv_list groups; /* in the end all, the strongest last */
};

struct fp_inventory {
	char *text;         /* of INI */
	struct cJSON *json; /* or this */
	struct fp_host *pub;
	struct inv_list hosts, groups;
	struct inv_group *all, *ungrouped;
};

/* The host or group of this name, made when it is new.  NULL: no memory, or too
 * many. */
struct inv_host *fp_inv_host(struct fp_inventory *inv, const char *name);
struct inv_group *fp_inv_group(struct fp_inventory *inv, const char *name,
			       size_t line);
/* false: no memory. */
bool fp_inv_push(struct inv_list *list, void *item);
bool fp_inv_var_set(struct inv_vars *vars, const char *key, const char *value);
const char *fp_inv_var_get(const struct inv_vars *vars, const char *key);
void fp_inv_vars_fini(struct inv_vars *vars);

/* The length of a host's or group's name at s; 0: none begins here. */
size_t fp_inv_name_len(const char *s);

/* Do our tools read this variable?  The others are kept for Ansible's sake. */
bool fp_inv_var_is_ours(const char *key);
/* Check that a variable may be set to value.  false: *why says why not. */
bool fp_inv_var_check(const char *key, const char *value, const char **why);
/* Is value, as an INI file has it, to Ansible text without these quotes, or no
 * text at all (ast.literal_eval of Python)? */
bool fp_inv_is_quoted(const char *value);
bool fp_inv_is_literal(const char *value);

/* Fill inv from text: lines, or what `ansible-inventory --list` prints. */
int fp_inv_parse(struct fp_inventory *inv, const char *file, const char *text,
		 size_t len, struct fp_err *e);
int fp_inv_parse_json(struct fp_inventory *inv, const char *file,
		      const char *text, size_t len, struct fp_err *e);
void fp_inv_json_fini(struct fp_inventory *inv);

#endif
