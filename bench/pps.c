/* SPDX-License-Identifier: Apache-2.0 */
/* pps N: packets a second that are dropped at the far end of a veth, random
 * sources, all of them in a list of N addresses.  Generator, driver and filter
 * share one CPU, so that a rate is a cost.
 * run-datapath.sh has made a pair of veths for each receiver, txNAME and
 * rxNAME, and the rules of those that are no XDP programs. */

#include <linux/if_link.h>
#include <net/if.h>

#include "bench/plain.h"

#define PACKETS 500000
#define BATCH 64 /* frames at a time, as a driver's NAPI has them */

struct receiver {
	const char *name;
	bool is_xdp;
	int prog_fd;
	int rx;
	struct frame frame;
};

static struct receiver receivers[] = {
	{ .name = "bare", .is_xdp = true },
	{ .name = "ours", .is_xdp = true },
	{ .name = "hash+lpm", .is_xdp = true },
	{ .name = "nft-hash" },
	{ .name = "nft-interval" },
	{ .name = "ipset" },
};

#define N_RECEIVERS (sizeof(receivers) / sizeof(*receivers))

static int index_of(const char *dir, const char *name)
{
	char ifname[IF_NAMESIZE];
	unsigned int i;

	snprintf(ifname, sizeof(ifname), "%s%s", dir, name);
	i = if_nametoindex(ifname);
	if (!i)
		die("no interface %s", ifname);
	return (int)i;
}

/* Datagrams that got past the rules: "Ip: ... InDelivers ..." of RFC 4293. */
static uint64_t delivered(void)
{
	FILE *f = fopen("/proc/net/snmp", "re");
	unsigned long long v = 0;
	char text[1024];

	while (f && fgets(text, sizeof(text), f))
		if (sscanf(text, "Ip: %*u %*u %*u %*u %*u %*u %*u %*u %llu",
			   &v) == 1)
			break;
	if (f)
		fclose(f);
	return v;
}

static void attach(const struct receiver *r, bool is_on)
{
	if (r->is_xdp && bpf_xdp_attach(r->rx, is_on ? r->prog_fd : -1,
					XDP_FLAGS_DRV_MODE, NULL))
		die("%s: attaching: %s", r->name, strerror(errno));
}

/* Million packets a second. */
static double flood(const struct receiver *r, struct plain *p, int prog_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = r->frame.data,
		    .data_size_in = r->frame.len, .repeat = PACKETS,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	uint64_t before = delivered();
	double t;

	p->keys->to_ifindex = (uint32_t)index_of("tx", r->name);
	t = seconds(CLOCK_MONOTONIC);
	if (bpf_prog_test_run_opts(prog_fd, &o))
		die("%s: flooding: %s", r->name, strerror(errno));
	t = seconds(CLOCK_MONOTONIC) - t;
	if (delivered() - before > PACKETS / 1000)
		die("%s: listed sources got through", r->name);
	return PACKETS / t / 1e6;
}

static void open_receivers(struct rig *rig, struct plain *p)
{
	static const char text[] = "INVITE sip:bob@example.com SIP/2.0\r\n\r\n";
	int fd[] = { rig_prog(p->obj, "count_drop"), rig->filter_fd,
		     rig_prog(p->obj, "hash_lpm") };

	for (size_t i = 0; i < N_RECEIVERS; i++) {
		struct receiver *r = &receivers[i];

		r->rx = index_of("rx", r->name);
		frame_ipv4(&r->frame, 0x0a580001, text, strlen(text));
	}
	for (size_t i = 0; i < sizeof(fd) / sizeof(*fd); i++)
		receivers[i].prog_fd = fd[i];
}

static uint64_t dropped(struct rig *rig)
{
	struct fp_counter c[FP_R_N];
	struct fp_err e;

	MUST(fp_maps_counters(rig->node.maps, 0, c, &e), &e);
	return c[FP_R_drop_block].packets;
}

int main(int argc, char **argv)
{
	struct plain plain;
	struct set set;
	struct rig rig;
	char name[64];

	if (argc != 2)
		die("usage: pps N");
	set_init(&set, SET_HOSTS4, (size_t)atol(argv[1]), 1);
	rig_open(&rig, "pps");
	rig_block(&rig, "bulk", &set, 0);
	plain_open(&plain, &set, 1);
	set_keys(&set, true, plain.keys->key);
	open_receivers(&rig, &plain);
	for (int round = 0; round < option_rounds(); round++)
		for (size_t i = 0; i < N_RECEIVERS; i++) {
			const struct receiver *r = &receivers[i];

			attach(r, true);
			snprintf(name, sizeof(name), "pps/%s", r->name);
			figure(name, round,
			       flood(r, &plain, rig_prog(plain.obj, "flood")));
			attach(r, false);
		}
	if (dropped(&rig) < (uint64_t)option_rounds() * PACKETS * 99 / 100)
		die("the filter dropped only %llu packets",
		    (unsigned long long)dropped(&rig));
	plain_close(&plain);
	rig_close(&rig);
	set_fini(&set);
	return 0;
}
