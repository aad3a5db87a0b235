/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bpfmay.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

bool fp_bpf_is_refused(void)
{
	unsigned int key = 0, value;

	/* who may ask is told that this is no descriptor */
	return bpf_map_lookup_elem(-1, &key, &value) && errno == EPERM;
}

int fp_bpf_sysctl(const char *path)
{
	FILE *f = fopen(path, "re");
	int v;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &v) != 1)
		v = -1;
	fclose(f);
	return v;
}

int fp_bpf_disabled(void)
{
	return fp_bpf_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled");
}

int fp_bpf_jit(void)
{
	return fp_bpf_sysctl("/proc/sys/net/core/bpf_jit_enable");
}
