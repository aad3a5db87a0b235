/* SPDX-License-Identifier: Apache-2.0 */
/* xsk IF MAP N: an AF_XDP socket (copy mode) on queue 0 of a NIC, put into the
 * XSKMAP that is pinned at MAP.  Says "ready", then the first line of the UDP
 * payload of each packet that it is given; ends after N of them, or on SIGTERM.
 * Plain kernel interface: Documentation/networking/af_xdp.rst. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_xdp.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define FRAMES 256 /* and entries of a ring: a power of two */
#define FRAME_SIZE 4096

struct ring {
	_Atomic uint32_t *producer, *consumer;
	void *entries;
};

static struct xsk {
	int fd;
	uint8_t *umem;
	struct ring fill, rx;
} xsk;

static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
	(void)sig;
	is_over = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "xsk: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void set(int option, const void *value, socklen_t n)
{
	if (setsockopt(xsk.fd, SOL_XDP, option, value, n))
		die("setsockopt");
}

static struct ring map_ring(const struct xdp_ring_offset *o, size_t entry_size,
			    off_t where)
{
	uint8_t *p = mmap(NULL, o->desc + FRAMES * entry_size,
			  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  xsk.fd, where);

	if (p == MAP_FAILED)
		die("mmap");
	return (struct ring){ (void *)(p + o->producer),
			      (void *)(p + o->consumer), p + o->desc };
}

static void open_socket(void)
{
	struct xdp_umem_reg reg = { .len = FRAMES * FRAME_SIZE,
				    .chunk_size = FRAME_SIZE };
	const int n = FRAMES;

	xsk.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	xsk.umem = mmap(NULL, FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xsk.fd < 0 || xsk.umem == MAP_FAILED)
		die("socket");
	reg.addr = (uintptr_t)xsk.umem;
	set(XDP_UMEM_REG, &reg, sizeof(reg));
	set(XDP_UMEM_FILL_RING, &n, sizeof(n));
	set(XDP_UMEM_COMPLETION_RING, &n, sizeof(n));
	set(XDP_RX_RING, &n, sizeof(n));
}

static void map_rings(void)
{
	struct xdp_mmap_offsets o;
	socklen_t len = sizeof(o);

	if (getsockopt(xsk.fd, SOL_XDP, XDP_MMAP_OFFSETS, &o, &len))
		die("offsets");
	xsk.fill = map_ring(&o.fr, sizeof(uint64_t),
			    (off_t)XDP_UMEM_PGOFF_FILL_RING);
	xsk.rx = map_ring(&o.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
}

/* Give a frame to the kernel.  There is always room: as many as frames. */
static void give(uint64_t addr)
{
	uint32_t at = *xsk.fill.producer;

	((uint64_t *)xsk.fill.entries)[at % FRAMES] = addr;
	atomic_store(xsk.fill.producer, at + 1);
}

static void bind_to(const char *ifname, const char *map_path)
{
	struct sockaddr_xdp to = { .sxdp_family = AF_XDP,
				   .sxdp_flags = XDP_COPY,
				   .sxdp_ifindex = if_nametoindex(ifname) };
	int map = bpf_obj_get(map_path);
	uint32_t queue = 0;

	if (map < 0)
		die(map_path);
	if (bind(xsk.fd, (struct sockaddr *)&to, sizeof(to)))
		die(ifname);
	if (bpf_map_update_elem(map, &queue, &xsk.fd, BPF_ANY))
		die("registering");
}

static void print_packet(const uint8_t *p, size_t n)
{
	const size_t head = sizeof(struct ethhdr) + sizeof(struct iphdr) +
			    sizeof(struct udphdr);
	const struct ethhdr *eth = (const void *)p;
	const char *text = (const char *)p + head;
	size_t len;

	if (n < head || eth->h_proto != htons(ETH_P_IP)) {
		printf("not IPv4\n");
		return;
	}
	for (len = 0; len < n - head && text[len] >= ' '; len++)
		;
	printf("%.*s\n", (int)len, text);
}

/* What has come since; how many. */
static uint32_t take(void)
{
	uint32_t end = atomic_load(xsk.rx.producer), at = *xsk.rx.consumer;
	uint32_t n = end - at;

	for (; at != end; at++) {
		const struct xdp_desc *d =
			&((struct xdp_desc *)xsk.rx.entries)[at % FRAMES];

		print_packet(xsk.umem + d->addr, d->len);
		atomic_store(xsk.rx.consumer, at + 1);
		give(d->addr - d->addr % FRAME_SIZE);
	}
	fflush(stdout);
	return n;
}

int main(int argc, char **argv)
{
	const struct sigaction on = { .sa_handler = on_term };
	unsigned long want, got = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: xsk IF MAP N\n");
		return 2;
	}
	sigaction(SIGTERM, &on, NULL);
	want = strtoul(argv[3], NULL, 10);
	open_socket();
	map_rings();
	for (uint64_t i = 0; i < FRAMES; i++)
		give(i * FRAME_SIZE);
	bind_to(argv[1], argv[2]);
	puts("ready");
	fflush(stdout);
	while (!is_over && got < want) {
		struct pollfd p = { .fd = xsk.fd, .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			die("poll");
		got += take();
	}
	return 0;
}
