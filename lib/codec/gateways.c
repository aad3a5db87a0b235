/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gateways.h"

#include <stdbool.h>
#include <string.h>

struct line {
	const char *p;
	size_t n;
};

/* The next line without white space at its ends; false at the end. */
static bool next(const char **s, const char *end, struct line *out)
{
	const char *stop;

	if (*s == end)
		return false;
	stop = memchr(*s, '\n', (size_t)(end - *s));
	out->p = *s;
	*s = stop ? stop + 1 : end;
	if (!stop)
		stop = end;
	while (out->p < stop && (*out->p == ' ' || *out->p == '\t'))
		out->p++;
	while (stop > out->p && (stop[-1] == ' ' || stop[-1] == '\r'))
		stop--;
	out->n = (size_t)(stop - out->p);
	return true;
}

static bool is(const struct line *l, const char *s)
{
	return l->n == strlen(s) && !memcmp(l->p, s, l->n);
}

/* <NAME>value</NAME>; longer than size - 1 is no value. */
static bool element(const struct line *l, const char *open, const char *close,
		    char *out, size_t size)
{
	size_t head = strlen(open), tail = strlen(close);

	if (l->n < head + tail || memcmp(l->p, open, head) ||
	    memcmp(l->p + l->n - tail, close, tail) ||
	    l->n - head - tail >= size)
		return false;
	memcpy(out, l->p + head, l->n - head - tail);
	out[l->n - head - tail] = 0;
	return true;
}

static bool field(const struct line *l, struct fp_gateway *g)
{
	return element(l, "<name>", "</name>", g->name, sizeof(g->name)) ||
	       element(l, "<profile>", "</profile>", g->profile,
		       sizeof(g->profile)) ||
	       element(l, "<proxy>", "</proxy>", g->proxy, sizeof(g->proxy));
}

static int bad(struct fp_err *e, const char *why)
{
	return fp_err(e, -EBADMSG, "sofia xmlstatus gateway: %s", why);
}

int fp_gateways_parse(const char *s, size_t n,
		      int (*each)(void *ctx, const struct fp_gateway *g),
		      void *ctx, struct fp_err *e)
{
	const char *end = s + n;
	struct fp_gateway g = { .name = "" };
	bool is_list = false, is_inside = false, is_whole = false;
	struct line l;
	int r = 0;

	while (!r && next(&s, end, &l)) {
		if (is(&l, "<gateways>")) {
			is_list = true;
		} else if (is(&l, "</gateways>")) {
			is_whole = is_list && !is_inside;
		} else if (is(&l, "<gateway>") && is_list) {
			g = (struct fp_gateway){ .name = "" };
			is_inside = true;
		} else if (is(&l, "</gateway>") && is_inside) {
			is_inside = false;
			r = *g.proxy ? each(ctx, &g)
				     : bad(e, "a gateway without <proxy>");
		} else if (is_inside) {
			field(&l, &g);
		}
	}
	if (!r && !is_list)
		return bad(e, "no list of gateways");
	if (!r && !is_whole)
		return bad(e, "it breaks off");
	return r;
}
