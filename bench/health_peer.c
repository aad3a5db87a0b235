/* SPDX-License-Identifier: Apache-2.0 */
/* health_peer PORT [SILENT-PORT]: answers OPTIONS over UDP on every address of this
 * host, as fast as one core can: 200 OK with the headers of RFC 3261 8.2.6.  What
 * comes to SILENT-PORT is taken and never answered.  Until it is told to end; then
 * it prints how many it answered. */

#include <signal.h>
#include <sys/socket.h>

#include "bench/bench.h"

#define BATCH 64
#define SIZE 2048
#define SOCKET_BUFFER (8 << 20) /* a second of 10,000 requests */

static volatile sig_atomic_t is_over;

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

/* Buffers that stay where they are: what came in is answered in place. */
struct batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_data[BATCH], out_data[BATCH];
	struct sockaddr_in from[BATCH];
	char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	char request[BATCH][SIZE], reply[BATCH][3 * SIZE];
};

static int listen_on(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)) };
	int on = 1, size = SOCKET_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("UDP port %s: %s", port, strerror(errno));
	/* root may go over the limit of rmem_max */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/* Point everything at its buffers again: the kernel writes lengths. */
static void aim(struct batch *b)
{
	for (int i = 0; i < BATCH; i++) {
		b->in_data[i] = (struct iovec){ b->request[i], SIZE - 1 };
		b->in[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->in_data[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = sizeof(b->control[i]),
		};
	}
}

/* Is this one of the headers that a response takes over? */
static bool is_copied(const char *line)
{
	static const char *const names[] = { "Via:", "From:", "To:", "Call-ID:",
					     "CSeq:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncasecmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

/* The response to s, which is ended by NUL; 0: it is no OPTIONS. */
static size_t answer(const char *s, char *to)
{
	static const char status[] = "SIP/2.0 200 OK\r\n";
	static const char rest[] = "Content-Length: 0\r\n\r\n";
	char *p = to;
	const char *next;

	if (strncmp(s, "OPTIONS ", 8))
		return 0;
	p = mempcpy(p, status, sizeof(status) - 1);
	for (s = strstr(s, "\r\n"); s; s = next) {
		s += 2;
		next = strstr(s, "\r\n");
		if (!next || next == s)
			break;
		if (!is_copied(s))
			continue;
		p = mempcpy(p, s, (size_t)(next - s));
		if (!strncasecmp(s, "To:", 3))
			p = mempcpy(p, ";tag=b", 6);
		p = mempcpy(p, "\r\n", 2);
	}
	p = mempcpy(p, rest, sizeof(rest) - 1);
	return (size_t)(p - to);
}

/* From the address that was asked: its control message says it in both
 * directions (ip(7), IP_PKTINFO). */
static bool reply_to(struct batch *b, int i, int n)
{
	struct msghdr *h = &b->in[i].msg_hdr;
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	size_t size;

	b->request[i][b->in[i].msg_len] = '\0';
	size = answer(b->request[i], b->reply[n]);
	if (!size)
		return false;
	if (c) {
		struct in_pktinfo *to = (struct in_pktinfo *)CMSG_DATA(c);

		to->ipi_spec_dst = to->ipi_addr;
		to->ipi_ifindex = 0;
	}
	b->out_data[n] = (struct iovec){ b->reply[n], size };
	b->out[n].msg_hdr = *h;
	b->out[n].msg_hdr.msg_iov = &b->out_data[n];
	return true;
}

static unsigned long serve(int fd, struct batch *b)
{
	unsigned long answered = 0;

	while (!is_over) {
		int got, n = 0, sent;

		aim(b);
		got = recvmmsg(fd, b->in, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < got; i++)
			n += reply_to(b, i, n);
		for (int at = 0; at < n; at += sent) {
			sent = sendmmsg(fd, b->out + at, (unsigned int)(n - at),
					0);
			if (sent <= 0)
				break;
			answered += (unsigned long)sent;
		}
	}
	return answered;
}

int main(int argc, char **argv)
{
	struct sigaction on_end = { .sa_handler = end }; /* no SA_RESTART */
	struct batch *b = must_alloc(1, sizeof(*b));
	int fd;

	if (argc < 2 || argc > 3)
		die("usage: health_peer PORT [SILENT-PORT]");
	sigaction(SIGTERM, &on_end, NULL);
	fd = listen_on(argv[1]);
	if (argc > 2)
		listen_on(argv[2]);
	printf("ready\n");
	fflush(stdout);
	printf("%lu\n", serve(fd, b));
	return 0;
}
