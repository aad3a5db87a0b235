/* SPDX-License-Identifier: Apache-2.0 */
/* fsconf NAME=FILE...: what fp-recover's doctor makes of a FreeSWITCH's configuration,
 * NAME as switch.conf, whose text is in FILE; "unit=FILE" is a unit file.  A line a
 * value on stdout.  Exit 2: it cannot be read; why is on stderr. */
#include <stdio.h>
#include <string.h>

#include "codec/fsconf.h"

#define FILE_MAX 65536

static int take(struct fp_fsconf *c, const char *word, struct fp_err *e)
{
	static char text[FILE_MAX];
	const char *at = strchr(word, '=');
	struct fp_fsunit u;
	char name[64];
	FILE *f = at ? fopen(at + 1, "re") : NULL;
	size_t n;
	int r;

	if (!f || at - word >= (long)sizeof(name))
		return fp_err(e, -EINVAL, "%s: not NAME=FILE", word);
	snprintf(name, sizeof(name), "%.*s", (int)(at - word), word);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (strcmp(name, "unit") != 0)
		return fp_fsconf_take(c, name, text, n, e);
	r = fp_fsunit_parse(&u, text, n, e);
	if (!r)
		printf("unit recover=%u restart=%s after_ms=%lld core=%s\n",
		       u.recover_at, u.restart, (long long)u.restart_ms,
		       u.has_core_limit ? "0" : "-");
	return r;
}

static const char *word(bool is_so)
{
	return is_so ? "yes" : "no";
}

static void print(const struct fp_fsconf *c)
{
	if (c->has_switch)
		printf("switch name=%s rtp=%u-%u robust=%s pgsql=%s app=%s "
		       "path=%s file=%s idle=%g max=%lld\n",
		       c->switchname, c->rtp_first, c->rtp_last,
		       word(c->is_robust), word(c->is_pgsql), c->app,
		       c->search_path, c->core_db, c->min_idle,
		       (long long)c->max_sessions);
	if (c->has_preload)
		printf("modules preloaded=%s late=%s\n",
		       word(c->is_pgsql_preloaded), word(c->is_pgsql_late));
	for (size_t i = 0; i < c->n_profiles; i++)
		printf("profile %s sip=%s:%u rtp=%s tracking=%s auth-all=%s\n",
		       c->profile[i].name, c->profile[i].sip_ip,
		       c->profile[i].sip_port, c->profile[i].rtp_ip,
		       word(c->profile[i].is_tracking),
		       word(c->profile[i].is_auth_all));
}

int main(int argc, char **argv)
{
	struct fp_fsconf c = { .has_switch = false };
	struct fp_err e;
	int r = 0;

	for (int i = 1; i < argc && !r; i++)
		r = take(&c, argv[i], &e);
	if (r)
		fprintf(stderr, "%s\n", e.text);
	else
		print(&c);
	fp_fsconf_fini(&c);
	return r ? 2 : 0;
}
