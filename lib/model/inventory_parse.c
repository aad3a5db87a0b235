/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "model/inventory_priv.h"
#include "model/list_word.h"

/* The lines of the cluster file.  What Ansible makes of them is in its plugin
 * inventory/ini.py: hosts are split as a shell would (Python's shlex, comments
 * on), :vars lines at the first '=' with the rest of the line as the value, a
 * Python literal when it is one.  Where the two readings of a line could
 * differ, it is refused. */

enum section { HOSTS, VARS, CHILDREN };

struct parser {
	struct fp_inventory *inv;
	const char *file;
	size_t line;
	enum section section;
	struct inv_group *group;
	struct fp_err *e;
};

static int bad(const struct parser *p, const char *word, size_t n,
	       const char *why)
{
	char text[FP_WORD_SIZE];

	return fp_err(p->e, -EINVAL, "%s:%zu: \"%s\": %s", p->file, p->line,
		      fp_word(text, word, n), why);
}

static int no_memory(const struct parser *p)
{
	return fp_err(
		p->e, -ENOMEM,
		"%s:%zu: out of memory, or more than %d hosts or %d groups",
		p->file, p->line, FP_INVENTORY_HOSTS, FP_INVENTORY_GROUPS);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static bool is_end(const char *s)
{
	return !*s || *s == '#';
}

size_t fp_inv_name_len(const char *s)
{
	return *s == '-' || *s == '.' ? 0 : strspn(s, FP_INV_NAME_CHARS ".-");
}

/* Cut s off after n bytes and return what comes after the blanks that follow;
 * NULL: there is no blank, comment or end. */
static char *cut(char *s, size_t n)
{
	char *rest = skip_blanks(s + n);

	if (rest == s + n && *rest)
		return NULL;
	s[n] = 0;
	return rest;
}

/* ---- [section] */

static int section_kind(struct parser *p, const char *kind)
{
	if (!strcmp(kind, "vars"))
		p->section = VARS;
	else if (!strcmp(kind, "children"))
		p->section = CHILDREN;
	else
		return bad(p, kind, strlen(kind),
			   "a section is [group], [group:children] or "
			   "[group:vars]");
	return 0;
}

static int section(struct parser *p, char *s)
{
	char *name = s + 1, *end = strchr(s, ']'), *kind;
	size_t n = fp_inv_name_len(name);
	int r = 0;

	if (!end || !is_end(skip_blanks(end + 1)) || !n ||
	    (name + n != end && name[n] != ':'))
		return bad(p, s, strlen(s),
			   "not a section: [group], "
			   "[group:children] or [group:vars]");
	*end = 0;
	kind = name + n;
	p->section = HOSTS;
	if (*kind == ':') {
		*kind = 0;
		r = section_kind(p, kind + 1);
	}
	if (r)
		return r;
	p->group = fp_inv_group(p->inv, name, p->line);
	if (!p->group)
		return no_memory(p);
	if (p->section == CHILDREN && p->group == p->inv->ungrouped)
		return bad(p, name, n, "this group has no children");
	p->group->is_defined |= p->section != VARS;
	return 0;
}

/* ---- key=value */

/* The key at s: *value is what stands after its '='. */
static int key_parse(struct parser *p, char *s, char **value)
{
	size_t n = strspn(s, FP_INV_NAME_CHARS);
	char *eq = skip_blanks(s + n);

	if (p->section == HOSTS)
		eq = s + n;
	if (!n || *eq != '=')
		return bad(p, s, strcspn(s, " \t="), "not key=value");
	s[n] = 0;
	*value = eq + 1;
	return 0;
}

/* A value in quotes at s, which is made to end where it does; *rest is what
 * follows the closing quote. */
static int unquote(struct parser *p, const char *key, char *s, char **rest)
{
	char *end = strchr(s + 1, *s);

	if (!end)
		return bad(p, key, strlen(key), "the quote does not end");
	*end = 0;
	if (strchr(s + 1, '\\'))
		return bad(p, key, strlen(key), "a backslash in quotes");
	*rest = end + 1;
	return 0;
}

static int set(struct parser *p, struct inv_vars *vars, const char *key,
	       const char *value)
{
	const char *why;

	if (!fp_inv_var_check(key, value, &why))
		return bad(p, key, strlen(key), why);
	why = "a value that begins with a quote";
	if (fp_inv_is_quoted(value)) /* Ansible unquotes it again */
		return bad(p, key, strlen(key), why);
	why = "templates and Python literals are not taken here";
	if (fp_inv_var_is_ours(key) && fp_inv_is_literal(value))
		return bad(p, key, strlen(key), why);
	return fp_inv_var_set(vars, key, value) ? 0 : no_memory(p);
}

/* One key=value of a host's line; *at moves on behind it. */
static int host_var(struct parser *p, struct inv_vars *line_vars, char **at)
{
	char *key = *at, *value, *rest;
	int r = key_parse(p, key, &value);

	if (r)
		return r;
	if (*value == '"' || *value == '\'') {
		r = unquote(p, key, value++, &rest);
		if (r)
			return r;
		*at = skip_blanks(rest);
		if (*at == rest && *rest)
			return bad(p, key, strlen(key), "text after the quote");
	} else {
		*at = cut(value, strcspn(value, " \t\"'\\#"));
		if (!*at)
			return bad(p, key, strlen(key),
				   "a value with quotes, "
				   "'\\' or '#' inside goes in quotes");
	}
	if (fp_inv_var_get(line_vars, key))
		return bad(p, key, strlen(key), "given twice");
	return set(p, line_vars, key, value);
}

static int host_vars(struct parser *p, struct inv_host *h, char *s)
{
	struct inv_vars line_vars = { 0 };
	int r = 0;

	while (!r && !is_end(s))
		r = host_var(p, &line_vars, &s);
	for (size_t i = 0; !r && i < line_vars.n; i++)
		if (!fp_inv_var_set(&h->vars, line_vars.v[i].key,
				    line_vars.v[i].value))
			r = no_memory(p);
	fp_inv_vars_fini(&line_vars);
	return r;
}

static int host(struct parser *p, char *s)
{
	size_t n = fp_inv_name_len(s);
	char *rest = n ? cut(s, n) : NULL;
	struct inv_host *h;

	if (!rest && s[n] == '[')
		return bad(p, s, strcspn(s, " \t"),
			   "host ranges are not taken: name each host");
	if (!rest && !strncmp(s, "$ANSIBLE_VAULT", 14))
		return bad(p, s, strlen(s), "an encrypted file");
	if (!rest)
		return bad(p, s, strcspn(s, " \t"),
			   s[n] == ':' && n ? "a port goes in ansible_port="
					    : "not a host name");
	if (!strcmp(s, p->inv->all->name) ||
	    !strcmp(s, p->inv->ungrouped->name))
		return bad(p, s, n, "the name of a group");
	h = fp_inv_host(p->inv, s);
	if (!h || !fp_inv_push(&h->groups, p->group))
		return no_memory(p);
	return host_vars(p, h, rest);
}

/* A line of [group:vars]: its value is the rest of the line. */
static int group_var(struct parser *p, char *s)
{
	char *value, *rest;
	int r = key_parse(p, s, &value);

	if (r)
		return r;
	value = skip_blanks(value);
	if (*value == '"' || *value == '\'') {
		r = unquote(p, s, value++, &rest);
		if (!r && *rest)
			r = bad(p, s, strlen(s),
				"text after the quote; "
				"comments stand on lines of "
				"their own here");
	} else if (strchr(value, '#')) {
		r = bad(p, s, strlen(s),
			"a value with '#' goes in quotes; "
			"comments stand on lines of their own "
			"here");
	}
	return r ? r : set(p, &p->group->vars, s, value);
}

static int child(struct parser *p, char *s)
{
	size_t n = fp_inv_name_len(s);
	struct inv_group *g;

	if (!n || s[n] == '#' || !is_end(skip_blanks(s + n)))
		return bad(p, s, strlen(s), "not the name of a group");
	s[n] = 0;
	g = fp_inv_group(p->inv, s, p->line);
	if (!g)
		return no_memory(p);
	if (g == p->inv->all || g == p->inv->ungrouped || g == p->group)
		return bad(p, s, n, "cannot be a child of this group");
	return fp_inv_push(&g->parents, p->group) ? 0 : no_memory(p);
}

/* ---- lines */

/* Does Python take the character of len bytes at s for a space (str.strip), or
 * for the end of a line (str.splitlines)? */
static bool is_space(const char *s, size_t len, bool is_comment)
{
	static const char *const spaces[] = {
		"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
		"\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
		"\u200a", "\u202f", "\u205f", "\u3000", "\u2028", "\u2029",
	};
	size_t n = sizeof(spaces) / sizeof(*spaces);

	for (size_t i = is_comment ? n - 2 : 0; i < n; i++)
		if (strlen(spaces[i]) == len && !memcmp(s, spaces[i], len))
			return true;
	return false;
}

static int check_text(struct parser *p, const char *s, size_t n)
{
	bool is_comment = *s == '#' || *s == ';';

	for (size_t i = 0, len; i < n; i += len) {
		len = s[i] == '\t' ? 1 : fp_char_len(s + i, n - i);
		if (!len)
			return bad(p, s, n,
				   "a control character, or not UTF-8");
		if (is_space(s + i, len, is_comment))
			return bad(p, s, n, "a space that is not ASCII");
	}
	return 0;
}

static int line(struct parser *p, char *s, size_t n)
{
	int r;

	while (n && (is_blank(s[n - 1]) || s[n - 1] == '\r'))
		n--;
	while (n && is_blank(*s)) {
		s++;
		n--;
	}
	/* Comments too: Ansible ends lines at a lone '\r' and more. */
	r = n ? check_text(p, s, n) : 0;
	if (r || !n || *s == '#' || *s == ';')
		return r;
	s[n] = 0;
	if (*s == '[')
		return section(p, s);
	if (p->section == HOSTS)
		return host(p, s);
	return p->section == VARS ? group_var(p, s) : child(p, s);
}

int fp_inv_parse(struct fp_inventory *inv, const char *file, const char *text,
		 size_t len, struct fp_err *e)
{
	struct parser p = { inv, file, 0, HOSTS, inv->ungrouped, e };
	char *at = inv->text = malloc(len + 1), *end;
	int r = 0;

	if (!at)
		return no_memory(&p);
	end = at + len;
	memcpy(at, text, len);
	if (len >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
		return fp_err(e, -EINVAL,
			      "%s:1: begins with a byte order mark, "
			      "which Ansible does not take",
			      file);
	while (!r && at < end) {
		char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((nl ? nl : end) - at);

		p.line++;
		r = line(&p, at, n);
		at += n + 1;
	}
	return r;
}
