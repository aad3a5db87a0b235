/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "model/inventory_priv.h"
#include "model/list_word.h"
#include "model/pattern.h"

#define PART_MAX 256

struct selection {
	const struct fp_inventory *inv;
	const struct fp_host *hosts;
	size_t n_hosts;
	bool *is_in;
	bool has_union; /* there was a plain part */
	struct fp_err *e;
};

static int bad(const struct selection *s, int code, const char *part,
	       const char *why)
{
	char text[FP_WORD_SIZE];

	return fp_err(s->e, code, "\"%s\": %s",
		      fp_word(text, part, strlen(part)), why);
}

/* group[0], group[-1], group[1-3]: hosts by number.  Digits in brackets at the
 * end are that to Ansible, in a glob too. */
static bool has_subscript(const char *name)
{
	const char *at = strrchr(name, '[');
	size_t n;

	if (!at || at == name)
		return false;
	at += at[1] == '-' ? 2 : 1;
	n = strspn(at, "0123456789");
	at += n;
	if (n && *at == '-')
		at += 1 + strspn(at + 1, "0123456789");
	return n && !strcmp(at, "]");
}

/* Every [ has its ], with something between them that is neither: what is left
 * over Ansible understands in ways of its own. */
static bool is_balanced(const char *names)
{
	for (;;) {
		size_t n;

		names += strcspn(names, "[]");
		if (*names != '[')
			return !*names;
		names += names[1] == '!' ? 2 : 1;
		n = strcspn(names, "[]");
		if (!n || names[n] != ']')
			return false;
		names += n + 1;
	}
}

/* names is a name or a glob: fnmatch is Python's but for backslashes, which are
 * not taken. */
static bool is_match(const char *names, const char *name)
{
	return !fnmatch(names, name, 0);
}

static bool is_in_groups(const struct selection *s, size_t host,
			 const char *names)
{
	const struct inv_host *h = s->inv->hosts.v[host];

	for (size_t i = 0; i < h->groups.n; i++) {
		const struct inv_group *g = h->groups.v[i];

		if (is_match(names, g->name))
			return true;
	}
	return false;
}

/* One part, its kind being 0, '&' or '!'. */
static int apply(struct selection *s, char kind, const char *part,
		 const char *names)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_hosts; i++) {
		bool is = is_match(names, s->hosts[i].name) ||
			  is_in_groups(s, i, names);

		n += is;
		if (kind == '!')
			s->is_in[i] &= !is;
		else if (kind == '&')
			s->is_in[i] &= is;
		else
			s->is_in[i] |= is;
	}
	s->has_union |= !kind;
	return n ? 0 : bad(s, -ENOENT, part, "matches no node");
}

/* A part of n bytes, when it is of this kind. */
static int part(struct selection *s, char kind, const char *at, size_t n)
{
	char text[PART_MAX];
	const char *names = text;
	size_t len;

	while (n && (*at == ' ' || *at == '\t')) {
		at++;
		n--;
	}
	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	len = n < sizeof(text) ? n : sizeof(text) - 1;
	memcpy(text, at, len);
	text[len] = 0;
	names += *text == '!' || *text == '&';
	if (n != len || !*names || *names == '!' ||
	    strspn(names, FP_INV_NAME_CHARS ".-*?[]!") < strlen(names) ||
	    !is_balanced(names))
		return bad(s, -EINVAL, text,
			   "not a node, a group, a glob of them, or one with "
			   "'!' or '&' before it");
	if (has_subscript(names))
		return bad(s, -EINVAL, text, "subscripts are not taken");
	if ((names > text ? *text : 0) != kind)
		return 0;
	return apply(s, kind, text, names);
}

static int parts(struct selection *s, char kind, const char *const *patterns,
		 size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		const char *at = patterns[i];

		for (;; at++) {
			size_t len = strcspn(at, ",:");

			r = part(s, kind, at, len);
			at += len;
			if (r || !*at)
				break;
		}
	}
	return r;
}

static int select_all(struct selection *s, const char *const *patterns,
		      size_t n)
{
	int r = parts(s, 0, patterns, n);

	if (!s->has_union)
		memset(s->is_in, true, s->n_hosts);
	if (!r)
		r = parts(s, '&', patterns, n);
	if (!r)
		r = parts(s, '!', patterns, n);
	if (r || !n || memchr(s->is_in, true, s->n_hosts))
		return r;
	return bad(s, -ENOENT, patterns[n - 1],
		   n > 1 ? "no node is left by this and the patterns before it"
			 : "no node is left by it");
}

int fp_pattern_select(const struct fp_inventory *inv,
		      const char *const *patterns, size_t n,
		      const struct fp_host ***out, size_t *n_out,
		      struct fp_err *e)
{
	struct selection s = { .inv = inv, .e = e };
	const struct fp_host **v;
	size_t n_v = 0;
	int r;

	s.n_hosts = fp_inventory_hosts(inv, &s.hosts);
	s.is_in = calloc(s.n_hosts + 1, sizeof(*s.is_in));
	v = calloc(s.n_hosts + 1, sizeof(*v));
	r = s.is_in && v ? select_all(&s, patterns, n)
			 : fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; !r && i < s.n_hosts; i++)
		if (s.is_in[i])
			v[n_v++] = &s.hosts[i];
	free(s.is_in);
	if (r) {
		free(v);
		return r;
	}
	*out = v;
	*n_out = n_v;
	return 0;
}
