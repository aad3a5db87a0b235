/* SPDX-License-Identifier: Apache-2.0 */
/* Many packets from many sources, and what arrives of them.
 *
 *	flood send IF MAC NODE4 NODE6 LISTED ALLOWED RATE
 *	flood receive ALLOWED
 *
 * LISTED, ALLOWED: files of addresses, one a line, IPv4 and IPv6.
 * send: SIP requests to port 5060 of the node (MAC is IF's other end), RATE a
 * second, from each source in turn; one of 11 from an allowed source.  On SIGTERM
 * it ends and says how many it handed to the link: "listed N", "allowed N",
 * "ms N".  What the link itself could not take is counted by the link.
 * receive: all that arrives at that port, until SIGTERM: "allowed N", "other N"
 * from other sources, which it names. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 5060
#define BATCH 64 /* less than a veth's ring, 256 */
#define ALLOWED_EVERY 11
#define NAMED_MAX 10

static const char payload[] = "REGISTER sip:node SIP/2.0\r\n"
			      "Call-ID: flood\r\n\r\n";

static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
	(void)sig;
	is_over = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* ---- addresses: IPv4 as ::ffff:a.b.c.d ---- */

struct sources {
	struct in6_addr *v;
	size_t n;
};

static bool is_v4(const struct in6_addr *a)
{
	return IN6_IS_ADDR_V4MAPPED(a);
}

static struct in6_addr read_address(const char *s)
{
	struct in6_addr a;
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s",
		 strchr(s, ':') ? "" : "::ffff:", s);
	if (inet_pton(AF_INET6, mapped, &a) != 1) {
		fprintf(stderr, "flood: no address: %s\n", s);
		exit(2);
	}
	return a;
}

static struct sources read_sources(const char *path)
{
	struct sources s = { 0 };
	FILE *f = fopen(path, "re");
	char line[64];

	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		s.v = reallocarray(s.v, s.n + 1, sizeof(*s.v));
		if (!s.v)
			die(path);
		s.v[s.n++] = read_address(line);
	}
	fclose(f);
	if (!s.n)
		die(path);
	return s;
}

/* ---- frames ---- */

struct frame {
	uint8_t data[128];
	size_t n;
};

/* RFC 1071 */
static uint32_t sum(uint32_t s, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		s += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	return s;
}

static uint16_t fold_be(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static void *put(struct frame *f, const void *p, size_t n)
{
	void *at = f->data + f->n;

	memcpy(at, p, n);
	f->n += n;
	return at;
}

static void put_udp(struct frame *f, const struct in6_addr *from,
		    const struct in6_addr *to)
{
	const uint16_t len = sizeof(struct udphdr) + sizeof(payload) - 1;
	const size_t skip = is_v4(from) ? 12 : 0;
	struct udphdr h = { .source = htons(PORT),
			    .dest = htons(PORT),
			    .len = htons(len) },
		      *at;
	uint32_t s = IPPROTO_UDP + len;

	s = sum(s, from->s6_addr + skip, 16 - skip);
	s = sum(s, to->s6_addr + skip, 16 - skip);
	s = sum(s, &h, sizeof(h));
	s = sum(s, payload, sizeof(payload) - 1);
	at = put(f, &h, sizeof(h));
	at->check = fold_be(s);
	put(f, payload, sizeof(payload) - 1);
}

static void put_ip4(struct frame *f, const struct in6_addr *from,
		    const struct in6_addr *to)
{
	struct iphdr h = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(h) + sizeof(struct udphdr) +
				 sizeof(payload) - 1),
	};

	memcpy(&h.saddr, from->s6_addr + 12, 4);
	memcpy(&h.daddr, to->s6_addr + 12, 4);
	h.check = fold_be(sum(0, &h, sizeof(h)));
	put(f, &h, sizeof(h));
}

static void put_ip6(struct frame *f, const struct in6_addr *from,
		    const struct in6_addr *to)
{
	struct ip6_hdr h = { .ip6_src = *from, .ip6_dst = *to };

	h.ip6_flow = htonl(6u << 28);
	h.ip6_plen = htons(sizeof(struct udphdr) + sizeof(payload) - 1);
	h.ip6_nxt = IPPROTO_UDP;
	h.ip6_hlim = 64;
	put(f, &h, sizeof(h));
}

/* to: the node's IPv4 and IPv6 address. */
static struct frame *make_frames(const struct sources *s, const char *mac,
				 const struct in6_addr to[2])
{
	struct frame *v = calloc(s->n, sizeof(*v));
	const struct ether_addr *node = ether_aton(mac);

	if (!v || !node)
		die("frames");
	for (size_t i = 0; i < s->n; i++) {
		bool is_6 = !is_v4(&s->v[i]);
		struct ether_header h = {
			.ether_type =
				htons(is_6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP),
		};

		memcpy(h.ether_dhost, node, ETH_ALEN);
		put(&v[i], &h, sizeof(h));
		if (is_6)
			put_ip6(&v[i], &s->v[i], &to[1]);
		else
			put_ip4(&v[i], &s->v[i], &to[0]);
		put_udp(&v[i], &s->v[i], &to[is_6]);
	}
	return v;
}

/* ---- send ---- */

static struct flood {
	struct sources listed, allowed;
	struct frame *listed_frame, *allowed_frame;
	uint64_t n_listed, n_allowed;
	int fd;
} flood;

static int open_link(const char *ifname)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(ifname) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || !to.sll_ifindex ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die(ifname);
	return fd;
}

/* The next frame in turn. */
static const struct frame *next_frame(void)
{
	uint64_t turn = flood.n_listed + flood.n_allowed;

	if (turn % ALLOWED_EVERY == 0)
		return &flood.allowed_frame[flood.n_allowed++ %
					    flood.allowed.n];
	return &flood.listed_frame[flood.n_listed++ % flood.listed.n];
}

static void send_batch(void)
{
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec v[BATCH];
	int n, done = 0;

	for (n = 0; n < BATCH; n++) {
		const struct frame *f = next_frame();

		v[n] = (struct iovec){ (void *)(uintptr_t)f->data, f->n };
		m[n].msg_hdr.msg_iov = &v[n];
		m[n].msg_hdr.msg_iovlen = 1;
	}
	while (done < n) {
		int r = sendmmsg(flood.fd, m + done, (unsigned int)(n - done),
				 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno != ENOBUFS)
			die("sending");
		done += r < 0 ? 1 : r; /* ENOBUFS: the link counts it */
	}
}

/* Until at_ns, unless we are late already: then *start_ns moves, since to catch
 * up would be a burst. */
static void pace(int64_t at_ns, int64_t *start_ns)
{
	int64_t ahead_ns = at_ns - now_ns();
	struct timespec t = { .tv_nsec = ahead_ns };

	if (ahead_ns > 0)
		nanosleep(&t, NULL);
	else if (ahead_ns < -10000000)
		*start_ns -= ahead_ns;
}

static int cmd_send(char **arg)
{
	const struct in6_addr to[2] = { read_address(arg[2]),
					read_address(arg[3]) };
	double rate = strtod(arg[6], NULL);
	int64_t begin_ns, start_ns;

	flood.fd = open_link(arg[0]);
	flood.listed = read_sources(arg[4]);
	flood.allowed = read_sources(arg[5]);
	flood.listed_frame = make_frames(&flood.listed, arg[1], to);
	flood.allowed_frame = make_frames(&flood.allowed, arg[1], to);
	begin_ns = start_ns = now_ns();
	for (uint64_t n = 0; !is_over; n += BATCH) {
		pace(start_ns + (int64_t)((double)n * 1e9 / rate), &start_ns);
		send_batch();
	}
	printf("listed %llu\nallowed %llu\nms %lld\n",
	       (unsigned long long)flood.n_listed,
	       (unsigned long long)flood.n_allowed,
	       (long long)(now_ns() - begin_ns) / 1000000);
	return 0;
}

/* ---- receive ---- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct in6_addr));
}

static int open_port(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bytes = 64 << 20, off = 0;

	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("listening");
	return fd;
}

static void name_other(const struct in6_addr *a)
{
	char s[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, a, s, sizeof(s));
	printf("from %s\n", s);
}

static int cmd_receive(char **arg)
{
	struct sources s = read_sources(arg[0]);
	struct sockaddr_in6 from[BATCH];
	struct mmsghdr m[BATCH] = { 0 };
	unsigned long long n_allowed = 0, n_other = 0;
	int fd = open_port();

	qsort(s.v, s.n, sizeof(*s.v), compare);
	for (int i = 0; i < BATCH; i++) {
		m[i].msg_hdr.msg_name = &from[i];
		m[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	while (!is_over) {
		int n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);

		for (int i = 0; i < n; i++) {
			const struct in6_addr *a = &from[i].sin6_addr;

			if (bsearch(a, s.v, s.n, sizeof(*a), compare))
				n_allowed++;
			else if (n_other++ < NAMED_MAX)
				name_other(a);
		}
	}
	printf("allowed %llu\nother %llu\n", n_allowed, n_other);
	free(s.v);
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction on = { .sa_handler = on_term };

	sigaction(SIGTERM, &on, NULL); /* no SA_RESTART: a wait ends */
	if (argc == 9 && !strcmp(argv[1], "send"))
		return cmd_send(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return cmd_receive(argv + 2);
	fprintf(stderr,
		"usage: flood send IF MAC NODE4 NODE6 LISTED ALLOWED RATE\n"
		"       flood receive ALLOWED\n");
	return 2;
}
