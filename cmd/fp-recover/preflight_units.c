/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover preflight --unit FILE,... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preflight.h"

#define UNIT_MAX ((size_t)1 << 20)

static int read_one(const char *name, struct fp_unit_text *out,
		    struct fp_err *e)
{
	FILE *f = fopen(name, "re");
	char *text = f ? malloc(UNIT_MAX + 1) : NULL;
	const char *slash = strrchr(name, '/');
	size_t n;

	if (!f)
		return fp_err_sys(e, -errno, "--unit %s", name);
	if (!text) {
		fclose(f);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	n = fread(text, 1, UNIT_MAX + 1, f);
	if (ferror(f) || n > UNIT_MAX) {
		fclose(f);
		free(text);
		return fp_err(e, -EINVAL, "--unit %s: %s", name,
			      n > UNIT_MAX ? "longer than 1 MiB"
					   : "cannot be read");
	}
	fclose(f);
	text[n] = 0;
	*out = (struct fp_unit_text){ .name = slash ? slash + 1 : name,
				      .text = text,
				      .len = n };
	return 0;
}

int fv_units_read(struct fv_units *out, const struct fp_cli *c,
		  struct fp_err *e)
{
	int r;

	*out = (struct fv_units){ .n = 0 };
	r = fp_words_of(&out->files, c, "unit", e);
	if (r)
		return r;
	out->v = calloc(out->files.n + 1, sizeof(*out->v));
	if (!out->v)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (; !r && out->n < out->files.n; out->n += !r)
		r = read_one(out->files.v[out->n], &out->v[out->n], e);
	if (r)
		fv_units_fini(out);
	return r;
}

void fv_units_fini(struct fv_units *u)
{
	for (size_t i = 0; i < u->n; i++)
		free((void *)(uintptr_t)u->v[i].text);
	free(u->v);
	fp_words_fini(&u->files);
	*u = (struct fv_units){ .n = 0 };
}
