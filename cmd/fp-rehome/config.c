/* SPDX-License-Identifier: Apache-2.0 */
/* --config: a copy of a node's OpenSIPS configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "rehome.h"

#define CONFIG_MAX (4 << 20)

static int read_all(FILE *f, const char *name, char *text, size_t *n,
		    struct fp_err *e)
{
	*n = fread(text, 1, CONFIG_MAX + 1, f);
	if (ferror(f))
		return fp_err_sys(e, -EIO, "%s", name);
	if (*n > CONFIG_MAX)
		return fp_err(e, -EFBIG, "%s: above 4 MB", name);
	return 0;
}

int fr_config(const char *name, struct fp_os_cfg *out, struct fp_err *e)
{
	char *text = malloc(CONFIG_MAX + 1);
	FILE *f = text ? fopen(name, "re") : NULL;
	size_t n;
	int r;

	if (!f) {
		r = text ? fp_err_sys(e, -errno, "%s", name)
			 : fp_err(e, -ENOMEM, "out of memory");
		free(text);
		return r;
	}
	r = read_all(f, name, text, &n, e);
	if (!r) {
		r = fp_os_cfg_read(out, text, n, e);
		if (r)
			fp_err_prefix(e, r, "%s", name);
	}
	fclose(f);
	free(text);
	return r;
}
