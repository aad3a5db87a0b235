/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

#define FB_STDIN_MAX (64u << 20)

static const struct fp_field change_fields[] = {
	{ "prefix", offsetof(struct fb_change_rec, prefix), FP_F_TEXT, NULL,
	  "address or prefix" },
	{ "list", offsetof(struct fb_change_rec, list), FP_F_STR, NULL,
	  "list" },
	{ "kind", offsetof(struct fb_change_rec, kind), FP_F_STR, NULL,
	  "kind of the list" },
	{ "action", offsetof(struct fb_change_rec, action), FP_F_STR, NULL,
	  "added, updated, kept, removed or absent" },
	{ "until", offsetof(struct fb_change_rec, until_s), FP_F_TIME, NULL,
	  "end" },
	{ "verdict", offsetof(struct fb_change_rec, verdict), FP_F_STR, NULL,
	  "what the kernel now says about its first address" },
};
const struct fp_type fb_change_type = { "change", change_fields,
					FB_COUNT(change_fields) };

static int fb_operands(struct fp_cli *c, struct fb_input *in, struct fp_err *e)
{
	for (int i = 0; i < c->argc; i++) {
		struct fp_entry x = { 0 };
		int r = fp_prefix_parse(&x.p, c->argv[i], strlen(c->argv[i]),
					e);

		if (r)
			return r;
		fp_entry_print(&in->line, &x);
	}
	return in->line.is_failed ? fp_err(e, -ENOMEM, "out of memory") : 0;
}

int fb_input_read(struct fp_cli *c, struct fb_input *out, struct fp_err *e)
{
	struct fb_input in = { 0 };
	struct fp_parse_opts o = { .file = "-",
				   .now_s = fp_clock_unix_s(),
				   .max = 10000000 };
	bool is_stdin = c->argc == 1 && !strcmp(c->argv[0], "-");
	int r;

	if (is_stdin) {
		r = fp_text_read(&in.text, "-", FB_STDIN_MAX, e);
		if (!r)
			r = fp_entries_parse(&in.entries, in.text.data,
					     in.text.len, &o, e);
	} else {
		r = fb_operands(c, &in, e);
		if (!r)
			r = fp_entries_parse(&in.entries, in.line.data,
					     in.line.len, &o, e);
	}
	if (r)
		fb_input_fini(&in);
	else
		*out = in;
	return r;
}

void fb_input_fini(struct fb_input *in)
{
	fp_entries_fini(&in->entries);
	fp_text_fini(&in->text);
	fp_buf_fini(&in->line);
}

int fb_ask(struct fp_node *n, const struct fp_prefix *p, size_t count,
	   const char **verdict, struct fp_err *e)
{
	struct fp_prefix *host = calloc(count + 1, sizeof(*host));
	enum fp_kind *kind = calloc(count + 1, sizeof(*kind));
	int r = host && kind ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !r; i++)
		host[i] = fb_first_host(&p[i]);
	if (!r && n->maps)
		r = fp_maps_ask(n->maps, host, count, kind, e);
	for (size_t i = 0; i < count && !r; i++)
		verdict[i] = n->maps ? fp_kind_name(kind[i]) : NULL;
	free(host);
	free(kind);
	return r;
}
