/* SPDX-License-Identifier: Apache-2.0 */
/* What the maps that are there say. */
#include "peer/maps_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fp_maps.h"
#include "io/clock.h"

/* ---- asking ---- */

#define FP_ETH_HLEN 14

static int fp_ask_some(int prog_fd, const struct fp_prefix *host, size_t n,
		       enum fp_kind *verdict, struct fp_err *e)
{
	unsigned char in[FP_ETH_HLEN + FP_QUERY_MAX * sizeof(struct fp_query)];
	unsigned char back[sizeof(in)];
	size_t len = FP_ETH_HLEN + n * sizeof(struct fp_query);
	struct fp_query q = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in,
		    .data_size_in = (uint32_t)len, .data_out = back,
		    .data_size_out = (uint32_t)len, .repeat = 1);

	memset(in, 0, FP_ETH_HLEN);
	for (size_t i = 0; i < n; i++) {
		q.hi = host[i].hi;
		q.lo = host[i].lo;
		memcpy(in + FP_ETH_HLEN + i * sizeof(q), &q, sizeof(q));
	}
	if (bpf_prog_test_run_opts(prog_fd, &o))
		return fp_err_sys(e, -errno, "asking the filter");
	for (size_t i = 0; i < n; i++) {
		memcpy(&q, back + FP_ETH_HLEN + i * sizeof(q), sizeof(q));
		verdict[i] = (enum fp_kind)q.verdict;
	}
	return 0;
}

int fp_maps_ask(struct fp_maps *m, const struct fp_prefix *host, size_t n,
		enum fp_kind *verdict, struct fp_err *e)
{
	int fd = fp_pin_get(m->dir, "ask", e), r = fd < 0 ? fd : 0;

	for (size_t i = 0; i < n && !r; i += FP_QUERY_MAX) {
		size_t some = n - i < FP_QUERY_MAX ? n - i : FP_QUERY_MAX;

		r = fp_ask_some(fd, host + i, some, verdict + i, e);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* ---- links and memory ---- */

static bool fp_link_is_up(const char *path)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_obj_get(path);
	bool is_up;

	if (fd < 0)
		return false;
	is_up = !bpf_obj_get_info_by_fd(fd, &info, &len) &&
		info.xdp.ifindex != 0;
	close(fd);
	return is_up;
}

/* An attach that was not confirmed in time passes everything. */
static bool fp_nic_is_stopped(const struct fp_nic *nic)
{
	return nic->confirm_until_s &&
	       fp_clock_ms() >= nic->confirm_until_s * 1000ll;
}

bool fp_maps_is_attached(struct fp_maps *m)
{
	const struct fp_conf *c = fp_maps_conf(m);
	char path[PATH_MAX];

	for (int i = 0; i < FP_NICS; i++) {
		if (!c->nic[i].name[0] || fp_nic_is_stopped(&c->nic[i]))
			continue;
		fp_maps_nic_path(m->dir, "links", c->nic[i].name, path,
				 sizeof(path));
		if (fp_link_is_up(path))
			return true;
	}
	return false;
}

static uint64_t fp_fd_memlock(int fd)
{
	unsigned long long v = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &v) == 1)
			break;
	if (f)
		fclose(f);
	return v;
}

uint64_t fp_maps_memory(struct fp_maps *m)
{
	static const char *const names[] = { "conf",     "ports",   "gate4",
					     "dir4",     "gate6",   "tabs",
					     "counters", "samples", "seen",
					     "chunk",    "prefix" };
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int fd = fp_pin_get(m->dir, names[i], NULL);

		if (fd < 0)
			continue;
		sum += fp_fd_memlock(fd);
		close(fd);
	}
	return sum;
}
