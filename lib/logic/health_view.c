/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/health_view.h"

#include <stdlib.h>

struct fp_view *fp_view_new(enum fp_view_kind kind)
{
	struct fp_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->kind = kind;
	if (kind == FP_VIEW_OPENSIPS) {
		v->opensips.dialogs = -1;
		v->opensips.processed_dialogs = -1;
		v->opensips.create_sent = -1;
		v->opensips.shm_total_bytes = -1;
		v->opensips.shm_free_bytes = -1;
		v->opensips.sync_chunks = -1;
	}
	return v;
}

void fp_view_free(struct fp_view *v)
{
	if (!v)
		return;
	switch (v->kind) {
	case FP_VIEW_OPENSIPS:
		free(v->opensips.tag);
		free(v->opensips.link);
		free(v->opensips.cap);
		free(v->opensips.dest);
		break;
	case FP_VIEW_STORE:
		free(v->store.run);
		break;
	case FP_VIEW_FREESWITCH:
	case FP_VIEW_RTPENGINE:
	case FP_VIEW_FILTER:
		break;
	}
	free(v);
}
