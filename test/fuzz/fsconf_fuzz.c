/* SPDX-License-Identifier: Apache-2.0 */
/* What FreeSWITCH says of its configuration, and unit files: taken as each. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/fsconf.h"

static void ends(const char *s, size_t size)
{
	if (!memchr(s, 0, size))
		abort();
}

static void check(const struct fp_fsconf *c)
{
	for (size_t i = 0; i < c->n_profiles; i++) {
		ends(c->profile[i].name, sizeof(c->profile[i].name));
		ends(c->profile[i].sip_ip, sizeof(c->profile[i].sip_ip));
		if (fp_fsconf_profile(c, c->profile[i].name) != &c->profile[i])
			abort();
	}
	ends(c->search_path, sizeof(c->search_path));
	ends(c->app, sizeof(c->app));
}

static void unit(const char *text, size_t n)
{
	struct fp_fsunit u;
	struct fp_err e;

	if (fp_fsunit_parse(&u, text, n, &e))
		return;
	ends(u.recover_line, sizeof(u.recover_line));
	if (!*u.recover_line != !u.recover_at || u.restart_ms < -1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = { "switch.conf", "sofia.conf",
					     "pre_load_modules.conf",
					     "modules.conf", "api_on_startup" };
	/* exactly as long, so that the sanitizer sees a read past it */
	char *text = malloc(n ? n : 1), *string = malloc(n + 1);
	struct fp_fsconf c = { .has_switch = false };
	struct fp_err e;

	memcpy(text, data, n);
	memcpy(string, data, n);
	string[n] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		fp_fsconf_take(&c, names[i], text, n, &e);
	fp_fsconf_take_status(&c, string, &e);
	check(&c);
	fp_fsconf_fini(&c);
	unit(text, n);
	free(text);
	free(string);
	return 0;
}
