/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_LISTING_H
#define FP_TEST_LISTING_H

/* A server on the loop of its client, with a table of dialogs that a case changes
 * between pages, and a client that lists them. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "io/clock.h"
#include "rehome/listing.h"
#include "unit.h"

#define MAX 4096

static struct {
	struct fp_loop *loop;
	struct fp_mi *mi;
	int fd;
	struct sockaddr_in from;
	/* the server: call-ids in the order of its table */
	int dialog[MAX], n;
	int n_asked, next_id;
	unsigned int index, counter;
	size_t max; /* of dialogs in a reply; 0: any */
	/* before each answer; returns how it is to be answered */
	enum answer {
		GIVE,
		TWICE,
		LATE,
		CUT,
		LOSE,
		BIG,
		NO,
		ODD
	} (*will)(void);
	char late[65536], seen[MAX];
	struct fp_timer timer;
	/* what came of it */
	int n_done, code;
	struct fp_dialogs *set;
	char text[512];
	uint64_t done, total;
} t;

/* ---- the server */

static void add(int n)
{
	while (n--)
		t.dialog[t.n++] = t.next_id++;
}

/* Those from..to-1 of the table end, and the rest moves up. */
static void end(int from, int to)
{
	memmove(t.dialog + from, t.dialog + to,
		(size_t)(t.n - to) * sizeof(*t.dialog));
	t.n -= to - from;
}

static size_t page(char *out, size_t size, const char *id)
{
	size_t n = (size_t)snprintf(out, size,
				    "{\"jsonrpc\":\"2.0\",\"result\":{"
				    "\"count\":%d,\"Dialogs\":[",
				    t.n);

	for (unsigned int i = 0; i < t.counter && t.index + i < (unsigned)t.n;
	     i++)
		n += (size_t)snprintf(
			out + n, size - n,
			"%s{\"callid\":\"c%d\",\"state\":4,\"timestart\":9,"
			"\"context\":{\"values\":[{\"dlgX_shtag\":\"a\"}]}}",
			i ? "," : "", t.dialog[t.index + i]);
	return n + (size_t)snprintf(out + n, size - n, "]},\"id\":\"%s\"}", id);
}

static void send_bytes(const char *s, size_t n)
{
	sendto(t.fd, s, n, 0, (struct sockaddr *)&t.from, sizeof(t.from));
}

static void send_late(void *ctx)
{
	(void)ctx;
	send_bytes(t.late, strlen(t.late));
}

static void answer(enum answer how, const char *id)
{
	char out[65536];
	size_t n = page(out, sizeof(out), id);

	if (t.max && t.counter > t.max)
		how = BIG;
	switch (how) {
	case TWICE:
		send_bytes(out, n);
		/* fallthrough */
	case GIVE:
		send_bytes(out, n);
		break;
	case LATE:
		strcpy(t.late, out);
		fp_loop_timer_arm(t.loop, &t.timer, fp_clock_ms() + 150);
		break;
	case CUT:
		send_bytes(out, n / 2);
		break;
	case BIG:
		send_bytes("500 Internal error", 18);
		break;
	case NO:
		n = (size_t)
			snprintf(out, sizeof(out),
				 "{\"error\":{\"code\":500,\"message\":"
				 "\"Server Internal Error\"},\"id\":\"%s\"}",
				 id);
		send_bytes(out, n);
		break;
	case ODD:
		n = (size_t)snprintf(out, sizeof(out),
				     "{\"result\":\"OK\",\"id\":\"%s\"}", id);
		send_bytes(out, n);
		break;
	case LOSE:
		break;
	}
}

static void served(void *ctx, uint32_t events)
{
	socklen_t len = sizeof(t.from);
	char asked[1024], id[64];
	const char *at;
	ssize_t n;

	(void)ctx;
	(void)events;
	n = recvfrom(t.fd, asked, sizeof(asked) - 1, 0,
		     (struct sockaddr *)&t.from, &len);
	if (n < 0)
		return;
	asked[n] = 0;
	at = strstr(asked, "\"index\":");
	HAS(asked, "\"dlg_list_ctx\"");
	if (!OK(at && sscanf(at, "\"index\":%u,\"counter\":%u", &t.index,
			     &t.counter) == 2) ||
	    !OK(sscanf(strstr(asked, "\"id\":\""), "\"id\":\"%63[^\"]", id)))
		return;
	t.n_asked++;
	answer(t.will ? t.will() : GIVE, id);
}

/* ---- the client */

static void listed(void *ctx, int code, struct fp_dialogs *s,
		   const struct fp_err *e)
{
	(void)ctx;
	t.n_done++;
	t.code = code;
	t.set = s;
	snprintf(t.text, sizeof(t.text), "%s", e->text);
	fp_loop_stop(t.loop);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	OK(done <= total);
	t.done = done;
	t.total = total;
}

static void open_all(int n, enum answer (*will)(void))
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct fp_mi_opts o = { .to.transport = FP_T_UDP,
				.to.host = "127.0.0.1",
				.sa_len = sizeof(sa) };
	socklen_t len = sizeof(sa);

	t.will = will;
	t.timer.fire = send_late;
	t.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bind(t.fd, (struct sockaddr *)&sa, sizeof(sa));
	getsockname(t.fd, (struct sockaddr *)&sa, &len);
	o.to.port = ntohs(sa.sin_port);
	memcpy(&o.sa, &sa, sizeof(sa));
	add(n);
	if (!OK(!fp_loop_open(&t.loop, NULL)) ||
	    !OK(!fp_loop_fd_add(t.loop, t.fd, EPOLLIN, served, NULL)) ||
	    !OK(!fp_mi_open(&t.mi, t.loop, &o, NULL)))
		exit(1);
}

static void close_all(void)
{
	fp_dialogs_free(t.set);
	fp_mi_close(t.mi);
	fp_loop_timer_disarm(t.loop, &t.timer);
	close(t.fd);
	fp_loop_close(t.loop);
}

static struct fp_listing *start(unsigned int size)
{
	struct fp_listing_opts o = { .mi = t.mi,
				     .page = size,
				     .timeout_ms = 300,
				     .progress = progress,
				     .done = listed };
	struct fp_listing *l = NULL;

	EQ(fp_listing_start(&l, &o, NULL), 0);
	return l;
}

/* n dialogs at first, by pages of that size. */
static void list(int n, unsigned int size, enum answer (*will)(void))
{
	open_all(n, will);
	start(size);
	fp_loop_run(t.loop);
	EQ(t.n_done, 1);
}

static bool has(int dialog)
{
	char callid[16];

	snprintf(callid, sizeof(callid), "c%d", dialog);
	return t.set && fp_dialogs_find(t.set, callid);
}

/* All that the table has now, and nothing else. */
static void is_whole(void)
{
	EQ(t.code, 0);
	if (!OK(t.set))
		return;
	EQ(fp_dialogs_n(t.set), t.n);
	for (int i = 0; i < t.n; i++)
		if (!OK(has(t.dialog[i])))
			printf("# c%d is missing\n", t.dialog[i]);
}

#endif
