/* SPDX-License-Identifier: Apache-2.0 */
/* rehome_ua N CPS SILENT DELAY CALLER CALLED PROXY CALLIDS: both ends of N held calls by way
 * of PROXY (addresses, port 5060), set up at CPS a second; their Call-IDs are written
 * to CALLIDS once all are up, then "ready" to stdout.  SILENT of them, spread over
 * all, answer no re-INVITE at the called end.  ACK comes 20 ms after its 200: sooner it
 * may overtake what OpenSIPS tells its other nodes.  Whatever else is asked within
 * a call gets 200, after DELAY ms.  Until it is told to end. */

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "bench/bench.h"

#define SIZE 4096
#define ACK_S 0.020
#define AGAIN_S 2.0 /* an INVITE that is not answered */
#define SOCKET_BUFFER (8 << 20)

struct later {
	double due;
	int fd;
	struct sockaddr_in to;
	size_t n;
	char text[2048];
};

static struct {
	int caller, called;
	const char *caller_ip, *called_ip;
	struct sockaddr_in proxy;
	int n, n_silent, n_up;
	bool *is_up;
	double *asked;
	double delay;
	struct later *later; /* a ring of n_later */
	size_t n_later, n_wait, at;
} u;

static volatile sig_atomic_t is_over;

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

static struct sockaddr_in address(const char *ip)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(5060) };

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		die("%s: no address", ip);
	return a;
}

static int open_at(const char *ip)
{
	struct sockaddr_in a = address(ip);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = SOCKET_BUFFER;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("UDP %s: %s", ip, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void send_text(int fd, const char *text, size_t n,
		      const struct sockaddr_in *to)
{
	sendto(fd, text, n, MSG_DONTWAIT, (const struct sockaddr *)to,
	       sizeof(*to));
}

static void send_in(double s, int fd, const char *text, size_t n,
		    const struct sockaddr_in *to)
{
	struct later *x = &u.later[(u.at + u.n_wait) % u.n_later];

	if (s <= 0) {
		send_text(fd, text, n, to);
		return;
	}
	if (u.n_wait == u.n_later || n > sizeof(x->text))
		return;
	*x = (struct later){
		.due = seconds(CLOCK_MONOTONIC) + s, .fd = fd, .to = *to, .n = n
	};
	memcpy(x->text, text, n);
	u.n_wait++;
}

static void send_due(double now)
{
	for (; u.n_wait && u.later[u.at].due <= now; u.n_wait--) {
		struct later *x = &u.later[u.at];

		send_text(x->fd, x->text, x->n, &x->to);
		u.at = (u.at + 1) % u.n_later;
	}
}

/* ---- the caller */

static int print_sdp(char *to, size_t size, const char *ip)
{
	char body[256];
	int n = snprintf(body, sizeof(body),
			 "v=0\r\no=ua 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 "
			 "%s\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
			 "a=rtpmap:8 PCMA/8000\r\n",
			 ip, ip);

	return snprintf(to, size,
			"Content-Type: application/sdp\r\n"
			"Content-Length: %d\r\n\r\n%s",
			n, body);
}

static bool is_silent(int i)
{
	return u.n_silent && i % (u.n / u.n_silent) == 0 &&
	       i / (u.n / u.n_silent) < u.n_silent;
}

static void invite(int i)
{
	const char *who = is_silent(i) ? "silent" : "ok";
	char text[SIZE], proxy[INET_ADDRSTRLEN];
	int n;

	inet_ntop(AF_INET, &u.proxy.sin_addr, proxy, sizeof(proxy));
	n = snprintf(text, sizeof(text),
		     "INVITE sip:%s-%d@%s:5060 SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK-b%d\r\n"
		     "From: <sip:caller%d@%s>;tag=c%d\r\n"
		     "To: <sip:%s-%d@%s>\r\nCall-ID: bench-%d@%s\r\n"
		     "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
		     "Contact: <sip:caller@%s:5060>\r\n",
		     who, i, proxy, u.caller_ip, i, i, u.caller_ip, i, who, i,
		     proxy, i, u.caller_ip, u.caller_ip);
	n += print_sdp(text + n, sizeof(text) - (size_t)n, u.caller_ip);
	u.asked[i] = seconds(CLOCK_MONOTONIC);
	send_text(u.caller, text, (size_t)n, &u.proxy);
}

/* The value of a header as it stands, in s; its length. */
static int header(const char *s, const char *name, const char **at)
{
	const char *p = strstr(s, name);

	*at = p ? p + strlen(name) : "";
	return p ? (int)strcspn(*at, "\r\n") : 0;
}

/* 200 to an INVITE of ours: an ACK to where its Contact says. */
static void answered(const char *s)
{
	const char *id, *to, *from, *contact, *uri;
	int n_id = header(s, "\nCall-ID: ", &id);
	int n_to = header(s, "\nTo: ", &to);
	int n_from = header(s, "\nFrom: ", &from), i;
	char text[1024];
	int n;

	header(s, "\nContact: ", &contact);
	uri = strchr(contact, '<');
	if (!uri || sscanf(id, "bench-%d", &i) != 1 || i < 0 || i >= u.n)
		return;
	n = snprintf(text, sizeof(text),
		     "ACK %.*s SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK-a%d\r\n"
		     "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\n"
		     "CSeq: 1 ACK\r\nMax-Forwards: 70\r\n"
		     "Content-Length: 0\r\n\r\n",
		     (int)strcspn(uri + 1, ">\r\n"), uri + 1, u.caller_ip, i,
		     n_from, from, n_to, to, n_id, id);
	send_in(ACK_S, u.caller, text, (size_t)n, &u.proxy);
	u.n_up += !u.is_up[i];
	u.is_up[i] = true;
}

/* ---- either end is asked */

static bool is_copied(const char *line)
{
	static const char *const names[] = { "Via:", "Record-Route:", "From:",
					     "Call-ID:", "CSeq:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncasecmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

static void reply(int fd, const char *s, const struct sockaddr_in *to)
{
	const char *ip = fd == u.caller ? u.caller_ip : u.called_ip, *at;
	int n_to = header(s, "\nTo: ", &at), len;
	bool has_tag = n_to && memmem(at, (size_t)n_to, ";tag=", 5);
	bool is_invite = !strncmp(s, "INVITE", 6);
	char text[SIZE];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text),
			     "SIP/2.0 200 OK\r\nTo: %.*s%s\r\n"
			     "Contact: <sip:ua@%s:5060>\r\n",
			     n_to, at, has_tag ? "" : ";tag=u1", ip);
	for (const char *line = s;
	     (line = strstr(line, "\r\n")) && strncmp(line, "\r\n\r\n", 4);) {
		line += 2;
		len = (int)strcspn(line, "\r\n") + 2;
		if (is_copied(line) && n + (size_t)len < sizeof(text) - 512) {
			memcpy(text + n, line, (size_t)len);
			n += (size_t)len;
		}
	}
	if (is_invite)
		n += (size_t)print_sdp(text + n, sizeof(text) - n, ip);
	else
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "Content-Length: 0\r\n\r\n");
	send_in(has_tag ? u.delay : 0, fd, text, n, to);
}

static void asked(int fd, const char *s, const struct sockaddr_in *from)
{
	const char *to;
	int n = header(s, "\nTo: ", &to);
	bool is_in_call = n && memmem(to, (size_t)n, ";tag=", 5);

	if (!strncmp(s, "ACK", 3))
		return;
	if (fd == u.called && is_in_call && !strncmp(s, "INVITE", 6) &&
	    memmem(to, (size_t)n, "sip:silent-", 11))
		return;
	reply(fd, s, from);
}

static void take(int fd)
{
	struct sockaddr_in from;
	char s[SIZE];
	ssize_t n;

	for (;;) {
		socklen_t len = sizeof(from);

		n = recvfrom(fd, s, sizeof(s) - 1, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		s[n] = 0;
		if (strncmp(s, "SIP/2.0 ", 8))
			asked(fd, s, &from);
		else if (s[8] == '2' && strstr(s, "\nCSeq: 1 INVITE"))
			answered(s);
	}
}

/* ---- all of it */

static void write_callids(const char *file)
{
	FILE *f = fopen(file, "w");

	for (int i = 0; f && i < u.n; i++)
		fprintf(f, "bench-%d@%s\n", i, u.caller_ip);
	if (!f || fclose(f))
		die("%s: %s", file, strerror(errno));
	printf("ready\n");
	fflush(stdout);
}

static void ask_again(double now)
{
	for (int i = 0; i < u.n; i++)
		if (!u.is_up[i] && u.asked[i] > 0 && now - u.asked[i] > AGAIN_S)
			invite(i);
}

int main(int argc, char **argv)
{
	double start = seconds(CLOCK_MONOTONIC), now, cps, again = 0;
	struct pollfd p[2];
	int next = 0;
	bool is_told = false;

	if (argc != 9)
		die("rehome_ua N CPS SILENT DELAY CALLER CALLED PROXY CALLIDS");
	u.n = atoi(argv[1]);
	cps = atof(argv[2]);
	u.n_silent = atoi(argv[3]);
	u.delay = atof(argv[4]) / 1e3;
	u.caller_ip = argv[5];
	u.called_ip = argv[6];
	u.proxy = address(argv[7]);
	u.caller = open_at(u.caller_ip);
	u.called = open_at(u.called_ip);
	u.is_up = must_alloc((size_t)u.n, sizeof(*u.is_up));
	u.asked = must_alloc((size_t)u.n, sizeof(*u.asked));
	u.n_later = (size_t)u.n + 64;
	u.later = must_alloc(u.n_later, sizeof(*u.later));
	signal(SIGTERM, end);
	p[0] = (struct pollfd){ .fd = u.caller, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = u.called, .events = POLLIN };
	while (!is_over) {
		poll(p, 2, is_told && !u.n_wait ? 1000 : 2);
		take(u.caller);
		take(u.called);
		now = seconds(CLOCK_MONOTONIC);
		send_due(now);
		while (next < u.n && now - start >= next / cps)
			invite(next++);
		if (next == u.n && u.n_up < u.n && now > again) {
			ask_again(now);
			again = now + 0.5;
		}
		if (u.n_up == u.n && !u.n_wait && !is_told) {
			write_callids(argv[8]);
			is_told = true;
		}
	}
	return 0;
}
