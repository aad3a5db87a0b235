/* SPDX-License-Identifier: Apache-2.0 */
/* The management interface over HTTP: servers that never end, and none for want of
 * a descriptor of ours. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>

#include "io/clock.h"
#include "peer/mi.h"
#include "unit.h"

#define MAX (1u << 20)

static struct {
	struct fp_loop *loop;
	struct fp_mi *mi;
	int fd;
	const char *first;
	size_t sent;
	pthread_t thread;
	int code;
	char text[512];
} t;

/* Once: a reply without end. */
static void *serve(void *arg)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	static char more[65536];
	int fd = accept(t.fd, NULL, NULL);
	ssize_t n = 1;

	(void)arg;
	memset(more, 'x', sizeof(more));
	send(fd, head, strlen(head), MSG_NOSIGNAL);
	send(fd, t.first, strlen(t.first), MSG_NOSIGNAL);
	while (n > 0 && t.sent < 64 * MAX) {
		n = send(fd, more, sizeof(more), MSG_NOSIGNAL);
		t.sent += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return NULL;
}

static void done(void *ctx, int code, const struct fp_jsonrpc *r,
		 const struct fp_err *e)
{
	(void)ctx;
	(void)r;
	t.code = code;
	snprintf(t.text, sizeof(t.text), "%s", e->text);
	fp_loop_stop(t.loop);
}

static void start(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct fp_mi_opts o = { .sa_len = sizeof(sa), .reply_max = MAX };
	socklen_t len = sizeof(sa);
	char url[64];

	t.fd = socket(AF_INET, SOCK_STREAM, 0);
	EQ(bind(t.fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	EQ(listen(t.fd, 1), 0);
	getsockname(t.fd, (struct sockaddr *)&sa, &len);
	memcpy(&o.sa, &sa, sizeof(sa));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/mi",
		 ntohs(sa.sin_port));
	EQ(fp_endpoint_parse(&o.to, url, strlen(url), NULL), 0);
	EQ(fp_loop_open(&t.loop, NULL), 0);
	if (!EQ(fp_mi_open(&t.mi, t.loop, &o, NULL), 0))
		exit(1);
	EQ(fp_mi_reply_max(t.mi), MAX);
}

static void ask(void)
{
	EQ(fp_mi_ask(t.mi, "uptime", NULL, 20000, done, NULL, NULL, NULL), 0);
	fp_loop_run(t.loop);
}

static void end(void)
{
	fp_mi_close(t.mi);
	close(t.fd);
	fp_loop_close(t.loop);
}

static void flood(const char *first)
{
	start();
	t.first = first;
	pthread_create(&t.thread, NULL, serve, NULL);
	ask();
	pthread_join(t.thread, NULL);
	end();
}

TEST(a_reply_without_end)
{
	flood("{\"jsonrpc\":\"2.0\",\"result\":\"");
	EQ(t.code, -EMSGSIZE);
	HAS(t.text, "longer than 1048576 bytes");
	OK(t.sent < 32 * MAX);
}

TEST(garbage_without_end)
{
	flood("<html>");
	EQ(t.code, -EBADMSG);
	HAS(t.text, "no JSON");
	HAS(t.text, "<html>");
	OK(t.sent < 32 * MAX);
}

TEST(no_descriptor_left)
{
	struct rlimit all, none;

	start();
	getrlimit(RLIMIT_NOFILE, &all);
	none = all;
	none.rlim_cur = 3;
	EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	ask();
	EQ(t.code, -EMFILE);
	HAS(t.text, "Too many open files");
	setrlimit(RLIMIT_NOFILE, &all);
	end();
}
