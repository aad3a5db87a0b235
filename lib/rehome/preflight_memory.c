/* SPDX-License-Identifier: Apache-2.0 */
/* Has a target memory for what is to move? */
#include "codec/opensips.h"
#include "rehome/preflight_priv.h"

/* Source: facts/opensips.md 4, measured with 3.6.8. */
#define MOVE_BYTES ((size_t)31 * 1024)
#define DIALOG_BYTES 3900
#define WT_MS 5000
#define FLOOR 0.25
#define SAMPLES 3
#define AGAIN_MS 200

struct sample {
	int64_t total, free;
};

static int take(void *ctx, const struct cJSON *result, struct fp_err *e)
{
	struct sample *s = ctx;

	(void)e;
	s->total = fp_os_statistic(result, "shmem:total_size");
	s->free = fp_os_statistic(result, "shmem:free_size");
	return 0;
}

/* OpenSIPS reads what is free without a lock: one answer among many is far too low.
 * It is asked again before that refuses anything. */
int preflight_memory(struct preflight *f, struct fp_edge *x, size_t calls,
		     struct fp_err *e)
{
	struct sample s = { x->view->shm_total_bytes, x->view->shm_free_bytes };
	struct fp_check_memory in = { .floor = FLOOR,
				      .cost = MOVE_BYTES,
				      .dialog = DIALOG_BYTES,
				      .wt_ms = WT_MS,
				      .calls = calls };
	struct fp_check c;
	int r = 0;

	for (int i = 1; !r; i++) {
		in.total = s.total;
		in.free = s.free;
		fp_check_memory(&c, &in);
		if (c.state != FP_CHECK_REFUSE || s.free < 0 || i == SAMPLES)
			break;
		r = fp_edges_pause(f->p->edges, AGAIN_MS, e);
		if (!r)
			r = fp_edge_ask(x, "get_statistics",
					"{\"statistics\":[\"shmem:\"]}", take,
					&s, NULL, e);
	}
	if (!r)
		preflight_tell(f, x->name, &c);
	return r;
}
