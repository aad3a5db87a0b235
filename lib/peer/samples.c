/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/samples.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fp_samples {
	int map_fd;
	struct ring_buffer *ring;
	void (*each)(void *ctx, const struct fp_sample *s);
	void *ctx;
};

static int fp_on_sample(void *ctx, void *data, size_t size)
{
	struct fp_samples *s = ctx;

	if (size >= sizeof(struct fp_sample))
		s->each(s->ctx, data);
	return 0;
}

int fp_samples_open(struct fp_samples **out, const char *dir,
		    void (*each)(void *ctx, const struct fp_sample *s),
		    void *ctx, struct fp_err *e)
{
	struct fp_samples *s = calloc(1, sizeof(*s));
	char path[PATH_MAX];
	int r = 0;

	if (!s)
		return fp_err(e, -ENOMEM, "out of memory");
	s->each = each;
	s->ctx = ctx;
	snprintf(path, sizeof(path), "%s/samples", dir);
	s->map_fd = bpf_obj_get(path);
	if (s->map_fd < 0)
		r = fp_err_sys(e, -errno, "%s", path);
	if (!r) {
		s->ring = ring_buffer__new(s->map_fd, fp_on_sample, s, NULL);
		if (!s->ring)
			r = fp_err_sys(e, -errno, "reading %s", path);
	}
	if (r)
		fp_samples_close(s);
	else
		*out = s;
	return r;
}

void fp_samples_close(struct fp_samples *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	if (s->map_fd >= 0)
		close(s->map_fd);
	free(s);
}

int fp_samples_fd(const struct fp_samples *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int fp_samples_read(struct fp_samples *s, struct fp_err *e)
{
	int n = ring_buffer__consume(s->ring);

	return n < 0 ? fp_err_sys(e, n, "reading sampled drops") : 0;
}
