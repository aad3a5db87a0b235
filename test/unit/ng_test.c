/* SPDX-License-Identifier: Apache-2.0 */
/* rtpengine's control protocol: whose answer counts, what is sent again, and what
 * ICMP says.  The server is a socket of ours. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "unit.h"

#include "io/clock.h"
#include "peer/ng.h"

#define PING "d7:command4:pinge"

struct server {
	struct fp_loop *loop;
	struct fp_ng *ng;
	int fd, other_fd;
	struct sockaddr_in at;
	int n_asked;
	char first[64]; /* the first question, cookie and all */
	void (*answer)(struct server *s, const char *cookie,
		       const struct sockaddr_in *to);
	/* what done said */
	int n_done, code;
	char said[512];
};

static int bound(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	OK(!bind(fd, (struct sockaddr *)at, sizeof(*at)));
	OK(!getsockname(fd, (struct sockaddr *)at, &len));
	return fd;
}

static void on_question(void *ctx, uint32_t events)
{
	struct server *s = ctx;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char text[256], cookie[64];
	ssize_t n;

	(void)events;
	n = recvfrom(s->fd, text, sizeof(text) - 1, 0, (struct sockaddr *)&from,
		     &len);
	if (n < 0)
		return;
	text[n] = 0;
	if (!s->n_asked++)
		snprintf(s->first, sizeof(s->first), "%s", text);
	snprintf(cookie, sizeof(cookie), "%.*s", (int)strcspn(text, " "), text);
	HAS(text, " " PING);
	s->answer(s, cookie, &from);
}

static void say(const struct server *s, int fd, const char *cookie,
		const char *text, const struct sockaddr_in *to)
{
	char datagram[256];

	(void)s;
	snprintf(datagram, sizeof(datagram), "%s %s", cookie, text);
	sendto(fd, datagram, strlen(datagram), 0, (const struct sockaddr *)to,
	       sizeof(*to));
}

static void on_done(void *ctx, int code, const struct fp_bencode *r,
		    const struct fp_err *e)
{
	struct server *s = ctx;
	struct fp_bencode v;

	s->n_done++;
	s->code = code;
	if (code)
		snprintf(s->said, sizeof(s->said), "%s", e->text);
	else if (fp_bencode_get(r, "result", &v))
		snprintf(s->said, sizeof(s->said), "%.*s", (int)v.n, v.p);
	fp_loop_stop(s->loop);
}

static void begin(struct server *s,
		  void (*answer)(struct server *s, const char *cookie,
				 const struct sockaddr_in *to))
{
	struct sockaddr_in other;

	*s = (struct server){ .answer = answer };
	s->fd = bound(&s->at);
	s->other_fd = bound(&other);
	EQ(fp_loop_open(&s->loop, NULL), 0);
	EQ(fp_loop_fd_add(s->loop, s->fd, EPOLLIN, on_question, s), 0);
	EQ(fp_ng_open(&s->ng, s->loop, NULL), 0);
}

static void ask(struct server *s, int64_t timeout_ms)
{
	EQ(fp_ng_ask(s->ng, (struct sockaddr *)&s->at, sizeof(s->at), PING,
		     strlen(PING), timeout_ms, on_done, s, NULL, NULL),
	   0);
}

static void end(struct server *s)
{
	fp_ng_close(s->ng);
	fp_loop_close(s->loop);
	close(s->fd);
	close(s->other_fd);
}

static void pong(struct server *s, const char *cookie,
		 const struct sockaddr_in *to)
{
	say(s, s->fd, cookie, "d6:result4:ponge", to);
}

TEST(answered)
{
	struct server s;

	begin(&s, pong);
	ask(&s, 5000);
	EQ(fp_loop_run(s.loop), 0);
	EQ(s.n_done, 1);
	EQ(s.code, 0);
	STR(s.said, "pong");
	end(&s);
}

/* Another cookie, another address, no cookie, before the right one. */
static void strangers(struct server *s, const char *cookie,
		      const struct sockaddr_in *to)
{
	char wrong[64];

	snprintf(wrong, sizeof(wrong), "%s", cookie);
	wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
	say(s, s->fd, wrong, "d6:result5:wronge", to);
	say(s, s->other_fd, cookie, "d6:result5:othere", to);
	say(s, s->fd, "", "d6:result5:bare e", to);
	say(s, s->fd, "d6:result4:ponge", "", to);
	sendto(s->fd, "", 0, 0, (const struct sockaddr *)to, sizeof(*to));
	sendto(s->fd, cookie, strlen(cookie), 0, (const struct sockaddr *)to,
	       sizeof(*to));
	say(s, s->fd, cookie, "d6:result5:righte", to);
	/* and once more: nobody waits for it */
	say(s, s->fd, cookie, "d6:result5:againe", to);
}

TEST(another_answer_is_nobodys)
{
	struct server s;

	begin(&s, strangers);
	ask(&s, 5000);
	EQ(fp_loop_run(s.loop), 0);
	STR(s.said, "right");
	EQ(s.n_asked, 1);
	EQ(s.n_done, 1);
	end(&s);
}

static void third_time(struct server *s, const char *cookie,
		       const struct sockaddr_in *to)
{
	EQ(strncmp(s->first, cookie, strlen(cookie)), 0);
	if (s->n_asked == 3)
		pong(s, cookie, to);
	else
		fp_clock_turn(s->n_asked == 1 ? 500 : 1000);
}

/* After 500 ms, then each second, with the same cookie. */
TEST(asked_again)
{
	struct server s;

	begin(&s, third_time);
	ask(&s, 5000);
	EQ(fp_loop_run(s.loop), 0);
	EQ(s.n_asked, 3);
	STR(s.said, "pong");
	end(&s);
}

static void turn(struct server *s, const char *cookie,
		 const struct sockaddr_in *to)
{
	(void)s;
	(void)cookie;
	(void)to;
	fp_clock_turn(1000);
}

TEST(silence)
{
	struct server s;

	begin(&s, turn);
	ask(&s, 2700);
	EQ(fp_loop_run(s.loop), 0);
	EQ(s.code, -ETIMEDOUT);
	EQ(s.n_asked, 3);
	end(&s);
}

TEST(nobody_listens)
{
	struct server s;

	begin(&s, pong);
	fp_loop_fd_del(s.loop, s.fd);
	close(s.fd);
	s.fd = -1;
	ask(&s, 5000);
	EQ(fp_loop_run(s.loop), 0);
	EQ(s.code, -ECONNREFUSED);
	STR(s.said, "Connection refused");
	end(&s);
}

static void garbage(struct server *s, const char *cookie,
		    const struct sockaddr_in *to)
{
	say(s, s->fd, cookie, "d6:result", to);
}

TEST(garbage_is_an_answer)
{
	struct server s;

	begin(&s, garbage);
	ask(&s, 5000);
	EQ(fp_loop_run(s.loop), 0);
	EQ(s.code, -EBADMSG);
	HAS(s.said, "its answer: no bencoding");
	end(&s);
}

static void on_many(void *ctx, int code, const struct fp_bencode *r,
		    const struct fp_err *e)
{
	struct server *s = ctx;

	(void)r;
	(void)e;
	EQ(code, 0);
	if (++s->n_done == 300)
		fp_loop_stop(s->loop);
}

/* Many at once, some of them dropped again. */
TEST(hundreds)
{
	struct fp_ng_call *c[310];
	struct server s;

	begin(&s, pong);
	for (int i = 0; i < 310; i++)
		EQ(fp_ng_ask(s.ng, (struct sockaddr *)&s.at, sizeof(s.at), PING,
			     strlen(PING), 60000, on_many, &s, &c[i], NULL),
		   0);
	for (int i = 0; i < 310; i += 31)
		fp_ng_drop(c[i]);
	EQ(fp_loop_run(s.loop), 0);
	EQ(s.n_done, 300);
	end(&s);
}
