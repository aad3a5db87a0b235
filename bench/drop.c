/* SPDX-License-Identifier: Apache-2.0 */
/* drop URL-FILE EXCHANGE NODE N NETNS-OF-BROKER NETNS-OF-NODE NETNS-OF-ATTACKER:
 * from publishing an address to its first packet that does not arrive, N times,
 * beside the time in which a message of the same size comes back from the
 * broker.  NODE: its IPv4 address, where consumers of EXCHANGE run. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "bench/bench.h"
#include "io/secret.h"
#include "peer/amqp.h"

#define FROM                                                                   \
	0xc6120001u /* 198.18.0.1, the attacker's as all of 198.18.0.0/15 */
#define LOST_MS 50  /* what did not arrive by then was dropped */
#define GIVE_UP_S 10
#define BACK "fp.bench"

struct path {
	int tx, rx;
	uint32_t n; /* packets sent */
};

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("%s: %s", netns, strerror(errno));
	close(fd);
}

static int udp(uint32_t addr, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(addr) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("UDP socket: %s", strerror(errno));
	return fd;
}

static void aim(struct path *p, uint32_t from, uint32_t to)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(FRAME_UDP_PORT),
				 .sin_addr.s_addr = htonl(to) };

	p->tx = udp(from, 0);
	if (connect(p->tx, (struct sockaddr *)&a, sizeof(a)))
		die("connect: %s", strerror(errno));
}

/* Too short to be SIP: no check but that of the source drops it. */
static bool arrives(struct path *p)
{
	struct pollfd in = { .fd = p->rx, .events = POLLIN };
	uint32_t n = ++p->n, got;

	if (send(p->tx, &n, sizeof(n), 0) < 0)
		die("send: %s", strerror(errno));
	while (poll(&in, 1, LOST_MS) > 0)
		if (recv(p->rx, &got, sizeof(got), 0) == sizeof(got) &&
		    got == n)
			return true;
	return false;
}

static void publish(struct fp_amqp *a, const char *exchange, uint32_t addr)
{
	char body[64];
	struct fp_amqp_post post = { .exchange = exchange,
				     .key = "",
				     .body = body };
	struct fp_err e;

	post.size =
		(size_t)snprintf(body, sizeof(body), "%u.%u.%u.%u", addr >> 24,
				 addr >> 16 & 255, addr >> 8 & 255, addr & 255);
	MUST(fp_amqp_publish(a, &post, &e), &e);
}

static void confirm(struct fp_amqp *a)
{
	struct fp_err e;
	size_t n;

	MUST(fp_amqp_confirm(a, &n, &e), &e);
}

/* Milliseconds to the first packet that was dropped. */
static double until_dropped(struct fp_amqp *a, const char *exchange,
			    struct path *p, uint32_t from)
{
	double t, now;

	if (!arrives(p))
		die("dropped before it was published");
	t = seconds(CLOCK_MONOTONIC);
	publish(a, exchange, from);
	do {
		now = seconds(CLOCK_MONOTONIC);
		if (now - t > GIVE_UP_S)
			die("still not dropped after %d s", GIVE_UP_S);
	} while (arrives(p));
	if (arrives(p))
		die("lost, not dropped");
	confirm(a);
	return (now - t) * 1e3;
}

static double until_back(struct fp_amqp *a, uint32_t addr)
{
	struct pollfd in = { .fd = fp_amqp_fd(a), .events = POLLIN };
	struct fp_amqp_message *m = NULL;
	struct fp_err e;
	double t = seconds(CLOCK_MONOTONIC);
	int r;

	publish(a, BACK, addr);
	while (!(r = fp_amqp_read(a, &m, &e)))
		if (poll(&in, 1, GIVE_UP_S * 1000) <= 0)
			die("nothing comes back");
	MUST(r, &e);
	t = seconds(CLOCK_MONOTONIC) - t;
	MUST(fp_amqp_ack(a, m->tag, &e), &e);
	fp_amqp_message_free(m);
	confirm(a);
	return t * 1e3;
}

static struct fp_amqp *open_broker(const char *file)
{
	const struct fp_amqp_queue q = { .name = BACK,
					 .exchange = BACK,
					 .dead = BACK ".dead",
					 .ttl_ms = 60000,
					 .max_length = 1000,
					 .prefetch = 1 };
	struct fp_amqp_url url;
	const struct fp_amqp_opts o = { .url = &url, .timeout_ms = 10000 };
	char text[1024];
	struct fp_amqp *a;
	struct fp_err e;

	MUST(fp_secret_read(file, text, sizeof(text), &e), &e);
	MUST(fp_amqp_url_parse(&url, text, true, &e), &e);
	MUST(fp_amqp_open(&a, &o, &e), &e);
	MUST(fp_amqp_consume(a, &q, &e), &e);
	return a;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of n values, the one that 99 % are not above. */
static double p99(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return v[(99 * n + 99) / 100 - 1];
}

int main(int argc, char **argv)
{
	struct path p = { .n = 0 };
	struct fp_amqp *a;
	struct in_addr to;
	double *ms;
	int n;

	if (argc != 8 || !inet_aton(argv[3], &to) || (n = atoi(argv[4])) < 1)
		die("usage: drop URL-FILE EXCHANGE NODE N NETNS NETNS NETNS");
	ms = must_alloc((size_t)n, sizeof(*ms));
	enter(argv[5]);
	a = open_broker(argv[1]);
	enter(argv[6]);
	p.rx = udp(ntohl(to.s_addr), FRAME_UDP_PORT);
	enter(argv[7]);
	for (int i = 0; i < n; i++) {
		uint32_t from = FROM + (uint32_t)i;

		aim(&p, from, ntohl(to.s_addr));
		ms[i] = until_dropped(a, argv[2], &p, from);
		close(p.tx);
		figure("drop/ours", i, ms[i]);
		figure("drop/broker", i, until_back(a, from));
	}
	figure("drop/p99", 0, p99(ms, n));
	fp_amqp_close(a);
	free(ms);
	return 0;
}
