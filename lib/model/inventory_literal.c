/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/inventory_priv.h"

/* What Ansible makes of a value in an INI file: text that is a literal of Python
 * becomes what it stands for, so that 0x10 is 16, 1,2 a list and b'x' the text x.
 * Source: Ansible's plugins/inventory/ini.py, _parse_value. */

#define DIGITS "0123456789_"

/* The length of the unsigned number at s, 0 when there is none. */
static size_t number_len(const char *s)
{
	size_t n = strspn(s, DIGITS), tail;
	bool has_digit;

	if (n == 1 && *s == '0' && s[1] && strchr("xXoObB", s[1])) {
		tail = strspn(s + 2, DIGITS "abcdefABCDEF");
		return tail ? 2 + tail : 0;
	}
	if (*s == '0' && strspn(s, "0_") < n &&
	    (!s[n] || !strchr(".eEjJ", s[n])))
		return 0; /* 007 */
	has_digit = n && *s != '_';
	if (s[n] == '.') {
		tail = strspn(s + n + 1, DIGITS);
		has_digit |= tail && s[n + 1] != '_';
		n += 1 + tail;
	}
	if (!has_digit)
		return 0;
	if (s[n] == 'e' || s[n] == 'E') {
		tail = n + 1 + (s[n + 1] == '+' || s[n + 1] == '-');
		if (strspn(s + tail, DIGITS))
			n = tail + strspn(s + tail, DIGITS);
	}
	return n + (s[n] == 'j' || s[n] == 'J');
}

/* The length of the number or of True, False, None, ..., set() at s. */
static size_t scalar_len(const char *s)
{
	static const char *const words[] = { "True", "False", "None", "...",
					     "set()" };
	const char *at = s;
	size_t n;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return strlen(words[i]);
	if (*at == '+' || *at == '-')
		at += 1 + strspn(at + 1, " \t");
	n = number_len(at);
	return n ? n + (size_t)(at - s) : 0;
}

/* A number that Ansible would write as it stands here: at most 15 digits, which
 * any JSON keeps. */
static bool is_plain(const char *s)
{
	size_t n;

	s += *s == '-' && s[1] != '0';
	n = strspn(s, "0123456789");
	return n && !s[n] && n <= 15 && (*s != '0' || n == 1);
}

/* 'x', b'x', ('x'). */
bool fp_inv_is_quoted(const char *value)
{
	const char *s = value + strspn(value, " \t(");
	size_t prefix = strspn(s, "bBrRuUfF");

	if (prefix <= 2)
		s += prefix;
	return *s == '"' || *s == '\'';
}

/* The end of the number at s, a complex one (1+2j) too; NULL: another sign of
 * something follows it. */
static const char *scalar_end(const char *s)
{
	const char *end = s + scalar_len(s);
	size_t n;

	end += strspn(end, " \t");
	if (*end != '+' && *end != '-')
		return end;
	n = number_len(end + 1 + strspn(end + 1, " \t"));
	if (n)
		end += 1 + strspn(end + 1, " \t") + n;
	if (end[-1] != 'j' && end[-1] != 'J')
		return NULL;
	return end + strspn(end, " \t");
}

/* One with ',' in it is a list when all of its parts are literals: 408,5xx is
 * text.  Brackets and quotes in it are taken for such. */
bool fp_inv_is_literal(const char *value)
{
	const char *s = value + strspn(value, " \t");
	const char *end;

	if (is_plain(value))
		return false;
	for (bool is_first = true;; is_first = false, s = end + 1) {
		s += strspn(s, " \t");
		if (!is_first && (!*s || *s == '#' || fp_inv_is_quoted(s)))
			return true;
		if (*s == '[' || *s == '{' || *s == '(')
			return true;
		if (!scalar_len(s))
			return false;
		end = scalar_end(s);
		if (!end || *end != ',')
			return end && (!*end || *end == '#');
	}
}
