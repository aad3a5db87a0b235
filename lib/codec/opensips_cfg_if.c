/* SPDX-License-Identifier: Apache-2.0 */
/* The condition of an "if": does an ACK pass it? */
#include <string.h>
#include <strings.h>

#include "codec/opensips_cfg_priv.h"

bool cfg_has_ack(const char *methods)
{
	for (size_t n; *methods; methods += n) {
		methods += strspn(methods, "|, ");
		n = strcspn(methods, "|, ");
		if (n == 3 && !strncasecmp(methods, "ACK", 3))
			return true;
	}
	return false;
}

static struct cfg_group *group_of(struct cfg_if *c)
{
	return &c->open[c->depth < CFG_GROUPS ? c->depth : CFG_GROUPS - 1];
}

void cfg_if_open(struct cfg_if *c)
{
	group_of(c)->is_denied = c->is_denied;
	group_of(c)->was_ack = c->is_ack;
	c->depth++;
	c->is_denied = c->is_compared = false;
}

static void close_group(struct cfg_if *c, const struct cfg_token *next)
{
	c->depth--;
	c->was_ack = group_of(c)->was_ack;
	if (group_of(c)->is_denied)
		c->is_ack = c->was_ack;
	c->is_denied = false;
	c->is_compared = cfg_is_sign(next, '=') || cfg_is_sign(next, '!');
}

/* "(...) == false", "(...) != true": what was in the parentheses is denied. */
static void word(struct cfg_if *c, const struct cfg_token *t)
{
	bool is_false = cfg_is_word(t, "false") || cfg_is_word(t, "0");
	bool is_true = cfg_is_word(t, "true") || cfg_is_word(t, "1");

	if (c->is_compared && (c->is_denied ? is_true : is_false))
		c->is_ack = c->was_ack;
	c->is_compared = false;
	c->is_denied |= cfg_is_word(t, "not");
}

bool cfg_if_take(struct cfg_if *c, struct cfg_scan *s)
{
	const struct cfg_token *t = &s->now;

	if (t->kind == CFG_STRING)
		c->is_ack |= !c->is_denied && cfg_has_ack(t->text);
	else if (t->kind == CFG_WORD)
		word(c, t);
	else if (cfg_is_sign(t, '('))
		cfg_if_open(c);
	else if (cfg_is_sign(t, ')') && c->depth > 1)
		close_group(c, cfg_peek(s));
	else if (cfg_is_sign(t, '!'))
		c->is_denied = true;
	else if (cfg_is_sign(t, '&') || cfg_is_sign(t, '|'))
		c->is_denied = c->is_compared = false;
	else
		return !cfg_is_sign(t, ')') && !cfg_is_sign(t, '{') &&
		       !cfg_is_sign(t, '}');
	return true;
}
