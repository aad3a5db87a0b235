/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/xdp_rehearsal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fp_maps.h"
#include "peer/maps_priv.h"
#include "peer/xdp.h"
#include "peer/xdp_priv.h"

struct fp_rehearsal {
	struct bpf_object *obj;
	int prog_fd;
	struct fp_maps *live; /* NULL: tables of our own */
	struct fp_maps *own;
	bool is_kept; /* modes stay as they were set in own */
	struct fp_area area;
	struct fp_rehearse *batch; /* what the program reads and writes */
	/* frames, each before those that were put earlier: from start on */
	unsigned char frames[FP_XDP_RUN_MAX];
	size_t start;
	size_t n, len[FP_REHEARSE_MAX];
};

/* What it shares with the filter that is pinned in dir. */
static int fp_rehearsal_share(struct bpf_object *obj, const char *dir)
{
	static const char *const names[] = { "gate4", "dir4", "gate6", "tabs" };
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !r; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(obj, names[i]);

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (bpf_map__set_pin_path(map, path))
			r = -errno;
	}
	return r;
}

static int fp_rehearsal_load(struct fp_rehearsal *r, const char *dir,
			     struct fp_err *e)
{
	const uint32_t yes = 1;
	struct bpf_program *p;
	int status = fp_obj_open(&r->obj);

	if (!status)
		status = fp_obj_rodata(r->obj, "fp_is_rehearsal", &yes,
				       sizeof(yes));
	if (!status && dir)
		status = fp_rehearsal_share(r->obj, dir);
	if (!status)
		status = fp_obj_load(r->obj, "fp_rehearse");
	if (status)
		return fp_obj_failed(status, e);
	p = bpf_object__find_program_by_name(r->obj, "fp_rehearse");
	r->prog_fd = bpf_program__fd(p);
	return 0;
}

static int fp_rehearsal_map(struct fp_rehearsal *r, struct fp_err *e)
{
	int fd = bpf_object__find_map_fd_by_name(r->obj, "rehearsal");
	int status;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fp_err_sys(e, -errno, "map rehearsal");
	fp_area_map(&r->area, fd, sizeof(struct fp_rehearse));
	status = fp_area_whole(&r->area, e);
	r->batch = fp_area_at(&r->area, 0);
	return status;
}

/* Settings as they are now: a list of a length that was in no use may come while
 * we run.  Modes stand before what follows from the lists. */
static void fp_rehearsal_follow(struct fp_rehearsal *r)
{
	size_t at = r->is_kept ? offsetof(struct fp_conf, n_fence) : 0;

	if (r->live)
		memcpy((char *)fp_maps_conf(r->own) + at,
		       (const char *)fp_maps_conf(r->live) + at,
		       offsetof(struct fp_conf, nic) - at);
}

static int fp_rehearsal_copy(struct fp_rehearsal *r, struct fp_err *e)
{
	struct fp_ports *from = fp_maps_ports(r->live, e);
	struct fp_ports *to = fp_maps_ports(r->own, e);

	if (!from || !to)
		return -EIO;
	*to = *from;
	fp_rehearsal_follow(r);
	return 0;
}

int fp_rehearsal_open(struct fp_rehearsal **out, const char *dir,
		      struct fp_err *e)
{
	struct fp_rehearsal *r = calloc(1, sizeof(*r));
	int status = 0;

	if (!r)
		return fp_err(e, -ENOMEM, "out of memory");
	r->area.fd = -1;
	r->start = sizeof(r->frames);
	if (dir)
		status = fp_maps_open_dir(&r->live, dir, e);
	if (!status)
		status = fp_rehearsal_load(r, dir, e);
	if (!status)
		status = fp_rehearsal_map(r, e);
	if (!status)
		status = fp_maps_open_object(&r->own, r->obj, !dir, e);
	if (!status && dir)
		status = fp_rehearsal_copy(r, e);
	if (status)
		fp_rehearsal_close(r);
	else
		*out = r;
	return status;
}

void fp_rehearsal_close(struct fp_rehearsal *r)
{
	if (!r)
		return;
	fp_maps_close(r->own);
	fp_maps_close(r->live);
	fp_area_fini(&r->area);
	bpf_object__close(r->obj);
	free(r);
}

struct fp_maps *fp_rehearsal_maps(struct fp_rehearsal *r)
{
	return r->own;
}

void fp_rehearsal_keep(struct fp_rehearsal *r)
{
	r->is_kept = true;
}

const unsigned char *fp_rehearsal_put(struct fp_rehearsal *r, const void *frame,
				      size_t len)
{
	if (len > FP_XDP_RUN_MAX)
		len = FP_XDP_RUN_MAX;
	if (r->n == FP_REHEARSE_MAX || len > r->start)
		return NULL;
	r->start -= len;
	memcpy(r->frames + r->start, frame, len);
	r->len[r->n++] = len;
	return r->frames + r->start;
}

/* The last one put stands first. */
static void fp_rehearsal_lay_out(struct fp_rehearsal *r)
{
	size_t off = sizeof(r->frames) - r->start;

	for (size_t i = 0; i < r->n; i++) {
		off -= r->len[i];
		r->batch->packet[i].off = (uint32_t)off;
		r->batch->packet[i].len = (uint32_t)r->len[i];
	}
	r->batch->n = (uint32_t)r->n;
}

int fp_rehearsal_run(struct fp_rehearsal *r, struct fp_rehearsal_verdict *out,
		     size_t *n, struct fp_err *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = r->frames + r->start,
		    .data_size_in = (uint32_t)(sizeof(r->frames) - r->start),
		    .repeat = 1);
	int status = 0;

	*n = 0;
	if (!r->n)
		return 0;
	fp_rehearsal_follow(r);
	fp_rehearsal_lay_out(r);
	if (bpf_prog_test_run_opts(r->prog_fd, &o))
		status = fp_err_sys(e, -errno, "running the program");
	else if (o.retval != XDP_PASS)
		status = fp_err(e, -EIO, "the program did not judge packets");
	for (size_t i = 0; i < r->n && !status; i++)
		out[i] = (struct fp_rehearsal_verdict){
			.is_drop = r->batch->packet[i].verdict == XDP_DROP,
			.reason = r->batch->packet[i].reason,
			.observed = r->batch->packet[i].observed,
		};
	if (!status)
		*n = r->n;
	r->n = 0;
	r->start = sizeof(r->frames);
	return status;
}
