/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of drops by CPU, for those who account for each of them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fp_maps.h"
#include "peer/maps_priv.h"

static const bool fp_is_drop[FP_R_N] = {
#define FP_X(name, is_drop, help) is_drop,
	FP_REASONS(FP_X)
#undef FP_X
};

struct fp_counts {
	int fd;
	size_t n_cpus;
	struct fp_counter *per_cpu;
};

int fp_counts_open(struct fp_counts **out, const char *dir, struct fp_err *e)
{
	int n = libbpf_num_possible_cpus(), fd;
	struct fp_counts *c;

	if (n < 1)
		return fp_err_sys(e, n, "counting CPUs");
	fd = fp_pin_get(dir, "counters", e);
	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (c)
		c->per_cpu = calloc((size_t)n, sizeof(*c->per_cpu));
	if (!c || !c->per_cpu) {
		free(c);
		close(fd);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	c->fd = fd;
	c->n_cpus = (size_t)n;
	*out = c;
	return 0;
}

void fp_counts_close(struct fp_counts *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->per_cpu);
	free(c);
}

size_t fp_counts_n(const struct fp_counts *c)
{
	return FP_R_N * c->n_cpus;
}

size_t fp_counts_at(const struct fp_counts *c, unsigned int reason,
		    unsigned int cpu)
{
	return reason * c->n_cpus + cpu;
}

static int fp_counts_zeroed(struct fp_counts *c, unsigned int nic, uint64_t *ns)
{
	uint32_t key = nic * FP_REASON_ROW + FP_C_ZEROED;

	if (bpf_map_lookup_elem(c->fd, &key, c->per_cpu))
		return -errno;
	*ns = c->per_cpu[0].packets;
	return 0;
}

static int fp_counts_row(struct fp_counts *c, unsigned int nic, uint64_t *count)
{
	for (uint32_t i = 0; i < FP_R_N; i++) {
		uint32_t key = nic * FP_REASON_ROW + i;

		if (!fp_is_drop[i])
			continue;
		if (bpf_map_lookup_elem(c->fd, &key, c->per_cpu))
			return -errno;
		for (size_t k = 0; k < c->n_cpus; k++)
			count[i * c->n_cpus + k] = c->per_cpu[k].packets;
	}
	return 0;
}

int fp_counts_read(struct fp_counts *c, unsigned int nic, uint64_t *count,
		   uint64_t *zeroed_ns, struct fp_err *e)
{
	uint64_t before = 0;
	int r = fp_counts_zeroed(c, nic, zeroed_ns);

	memset(count, 0, fp_counts_n(c) * sizeof(*count));
	do {
		before = *zeroed_ns;
		if (!r)
			r = fp_counts_row(c, nic, count);
		if (!r)
			r = fp_counts_zeroed(c, nic, zeroed_ns);
	} while (!r && before != *zeroed_ns); /* meanwhile */
	return r ? fp_err_sys(e, r, "reading the counters") : 0;
}
