/* SPDX-License-Identifier: Apache-2.0 */
#include "verb/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fp_words_of(struct fp_words *out, const struct fp_cli *c,
		const char *option, struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	char *at, *word;
	size_t most = 1;

	*out = (struct fp_words){ .n = 0 };
	if (!s)
		return 0;
	for (const char *p = s; *p; p++)
		most += *p == ',';
	out->text = at = strdup(s);
	out->v = calloc(most, sizeof(*out->v));
	if (!out->text || !out->v) {
		fp_words_fini(out);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	while ((word = strsep(&at, ","))) {
		if (!*word) {
			fp_words_fini(out);
			return fp_err(e, -EINVAL, "--%s %s: an empty word",
				      option, s);
		}
		out->v[out->n++] = word;
	}
	return 0;
}

void fp_words_fini(struct fp_words *w)
{
	free(w->v);
	free(w->text);
	*w = (struct fp_words){ .n = 0 };
}

bool fp_words_have(const struct fp_words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->v[i], word))
			return true;
	return false;
}

void fp_words_add(char *field, size_t size, const char *word)
{
	size_t n = strlen(field), len = strlen(word);

	for (const char *p = field; (p = strstr(p, word)); p += len)
		if ((p == field || p[-1] == ',') && (!p[len] || p[len] == ','))
			return;
	snprintf(field + n, size - n, "%s%s", n ? "," : "", word);
}
