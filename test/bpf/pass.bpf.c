/* SPDX-License-Identifier: Apache-2.0 */
/* An XDP program that passes every packet: somebody else's, for tests. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "Apache-2.0";
