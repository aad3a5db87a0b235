/* SPDX-License-Identifier: Apache-2.0 */
/* rehome_peer NAME ROUND HOST PORT WINDOW CALLIDS: the bare loop: each of the calls is
 * asked by dlg_send_sequential over the datagram interface, WINDOW at once, with no
 * journal and no look at memory; prints calls a second, and how long it took. */

#include <poll.h>
#include <sys/socket.h>

#include "bench/bench.h"

#define CALLS 100000
#define TIMEOUT_S 20

static char *callid[CALLS];
static int n_calls;
static bool is_done[CALLS];

static void read_callids(const char *file)
{
	FILE *f = fopen(file, "r");
	char line[256];

	if (!f)
		die("%s: %s", file, strerror(errno));
	while (n_calls < CALLS && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		callid[n_calls++] = strdup(line);
	}
	fclose(f);
}

static int connect_to(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 4 << 20;

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("%s: %s", host, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static void ask(int fd, int i)
{
	char text[512];
	int n = snprintf(
		text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"id\":\"%d\",\"method\":"
		"\"dlg_send_sequential\",\"params\":{\"callid\":\"%s\","
		"\"mode\":\"challenge\",\"body\":\"outbound\"}}",
		i, callid[i]);

	if (send(fd, text, (size_t)n, 0) < 0)
		die("send: %s", strerror(errno));
}

/* The call that a reply is of; *is_moved: by a 2xx. */
static int answer(int fd, bool *is_moved)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const char *id, *code;
	char text[4096];
	ssize_t n;

	if (poll(&p, 1, TIMEOUT_S * 1000) != 1)
		die("no reply in %d s", TIMEOUT_S);
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		die("recv: %s", strerror(errno));
	text[n] = 0;
	id = strstr(text, "\"id\":\"");
	code = strstr(text, "\"Code\":");
	*is_moved = code && code[7] == '2';
	return id ? atoi(id + 6) : -1;
}

int main(int argc, char **argv)
{
	int fd, window, next = 0, under = 0, done = 0, moved = 0, i;
	char name[128];
	bool is_moved;
	double t;

	if (argc != 7)
		die("rehome_peer NAME ROUND HOST PORT WINDOW CALLIDS");
	read_callids(argv[6]);
	fd = connect_to(argv[3], argv[4]);
	window = atoi(argv[5]);
	t = seconds(CLOCK_MONOTONIC);
	while (done < n_calls) {
		for (; under < window && next < n_calls; under++)
			ask(fd, next++);
		i = answer(fd, &is_moved);
		if (i < 0 || i >= n_calls || is_done[i])
			continue;
		is_done[i] = true;
		moved += is_moved;
		under--;
		done++;
	}
	t = seconds(CLOCK_MONOTONIC) - t;
	snprintf(name, sizeof(name), "%s/s", argv[1]);
	figure(name, atoi(argv[2]), t);
	snprintf(name, sizeof(name), "%s/rate", argv[1]);
	figure(name, atoi(argv[2]), n_calls / t);
	snprintf(name, sizeof(name), "%s/moved", argv[1]);
	figure(name, atoi(argv[2]), moved);
	return 0;
}
