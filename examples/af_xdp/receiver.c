/* SPDX-License-Identifier: Apache-2.0 */
/* receiver [-c] [-p PINS] [-l ADDRESS]... IF[:QUEUE]...
 *
 * How a SIP server takes its UDP packets by AF_XDP behind fp-load's filter: one
 * socket a queue, registered in the map that fp-load pinned for the NIC, and an
 * ordinary UDP socket at each address for what comes by the stack and for what
 * it sends.  Each message is one line: where it came in (net1:0, or udp), VLAN,
 * source, first line.  OPTIONS is answered.  README.md says why it is so.
 *
 * Source: Documentation/networking/af_xdp.rst; libxdp(3). */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/xsk.h>

#define SIP_PORT 5060
#define FRAMES 1024 /* a queue; a power of two, and more than the NIC's ring */
#define FRAME_SIZE 4096
#define BATCH 64
#define QUEUES 64 /* as many as the map has */
#define LISTENS 16

struct queue {
	char name[32]; /* IF:QUEUE */
	const char *ifname;
	unsigned int ifindex;
	char pin[256]; /* where its map is pinned, for glob(3) */
	uint8_t *frames;
	struct xsk_umem *umem;
	struct xsk_ring_prod fill; /* frames that the kernel may fill */
	struct xsk_ring_cons done; /* of sending, which we do not */
	struct xsk_ring_cons rx;   /* frames that it has filled */
	struct xsk_socket *xsk;
	unsigned long bad; /* frames that the stack would not have taken */
};

/* An address of ours.  IPv4 is ::ffff:a.b.c.d everywhere. */
struct listen {
	struct sockaddr_in6 addr;
	int fd;
};

struct message {
	struct sockaddr_in6 from, to;
	unsigned int vlan;
	const char *text;
	size_t n;
};

struct server {
	struct queue queue[QUEUES];
	struct listen listen[LISTENS];
	unsigned int n_queues, n_listens;
	bool is_copy;
	const char *pins;
};

static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
	(void)sig;
	is_over = 1;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "receiver: %s: %s\n", what, strerror(error));
	exit(2);
}

/* ---- what the stack would have checked ---- */

/* What is left of a packet. */
struct rest {
	const uint8_t *at;
	size_t n;
};

/* Copy the next n bytes, wherever they lie. false: there are not so many. */
static bool next(struct rest *r, void *to, size_t n)
{
	if (r->n < n)
		return false;
	memcpy(to, r->at, n);
	r->at += n;
	r->n -= n;
	return true;
}

/* RFC 1071: the sum of 16-bit words, not yet folded. */
static uint64_t sum(uint64_t s, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (; n > 1; n -= 2, p += 2)
		s += (unsigned int)p[0] << 8 | p[1];
	return n ? s + ((unsigned int)p[0] << 8) : s;
}

static bool is_sum_right(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s == 0xffff;
}

/* pseudo: the sum of both addresses. */
static bool read_udp(struct message *m, struct rest *r, uint64_t pseudo,
		     bool is_v4)
{
	struct rest all = *r;
	struct udphdr udp;
	size_t n;

	if (!next(r, &udp, sizeof(udp)))
		return false;
	n = ntohs(udp.len);
	if (n < sizeof(udp) || n > all.n)
		return false;
	/* none at all: IPv4 only, RFC 8200 8.1 */
	if (udp.check ? !is_sum_right(sum(pseudo + IPPROTO_UDP + n, all.at, n))
		      : !is_v4)
		return false;
	m->from.sin6_port = udp.source;
	m->to.sin6_port = udp.dest;
	m->text = (const char *)r->at;
	m->n = n - sizeof(udp);
	return true;
}

static void set_mapped(struct in6_addr *to, const void *four)
{
	memset(to, 0, sizeof(*to));
	to->s6_addr[10] = to->s6_addr[11] = 0xff;
	memcpy(to->s6_addr + 12, four, 4);
}

/* The filter gives us neither options nor fragments: those are the stack's. */
static bool read_ip4(struct message *m, struct rest *r)
{
	struct iphdr ip;
	size_t n;

	if (!next(r, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl != 5)
		return false;
	n = ntohs(ip.tot_len);
	if (n < sizeof(ip) || n - sizeof(ip) > r->n)
		return false;
	if (!is_sum_right(sum(0, &ip, sizeof(ip))) ||
	    ip.protocol != IPPROTO_UDP || ip.frag_off & htons(0x3fff))
		return false;
	r->n = n - sizeof(ip); /* what follows is padding of the frame */
	set_mapped(&m->from.sin6_addr, &ip.saddr);
	set_mapped(&m->to.sin6_addr, &ip.daddr);
	return read_udp(m, r, sum(0, &ip.saddr, 8), true);
}

/* Nor extension headers. */
static bool read_ip6(struct message *m, struct rest *r)
{
	struct ipv6hdr ip;

	if (!next(r, &ip, sizeof(ip)) || ip.version != 6 ||
	    ip.nexthdr != IPPROTO_UDP || ntohs(ip.payload_len) > r->n)
		return false;
	r->n = ntohs(ip.payload_len);
	m->from.sin6_addr = ip.saddr;
	m->to.sin6_addr = ip.daddr;
	return read_udp(m, r, sum(0, &ip.saddr, 32), false);
}

/* false: the stack would have thrown it away, and so do we. */
static bool read_frame(struct message *m, const void *data, size_t n)
{
	struct rest r = { data, n };
	uint16_t tag[2], proto;
	struct ethhdr eth;

	*m = (struct message){ .from.sin6_family = AF_INET6,
			       .to.sin6_family = AF_INET6 };
	if (!next(&r, &eth, sizeof(eth)))
		return false;
	proto = ntohs(eth.h_proto);
	for (int i = 0;
	     i < 2 && (proto == ETH_P_8021Q || proto == ETH_P_8021AD); i++) {
		if (!next(&r, tag, sizeof(tag)))
			return false;
		m->vlan = ntohs(tag[0]) & 0xfff;
		proto = ntohs(tag[1]);
	}
	if (proto == ETH_P_IP)
		return read_ip4(m, &r);
	return proto == ETH_P_IPV6 && read_ip6(m, &r);
}

/* ---- SIP, as little as will do ---- */

static bool is_copied(const char *line, size_t n)
{
	static const char *const names[] = { "Via:", "From:", "To:", "Call-ID:",
					     "CSeq:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (n > strlen(names[i]) &&
		    !strncasecmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

/* 200 OK, RFC 3261 8.2.6, from the address that was asked. */
static void answer(const struct message *m, int fd)
{
	const char *at = m->text, *end = at + m->n, *eol;
	char out[FRAME_SIZE];
	size_t n = (size_t)sprintf(out, "SIP/2.0 200 OK\r\n");

	for (; (eol = memchr(at, '\n', (size_t)(end - at))); at = eol + 1) {
		size_t len = (size_t)(eol + 1 - at);

		if (is_copied(at, len) && n + len < sizeof(out) - 32) {
			memcpy(out + n, at, len);
			n += len;
		}
	}
	n += (size_t)sprintf(out + n, "Content-Length: 0\r\n\r\n");
	sendto(fd, out, n, 0, (const struct sockaddr *)&m->from,
	       sizeof(m->from));
}

static void handle(const struct server *s, const struct message *m,
		   const char *where)
{
	char src[INET6_ADDRSTRLEN];
	unsigned int i;
	size_t len = 0;

	for (i = 0; i < s->n_listens; i++)
		if (!memcmp(&s->listen[i].addr.sin6_addr, &m->to.sin6_addr,
			    sizeof(m->to.sin6_addr)))
			break;
	if (s->n_listens && i == s->n_listens)
		return; /* not to an address of ours */
	while (len < m->n && m->text[len] >= ' ' && m->text[len] <= '~')
		len++;
	inet_ntop(AF_INET6, &m->from.sin6_addr, src, sizeof(src));
	printf("%s\t%u\t%s\t%.*s\n", where, m->vlan, src, (int)len, m->text);
	if (s->n_listens && m->n > 8 && !memcmp(m->text, "OPTIONS ", 8))
		answer(m, s->listen[i].fd);
}

/* ---- the AF_XDP side ---- */

/* A NIC's map is PINS/vLAYOUT/xsk/IF; a dot in the name is written %2e. */
static void set_names(struct queue *q, const char *pins, const char *ifname,
		      unsigned long id)
{
	size_t n = (size_t)snprintf(q->pin, sizeof(q->pin), "%s/v[0-9]*/xsk/",
				    pins);

	snprintf(q->name, sizeof(q->name), "%s:%lu", ifname, id);
	for (; *ifname && n < sizeof(q->pin) - 4; ifname++)
		if (*ifname == '.')
			n += (size_t)sprintf(q->pin + n, "%%2e");
		else
			q->pin[n++] = *ifname;
	q->pin[n] = 0;
}

/* A frame for the kernel to fill.  There is always room: the ring has as many
 * places as there are frames. */
static void give_frame(struct queue *q, __u64 addr)
{
	__u32 at;

	if (!xsk_ring_prod__reserve(&q->fill, 1, &at))
		die("more frames than there are", EOVERFLOW);
	*xsk_ring_prod__fill_addr(&q->fill, at) = addr - addr % FRAME_SIZE;
	xsk_ring_prod__submit(&q->fill, 1);
}

static void open_queue(struct server *s, char *word)
{
	struct queue *q = &s->queue[s->n_queues];
	const struct xsk_umem_config frames = { .fill_size = FRAMES,
						.comp_size = BATCH,
						.frame_size = FRAME_SIZE };
	/* the program on the NIC is fp-load's: libxdp shall not load one */
	const struct xsk_socket_config config = {
		.rx_size = FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = (__u16)(XDP_USE_NEED_WAKEUP |
				      (s->is_copy ? XDP_COPY : 0))
	};
	char *colon = strchr(word, ':');
	unsigned long id = colon ? strtoul(colon + 1, NULL, 10) : 0;
	int r;

	if (colon)
		*colon = 0;
	if (s->n_queues == QUEUES || id >= QUEUES)
		die(word, ERANGE);
	q->ifname = word;
	q->ifindex = if_nametoindex(word);
	set_names(q, s->pins, word, id);
	q->frames = mmap(NULL, FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q->frames == MAP_FAILED)
		die(q->name, errno);
	r = xsk_umem__create(&q->umem, q->frames, FRAMES * FRAME_SIZE, &q->fill,
			     &q->done, &frames);
	if (!r)
		r = xsk_socket__create(&q->xsk, word, (__u32)id, q->umem,
				       &q->rx, NULL, &config);
	if (r)
		die(q->name, -r);
	for (__u32 i = 0; i < FRAMES; i++)
		give_frame(q, i * FRAME_SIZE);
	s->n_queues++;
}

/* Put a socket into its NIC's map, or leave it there.  While fp-load upgrades to
 * another layout there are two maps, and it goes into both. */
static void register_queue(struct queue *q)
{
	glob_t found;

	/* a NIC that went away takes its sockets with it, also when it comes
	 * back: open new ones, which for us is to be started again */
	if (if_nametoindex(q->ifname) != q->ifindex)
		die(q->name, ENODEV);
	if (glob(q->pin, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int map = bpf_obj_get(found.gl_pathv[i]);
		int r = map < 0 ? map : xsk_socket__update_xskmap(q->xsk, map);

		if (r && r != -ENOENT)
			fprintf(stderr, "receiver: %s: %s\n", found.gl_pathv[i],
				strerror(-r));
		if (map >= 0)
			close(map);
	}
	globfree(&found);
}

/* Every second: an upgrade to another layout, and attach after detach, make new
 * maps. */
static void register_all(struct server *s)
{
	for (unsigned int i = 0; i < s->n_queues; i++)
		register_queue(&s->queue[i]);
}

/* Handle what has come, and give the frames back. */
static void take_frames(const struct server *s, struct queue *q)
{
	struct message m;
	__u32 n, at;

	while ((n = xsk_ring_cons__peek(&q->rx, BATCH, &at))) {
		for (__u32 i = 0; i < n; i++) {
			const struct xdp_desc *d =
				xsk_ring_cons__rx_desc(&q->rx, at + i);
			const void *frame =
				xsk_umem__get_data(q->frames, d->addr);

			if (read_frame(&m, frame, d->len))
				handle(s, &m, q->name);
			else
				q->bad++;
			give_frame(q, d->addr);
		}
		xsk_ring_cons__release(&q->rx, n);
	}
}

/* What the kernel could not give us: we were too slow. */
static void print_lost(const struct queue *q)
{
	struct xdp_statistics lost = { 0 };
	socklen_t n = sizeof(lost);

	getsockopt(xsk_socket__fd(q->xsk), SOL_XDP, XDP_STATISTICS, &lost, &n);
	fprintf(stderr, "receiver: %s: %lu bad, %llu lost\n", q->name, q->bad,
		lost.rx_dropped + lost.rx_ring_full);
}

/* ---- the ordinary side ---- */

static void open_listen(struct server *s, const char *text)
{
	struct listen *l = &s->listen[s->n_listens];
	const int off = 0;
	uint32_t four;

	if (s->n_listens == LISTENS)
		die(text, ERANGE);
	l->addr = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					 .sin6_port = htons(SIP_PORT) };
	if (inet_pton(AF_INET, text, &four) == 1)
		set_mapped(&l->addr.sin6_addr, &four);
	else if (inet_pton(AF_INET6, text, &l->addr.sin6_addr) != 1)
		die(text, EINVAL);
	l->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 ||
	    setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    bind(l->fd, (const struct sockaddr *)&l->addr, sizeof(l->addr)))
		die(text, errno);
	s->n_listens++;
}

static void take_datagrams(const struct server *s, const struct listen *l)
{
	struct message m = { .to = l->addr };
	static char buf[65536];
	socklen_t n = sizeof(m.from);
	ssize_t got;

	while ((got = recvfrom(l->fd, buf, sizeof(buf), 0,
			       (struct sockaddr *)&m.from, &n)) >= 0) {
		m.text = buf;
		m.n = (size_t)got;
		handle(s, &m, "udp");
	}
}

/* ---- both ---- */

/* One round: what has come within a second.  poll(2) is also what wakes the
 * kernel when a ring needs it (XDP_USE_NEED_WAKEUP). */
static void turn(struct server *s)
{
	struct pollfd p[QUEUES + LISTENS];
	unsigned int i, n = 0;

	for (i = 0; i < s->n_queues; i++)
		p[n++] = (struct pollfd){ xsk_socket__fd(s->queue[i].xsk),
					  POLLIN, 0 };
	for (i = 0; i < s->n_listens; i++)
		p[n++] = (struct pollfd){ s->listen[i].fd, POLLIN, 0 };
	if (poll(p, n, 1000) < 0 && errno != EINTR)
		die("poll", errno);
	for (i = 0; i < s->n_queues; i++)
		take_frames(s, &s->queue[i]);
	for (i = 0; i < s->n_listens; i++)
		take_datagrams(s, &s->listen[i]);
}

static int usage(void)
{
	fprintf(stderr, "usage: receiver [-c] [-p PINS] [-l ADDRESS]... "
			"IF[:QUEUE]...\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct server s = { .pins = "/sys/fs/bpf/fastpath" };
	const struct sigaction on = { .sa_handler = on_term };
	const char *listens[LISTENS];
	unsigned int i, n = 0;
	time_t last = 0;
	int c;

	while ((c = getopt(argc, argv, "cp:l:")) != -1)
		if (c == 'c')
			s.is_copy = true;
		else if (c == 'p')
			s.pins = optarg;
		else if (c == 'l' && n < LISTENS)
			listens[n++] = optarg;
		else
			return usage();
	if (optind == argc)
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &on, NULL);
	/* first the socket for what is not redirected: no packet without one */
	for (i = 0; i < n; i++)
		open_listen(&s, listens[i]);
	for (; optind < argc; optind++)
		open_queue(&s, argv[optind]);
	register_all(&s);
	puts("ready");
	while (!is_over) {
		if (time(NULL) != last)
			register_all(&s);
		last = time(NULL);
		turn(&s);
	}
	for (i = 0; i < s.n_queues; i++)
		print_lost(&s.queue[i]);
	return 0;
}
