/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "model/inventory_priv.h"
#include "model/list_word.h"

/* What `ansible-inventory --list` prints: an object a group (hosts, children,
 * and vars when it was asked to --export) and the variables of hosts under
 * _meta.  Without --export the variables of groups are merged into those of
 * hosts, which win in either case.  Source: Ansible's cli/inventory.py,
 * json_inventory. */

struct parser {
	struct fp_inventory *inv;
	const char *file;
	struct fp_err *e;
};

/* owner: the group or host that word is about, or NULL. */
static int bad(const struct parser *p, const char *owner, const char *word,
	       const char *why)
{
	char o[FP_WORD_SIZE], w[FP_WORD_SIZE];

	fp_word(w, word, strlen(word));
	if (!owner)
		return fp_err(p->e, -EINVAL, "%s: \"%s\": %s", p->file, w, why);
	return fp_err(p->e, -EINVAL, "%s: \"%s\": \"%s\": %s", p->file,
		      fp_word(o, owner, strlen(owner)), w, why);
}

static int no_memory(const struct parser *p)
{
	return fp_err(p->e, -ENOMEM,
		      "%s: out of memory, or more than %d hosts or %d groups",
		      p->file, FP_INVENTORY_HOSTS, FP_INVENTORY_GROUPS);
}

static bool is_name(const char *s)
{
	return *s && fp_inv_name_len(s) == strlen(s);
}

/* ---- variables */

/* The shortest text that is this number; false: it may have lost digits. */
static bool print_number(char *to, size_t size, double d)
{
	if (!isfinite(d) || fabs(d) >= 9007199254740992.0) /* 2^53 */
		return false;
	if (d == (double)(long long)d) {
		snprintf(to, size, "%lld", (long long)d);
		return true;
	}
	snprintf(to, size, "%.15g", d);
	if (strtod(to, NULL) != d)
		snprintf(to, size, "%.17g", d);
	return true;
}

/* Make v a string, in place, which v owns.  1; 0: it has no text; -ENOMEM. */
static int make_text(cJSON *v)
{
	char text[40];

	if (cJSON_IsString(v))
		return 1;
	if (cJSON_IsBool(v))
		strcpy(text, cJSON_IsTrue(v) ? "true" : "false");
	else if (!cJSON_IsNumber(v) ||
		 !print_number(text, sizeof(text), v->valuedouble))
		return 0;
	v->valuestring = cJSON_malloc(strlen(text) + 1);
	if (!v->valuestring)
		return -ENOMEM;
	strcpy(v->valuestring, text);
	v->type = cJSON_String | (v->type & ~0xff); /* keep its flags */
	return 1;
}

/* Ansible marks text from elsewhere: {"__ansible_unsafe": "text"}.  Source:
 * parsing/ajson.py. */
static cJSON *unmarked(cJSON *v)
{
	cJSON *in = cJSON_IsObject(v) ? v->child : NULL;

	return in && !in->next && !strcmp(in->string, "__ansible_unsafe") ? in
									  : v;
}

static bool is_text(const char *s)
{
	size_t n = strlen(s), len;

	for (; n; s += len, n -= len) {
		len = *s == '\t' ? 1 : fp_char_len(s, n);
		if (!len)
			return false;
	}
	return true;
}

/* What has no text (lists, objects, null) is left out when it is not ours. */
static int set_var(const struct parser *p, const char *owner,
		   struct inv_vars *to, cJSON *v)
{
	const char *key = v->string, *why = "not text, a number, true or false";
	bool is_ours = fp_inv_var_is_ours(key);
	int r;

	v = unmarked(v);
	r = make_text(v);
	if (r < 0)
		return no_memory(p);
	if (!r)
		return is_ours ? bad(p, owner, key, why) : 0;
	if (is_ours && !is_text(v->valuestring))
		return bad(p, owner, key, "a control character, or not UTF-8");
	if (!fp_inv_var_check(key, v->valuestring, &why))
		return bad(p, owner, key, why);
	return fp_inv_var_set(to, key, v->valuestring) ? 0 : no_memory(p);
}

static int set_vars(const struct parser *p, const char *owner,
		    struct inv_vars *to, const cJSON *vars)
{
	cJSON *v;

	if (!cJSON_IsObject(vars))
		return bad(p, owner, "vars", "not an object");
	cJSON_ArrayForEach(v, vars)
	{
		int r = set_var(p, owner, to, v);

		if (r)
			return r;
	}
	return 0;
}

static int set_hostvars(const struct parser *p, const cJSON *meta)
{
	const cJSON *hostvars =
		cJSON_GetObjectItemCaseSensitive(meta, "hostvars");
	const cJSON *vars;
	int r = 0;

	if (!cJSON_IsObject(hostvars))
		return bad(p, "_meta", "hostvars", "not an object");
	cJSON_ArrayForEach(vars, hostvars)
	{
		struct inv_host *h;

		if (!is_name(vars->string))
			return bad(p, NULL, vars->string, "not a host name");
		h = fp_inv_host(p->inv, vars->string);
		if (!h)
			return no_memory(p);
		if (h->vars.n)
			return bad(p, NULL, vars->string, "given twice");
		r = set_vars(p, vars->string, &h->vars, vars);
		if (r)
			break;
	}
	return r;
}

/* ---- groups */

static int add_host(const struct parser *p, struct inv_group *g,
		    const char *name)
{
	struct inv_host *h;

	if (!is_name(name))
		return bad(p, g->name, name, "not a host name");
	h = fp_inv_host(p->inv, name);
	return h && fp_inv_push(&h->groups, g) ? 0 : no_memory(p);
}

/* Groups without hosts have no object of their own. */
static int add_child(const struct parser *p, struct inv_group *g,
		     const char *name)
{
	struct inv_group *child;

	if (!is_name(name))
		return bad(p, g->name, name, "not the name of a group");
	child = fp_inv_group(p->inv, name, 0);
	if (!child)
		return no_memory(p);
	child->is_defined = true;
	if (g == p->inv->all && child == p->inv->ungrouped)
		return 0; /* as ever */
	if (child == p->inv->all || child == p->inv->ungrouped || child == g ||
	    g == p->inv->ungrouped)
		return bad(p, g->name, name, "cannot be a child of this group");
	return fp_inv_push(&child->parents, g) ? 0 : no_memory(p);
}

static int add_each(const struct parser *p, struct inv_group *g,
		    const cJSON *names,
		    int (*add)(const struct parser *p, struct inv_group *g,
			       const char *name))
{
	const cJSON *name;

	if (!cJSON_IsArray(names))
		return bad(p, g->name, names->string, "not an array");
	cJSON_ArrayForEach(name, names)
	{
		int r = cJSON_IsString(name) ? add(p, g, name->valuestring)
					     : bad(p, g->name, names->string,
						   "not an array of names");
		if (r)
			return r;
	}
	return 0;
}

static int set_group(const struct parser *p, const cJSON *object)
{
	struct inv_group *g;
	const cJSON *part;
	int r = 0;

	if (!is_name(object->string))
		return bad(p, NULL, object->string, "not the name of a group");
	if (!cJSON_IsObject(object))
		return bad(p, NULL, object->string, "not an object");
	g = fp_inv_group(p->inv, object->string, 0);
	if (!g)
		return no_memory(p);
	g->is_defined = true;
	cJSON_ArrayForEach(part, object)
	{
		if (!strcmp(part->string, "hosts"))
			r = add_each(p, g, part, add_host);
		else if (!strcmp(part->string, "children"))
			r = add_each(p, g, part, add_child);
		else if (!strcmp(part->string, "vars"))
			r = set_vars(p, g->name, &g->vars, part);
		else
			r = bad(p, g->name, part->string,
				"not hosts, children or vars");
		if (r)
			break;
	}
	return r;
}

/* ---- the text */

static int bad_at(const struct parser *p, const char *text, const char *at,
		  const char *why)
{
	size_t line = 1, byte = 1;

	for (; text < at; text++) {
		byte = *text == '\n' ? 1 : byte + 1;
		line += *text == '\n';
	}
	return fp_err(p->e, -EINVAL, "%s:%zu: near byte %zu: %s", p->file, line,
		      byte, why);
}

/* cJSON bounds depth (CJSON_NESTING_LIMIT), takes NUL for a space and ends
 * strings at it. */
static int read_json(const struct parser *p, const char *text, size_t len)
{
	const char *end = memchr(text, 0, len);

	if (!end)
		end = memmem(text, len, "\\u0000", 6);
	if (end)
		return bad_at(p, text, end, "a NUL");
	p->inv->json = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (!p->inv->json)
		return bad_at(p, text, end ? end : text, "not JSON");
	while (end < text + len && strchr(" \t\r\n", *end)) /* no NULs here */
		end++;
	if (end < text + len)
		return bad_at(p, text, end, "text after the JSON");
	if (!cJSON_IsObject(p->inv->json))
		return bad_at(p, text, text, "not an object of groups");
	return 0;
}

/* Hosts stand in the order in which groups name them. */
int fp_inv_parse_json(struct fp_inventory *inv, const char *file,
		      const char *text, size_t len, struct fp_err *e)
{
	struct parser p = { inv, file, e };
	const cJSON *object, *meta = NULL;
	int r = read_json(&p, text, len);

	if (r)
		return r;
	cJSON_ArrayForEach(object, inv->json)
	{
		if (!strcmp(object->string, "_meta"))
			meta = object;
		else
			r = set_group(&p, object);
		if (r)
			return r;
	}
	return meta ? set_hostvars(&p, meta) : 0;
}

void fp_inv_json_fini(struct fp_inventory *inv)
{
	cJSON_Delete(inv->json);
}
