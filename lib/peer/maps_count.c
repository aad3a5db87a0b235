/* SPDX-License-Identifier: Apache-2.0 */
/* What the filter counted, and whom its checks saw. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "fp_maps.h"
#include "peer/maps_priv.h"

static int fp_counter_read(int fd, uint32_t key, struct fp_counter *per_cpu,
			   int cpus, struct fp_counter *out)
{
	*out = (struct fp_counter){ 0 };
	if (bpf_map_lookup_elem(fd, &key, per_cpu))
		return -errno;
	for (int i = 0; i < cpus; i++) {
		out->packets += per_cpu[i].packets;
		out->bytes += per_cpu[i].bytes;
	}
	return 0;
}

/* All reasons of a NIC; out NULL: set them to zero. */
static int fp_counters_walk(int fd, unsigned int nic, struct fp_counter *out,
			    struct fp_err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	struct fp_counter *v;

	if (cpus < 1)
		return fp_err_sys(e, cpus, "counting CPUs");
	v = calloc((size_t)cpus, sizeof(*v));
	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < FP_R_N && !r; i++) {
		uint32_t key = nic * FP_REASON_ROW + i;

		if (out)
			r = fp_counter_read(fd, key, v, cpus, &out[i]);
		else if (bpf_map_update_elem(fd, &key, v, BPF_ANY))
			r = -errno;
	}
	free(v);
	return r ? fp_err_sys(e, r, "reading the counters") : 0;
}

int fp_counters_read(int fd, unsigned int nic, struct fp_counter *out,
		     struct fp_err *e)
{
	return fp_counters_walk(fd, nic, out, e);
}

static int fp_maps_counters_walk(struct fp_maps *m, unsigned int nic,
				 struct fp_counter *out, struct fp_err *e)
{
	int fd = fp_pin_get(m->dir, "counters", e), r;

	if (fd < 0)
		return fd;
	r = fp_counters_walk(fd, nic, out, e);
	close(fd);
	return r;
}

int fp_maps_counters(struct fp_maps *m, unsigned int nic,
		     struct fp_counter *out, struct fp_err *e)
{
	return fp_maps_counters_walk(m, nic, out, e);
}

int fp_maps_counters_reset(struct fp_maps *m, unsigned int nic,
			   struct fp_err *e)
{
	return fp_maps_counters_walk(m, nic, NULL, e);
}

int fp_maps_seen(struct fp_maps *m,
		 int (*each)(void *ctx, const struct fp_seen_key *key,
			     const struct fp_seen *seen),
		 void *ctx, struct fp_err *e)
{
	struct fp_seen_key key, *prev = NULL, next;
	struct fp_seen seen;
	int fd = fp_pin_get(m->dir, "seen", e), r = 0;

	if (fd < 0)
		return fd;
	while (!r && !bpf_map_get_next_key(fd, prev, &next)) {
		key = next;
		prev = &key;
		if (!bpf_map_lookup_elem(fd, &key, &seen))
			r = each(ctx, &key, &seen);
	}
	close(fd);
	return r;
}
