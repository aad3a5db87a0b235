/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "codec/opensips_cfg_priv.h"

/* Source: OpenSIPS 3.6 cfg.lex. */

void cfg_scan_init(struct cfg_scan *s, const char *text, size_t n)
{
	memset(s, 0, sizeof(*s));
	s->at = text;
	s->end = text + n;
	s->line = 1;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

/* The byte that is n further, or 0. */
static char ahead(const struct cfg_scan *s, size_t n)
{
	return (size_t)(s->end - s->at) > n ? s->at[n] : 0;
}

static void step(struct cfg_scan *s)
{
	s->line += *s->at == '\n';
	s->at++;
}

static void line_end(struct cfg_scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

/* They nest. */
static void comment(struct cfg_scan *s)
{
	size_t depth = 0;

	while (s->at < s->end) {
		bool is_open = ahead(s, 0) == '/' && ahead(s, 1) == '*';
		bool is_close = ahead(s, 0) == '*' && ahead(s, 1) == '/';

		if (is_open || is_close)
			step(s);
		step(s);
		depth += is_open;
		if (is_close && !--depth)
			return;
	}
}

/* "//" is none of OpenSIPS', which does not take it anywhere outside of strings
 * and variables: who writes it means a comment. */
static void skip(struct cfg_scan *s)
{
	while (s->at < s->end) {
		if (*s->at == '#' || (*s->at == '/' && ahead(s, 1) == '/'))
			line_end(s);
		else if (*s->at == '/' && ahead(s, 1) == '*')
			comment(s);
		else if (strchr(" \t\r\n\b", *s->at))
			step(s);
		else
			return;
	}
}

static void put(struct cfg_token *t, size_t *n, char c)
{
	if (*n < sizeof(t->text) - 1)
		t->text[(*n)++] = c;
}

/* "a\"b", 'a\b': only the first kind has escapes.  Those of bytes by number stay as
 * they stand: no name here has one. */
static void string(struct cfg_scan *s, struct cfg_token *t)
{
	char quote = *s->at;
	size_t n = 0;

	t->kind = CFG_STRING;
	step(s);
	while (s->at < s->end && *s->at != quote) {
		if (quote == '"' && *s->at == '\\' && ahead(s, 1)) {
			step(s);
			if (!strchr("\"\\\n", *s->at))
				put(t, &n, '\\');
			if (*s->at == '\n') {
				step(s);
				continue;
			}
		}
		put(t, &n, *s->at);
		step(s);
	}
	if (s->at < s->end)
		step(s);
}

static void word(struct cfg_scan *s, struct cfg_token *t)
{
	size_t n = 0;

	while (s->at < s->end && is_letter(*s->at)) {
		put(t, &n, *s->at);
		step(s);
	}
}

/* A variable in parentheses goes to where they close, whatever is between. */
static void variable(struct cfg_scan *s, struct cfg_token *t)
{
	size_t depth = 0;

	t->kind = CFG_VAR;
	step(s);
	if (ahead(s, 0) == '(') {
		depth++;
		step(s);
	}
	word(s, t);
	if (!depth && ahead(s, 0) != '(')
		return;
	while (s->at < s->end) {
		if (*s->at == '(')
			depth++;
		else if (*s->at == ')')
			depth--;
		step(s);
		if (!depth)
			return;
	}
}

static void read_one(struct cfg_scan *s, struct cfg_token *t)
{
	memset(t, 0, sizeof(*t));
	skip(s);
	t->line = s->line;
	if (s->at == s->end)
		return;
	if (*s->at == '"' || *s->at == '\'') {
		string(s, t);
	} else if (*s->at == '$') {
		variable(s, t);
	} else if (is_letter(*s->at)) {
		t->kind = CFG_WORD;
		word(s, t);
	} else {
		t->kind = CFG_SIGN;
		t->text[0] = *s->at;
		step(s);
	}
}

bool cfg_next(struct cfg_scan *s)
{
	if (s->has_peek)
		s->now = s->peek;
	else
		read_one(s, &s->now);
	s->has_peek = false;
	return s->now.kind != CFG_END;
}

const struct cfg_token *cfg_peek(struct cfg_scan *s)
{
	if (!s->has_peek)
		read_one(s, &s->peek);
	s->has_peek = true;
	return &s->peek;
}

bool cfg_is_sign(const struct cfg_token *t, char c)
{
	return t->kind == CFG_SIGN && *t->text == c;
}

bool cfg_is_word(const struct cfg_token *t, const char *word)
{
	return t->kind == CFG_WORD && !strcmp(t->text, word);
}
