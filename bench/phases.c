/* SPDX-License-Identifier: Apache-2.0 */
/* phases FILE: where the time of loading a list goes, step by step as fp-block
 * load does it. */

#include "bench/rig.h"
#include "model/image.h"

struct walk {
	const struct fp_entries *x;
	size_t i;
};

static int next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct walk *w = ctx;

	(void)e;
	if (w->i == w->x->n)
		return 0;
	*out = w->x->v[w->i++];
	return 1;
}

static double start;

static void lap(const char *what, int round)
{
	char name[64];

	snprintf(name, sizeof(name), "phase/%s", what);
	figure(name, round, seconds(CLOCK_MONOTONIC) - start);
	start = seconds(CLOCK_MONOTONIC);
}

static void load(struct rig *r, const char *file, int round)
{
	struct fp_parse_opts o = { .file = file, .max = 1u << 24 };
	struct fp_list_head h = { .name = "bulk",
				  .kind = FP_KIND_BLOCK,
				  .owner = FP_OWNER_LOCAL,
				  .gen = 1 };
	struct fp_entries x;
	struct walk w = { &x, 0 };
	struct fp_image img;
	struct fp_lists ls;
	struct fp_text t;
	struct fp_err e;

	start = seconds(CLOCK_MONOTONIC);
	MUST(fp_text_read(&t, file, 1u << 30, &e), &e);
	MUST(fp_entries_parse(&x, t.data, t.len, &o, &e), &e);
	lap("parse", round);
	MUST(fp_list_write(r->node.lists_fd, &h, next, &w, &e), &e);
	lap("write", round);
	MUST(fp_lists_open(&ls, r->node.lists_fd, true, &e), &e);
	MUST(fp_image_all(&img, &ls, &e), &e);
	lap("image", round);
	MUST(fp_tables_apply(fp_maps_tables(r->node.maps), &img, NULL, &e), &e);
	lap("tables", round);
	fp_image_fini(&img);
	fp_lists_close(&ls);
	fp_entries_fini(&x);
	fp_text_fini(&t);
}

int main(int argc, char **argv)
{
	struct rig r;

	if (argc != 2)
		die("usage: phases FILE");
	for (int round = 0; round < option_rounds(); round++) {
		char name[16];

		snprintf(name, sizeof(name), "phases%d", round);
		start = seconds(CLOCK_MONOTONIC);
		rig_open(&r, name);
		lap("make-tables", round);
		load(&r, argv[1], round);
		rig_close(&r);
	}
	return 0;
}
