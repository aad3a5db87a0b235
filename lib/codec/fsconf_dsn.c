/* SPDX-License-Identifier: Apache-2.0 */
/* core-db-dsn: which database, and what of it we want to know.  It holds a password:
 * what is copied is wiped.
 * Source: FreeSWITCH 1.10.12 switch_core_sqldb.c (_switch_cache_db_get_db_handle_dsn),
 * mod_pgsql.c; libpq, "Connection Strings". */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/percent.h"
#include "codec/fsconf_priv.h"

/* Options that the server is given: "-c search_path=fs3", "-csearch_path=fs3" or
 * "--search_path=fs3"; a backslash before a blank. */
static void take_options(struct fp_fsconf *c, const char *s)
{
	static const char name[] = "search_path=";
	size_t n = 0;

	for (s = strstr(s, name); s; s = strstr(s, name)) {
		s += sizeof(name) - 1;
		for (n = 0; *s && *s != ' ' && n < sizeof(c->search_path) - 1;
		     s++)
			if (*s != '\\' || !s[1])
				c->search_path[n++] = *s;
			else
				c->search_path[n++] = *++s;
		c->search_path[n] = 0;
	}
}

static void take_word(struct fp_fsconf *c, const char *name, const char *value)
{
	if (!strcmp(name, "options"))
		take_options(c, value);
	else if (!strcmp(name, "application_name"))
		fp_fsconf_copy(c->app, sizeof(c->app), value, strlen(value));
}

/* A value to its end, in place: 'it''s quoted' or plain, with \ before a character.
 * Returns where the rest begins. */
static char *unquote(char *s)
{
	char quote = *s == '\'' ? '\'' : 0, *o = s;

	for (s += quote != 0; *s; s++) {
		if (quote ? *s == quote : strchr(" \t\r\n", *s) != NULL)
			break;
		if (*s == '\\' && s[1])
			s++;
		*o++ = *s;
	}
	s += *s != 0;
	*o = 0;
	return s;
}

/* name=value name = 'value' ... */
static void take_words(struct fp_fsconf *c, char *s)
{
	while (*(s += strspn(s, " \t\r\n"))) {
		char *name = s, *end = s + strcspn(s, "= \t\r\n");
		char *value;

		s = end + strspn(end, " \t\r\n");
		if (*s != '=')
			return;
		s++;
		value = s += strspn(s, " \t\r\n");
		*end = 0;
		s = unquote(s);
		take_word(c, name, value);
	}
}

/* postgresql://user:password@host/db?name=value&name=value */
static void take_uri(struct fp_fsconf *c, char *s)
{
	char *rest = strchr(s, '?'), *word, *value;

	for (rest = rest ? rest + 1 : NULL; (word = strsep(&rest, "&"));) {
		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = 0;
		fp_percent_decode(value);
		take_word(c, word, value);
	}
}

void fp_fsconf_dsn(struct fp_fsconf *c, const char *dsn)
{
	static const char sqlite[] = "sqlite://";
	char *copy = strdup(dsn), *rest = strstr(dsn, "://");
	size_t n = rest ? (size_t)(rest - dsn) : 0;

	if (!*dsn || !copy)
		goto out;
	rest = copy + n + 3;
	if (!strncasecmp(dsn, sqlite, sizeof(sqlite) - 1)) {
		fp_fsconf_copy(c->core_db, sizeof(c->core_db), rest,
			       strlen(rest));
		goto out;
	}
	c->is_dsn = true;
	if (n == 5 && !strncasecmp(dsn, "pgsql", n)) {
		c->is_pgsql = true;
		take_words(c, rest);
	} else if ((n == 8 && !strncasecmp(dsn, "postgres", n)) ||
		   (n == 10 && !strncasecmp(dsn, "postgresql", n))) {
		c->is_pgsql = true;
		take_uri(c, rest);
	}
out:
	if (copy)
		explicit_bzero(copy, strlen(dsn));
	free(copy);
}
