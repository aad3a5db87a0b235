/* SPDX-License-Identifier: Apache-2.0 */
/* Host names; getaddrinfo(3) is ours here. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/clock.h"
#include "io/resolve.h"

static atomic_int n_asked;
static atomic_bool is_down;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* hang...: until the gate is open.  nx: no such name.  again: DNS fails. */
int getaddrinfo(const char *host, const char *service,
		const struct addrinfo *want, struct addrinfo **out)
{
	struct fp_prefix p;
	struct {
		struct addrinfo info;
		struct sockaddr_storage to;
	} * found;

	(void)service;
	n_asked++;
	if (!strncmp(host, "hang", 4)) {
		pthread_mutex_lock(&gate);
		pthread_mutex_unlock(&gate);
	}
	usleep(5000);
	if (is_down)
		return EAI_AGAIN;
	if (!strncmp(host, "nx", 2))
		return EAI_NONAME;
	if (!strncmp(host, "again", 5))
		return EAI_AGAIN;
	fp_prefix_parse(&p, strchr(host, '6') ? "2001:db8::6" : "192.0.2.4",
			strchr(host, '6') ? 11 : 9, NULL);
	found = calloc(1, sizeof(*found));
	found->info = *want;
	found->info.ai_addr = (struct sockaddr *)&found->to;
	found->info.ai_addrlen = fp_sockaddr(&p, 0, &found->to);
	*out = &found->info;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	free(list);
}

struct ctx {
	struct fp_loop *l;
	struct fp_work *w;
	struct fp_resolver *r;
	int n_done, stop_at, code;
	char text[64];
	struct fp_err err;
	bool is_closing;
};

static void open_all(struct ctx *c)
{
	struct fp_err e;

	memset(c, 0, sizeof(*c));
	EQ(fp_loop_open(&c->l, &e), 0);
	EQ(fp_work_open(&c->w, c->l, 32, &e), 0);
	EQ(fp_resolver_open(&c->r, c->l, c->w, &e), 0);
}

static void close_all(struct ctx *c)
{
	fp_resolver_close(c->r);
	fp_work_close(c->w);
	fp_loop_close(c->l);
}

static void on_done(void *arg, int code, const struct sockaddr *to,
		    socklen_t len, const struct fp_err *e)
{
	struct ctx *c = arg;
	char host[48], port[8];

	if (++c->n_done == c->stop_at)
		fp_loop_stop(c->l);
	c->code = code;
	c->err = *e;
	*c->text = 0;
	if (!code &&
	    EQ(getnameinfo(to, len, host, sizeof(host), port, sizeof(port),
			   NI_NUMERICHOST | NI_NUMERICSERV),
	       0))
		snprintf(c->text, sizeof(c->text), "%s %s", host, port);
	if (c->is_closing) {
		fp_resolver_close(c->r);
		c->r = NULL;
	}
}

static struct fp_lookup *ask(struct ctx *c, const char *word,
			     int64_t timeout_ms)
{
	struct fp_lookup *q = (void *)c;
	struct fp_endpoint p;
	struct fp_err e;

	EQ(fp_endpoint_parse(&p, word, strlen(word), &e), 0);
	EQ(fp_resolve(c->r, &p, 5060, timeout_ms, on_done, c, &q, &e), 0);
	return q;
}

TEST(addresses_at_once)
{
	struct ctx c;

	open_all(&c);
	OK(!ask(&c, "udp:192.0.2.1:5070", 1000));
	STR(c.text, "192.0.2.1 5070");
	OK(!ask(&c, "[2001:db8::1]", 1000));
	STR(c.text, "2001:db8::1 5060");
	EQ(c.n_done, 2);
	EQ(n_asked, 0);
	close_all(&c);
}

TEST(one_question_a_name)
{
	struct ctx c;

	open_all(&c);
	for (int i = 0; i < 10; i++)
		OK(ask(&c, "udp:sip1.example.net:5070", 1000));
	ask(&c, "SIP1.example.NET", 1000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 11);
	EQ(n_asked, 1);
	STR(c.text, "192.0.2.4 5060");
	/* known for 60 s */
	OK(!ask(&c, "sip1.example.net:1", 1000));
	STR(c.text, "192.0.2.4 1");
	fp_clock_turn(59000);
	OK(!ask(&c, "sip1.example.net:1", 1000));
	fp_clock_turn(2000);
	OK(ask(&c, "sip1.example.net:1", 1000));
	EQ(fp_loop_run(c.l), 0);
	EQ(n_asked, 2);
	ask(&c, "host6", 1000);
	EQ(fp_loop_run(c.l), 0);
	STR(c.text, "2001:db8::6 5060");
	close_all(&c);
}

TEST(failures_are_known_for_5_s)
{
	struct ctx c;

	open_all(&c);
	ask(&c, "nx.example.net", 1000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ENOENT);
	STR(c.err.text, "nx.example.net: no such host name");
	OK(!ask(&c, "nx.example.net", 1000));
	EQ(c.code, -ENOENT);
	ask(&c, "again.example.net", 1000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -EHOSTUNREACH);
	HAS(c.err.text, "again.example.net: Temporary failure");
	EQ(n_asked, 2);
	fp_clock_turn(5001);
	OK(ask(&c, "nx.example.net", 1000));
	EQ(fp_loop_run(c.l), 0);
	EQ(n_asked, 3);
	close_all(&c);
}

/* A name that hangs is one thread, and others are not kept waiting. */
static int n_stale;

static void on_stale(void *ctx, const char *host, const struct fp_err *e)
{
	(void)ctx;
	STR(host, "hang-on.example.net");
	OK(*e->text);
	n_stale++;
}

static void fire_stop(void *ctx)
{
	fp_loop_stop(ctx);
}

static void run_10ms(struct ctx *c)
{
	struct fp_timer t = { .fire = fire_stop, .ctx = c->l };

	fp_loop_timer_arm(c->l, &t, fp_clock_ms() + 10);
	fp_loop_run(c->l);
}

static void wait_asked(struct ctx *c, int n)
{
	for (int i = 0; i < 500 && n_asked < n; i++)
		run_10ms(c);
	EQ(n_asked, n);
	for (int i = 0; i < 10; i++) /* and for its answer */
		run_10ms(c);
}

/* A DNS that is away takes no address away.  No such name is an answer. */
TEST(last_address_while_dns_is_away)
{
	static const char name[] = "hang-on.example.net";
	struct ctx c;

	open_all(&c);
	fp_resolver_on_stale(c.r, on_stale, NULL);
	c.stop_at = 1;
	ask(&c, name, 1000);
	EQ(fp_loop_run(c.l), 0);
	STR(c.text, "192.0.2.4 5060");
	/* it fails */
	fp_clock_turn(61000);
	is_down = true;
	c.stop_at = 2;
	OK(ask(&c, name, 1000));
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, 0);
	STR(c.text, "192.0.2.4 5060");
	EQ(n_stale, 1);
	/* it is asked again beside, and fails again */
	fp_clock_turn(6000);
	OK(!ask(&c, name, 1000));
	STR(c.text, "192.0.2.4 5060");
	wait_asked(&c, 3);
	EQ(n_stale, 1);
	is_down = false;
	fp_clock_turn(6000);
	OK(!ask(&c, name, 1000));
	wait_asked(&c, 4);
	/* it hangs: a part of the time is given to it */
	fp_clock_turn(61000);
	pthread_mutex_lock(&gate);
	c.stop_at = 5;
	OK(ask(&c, name, 400));
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, 0);
	STR(c.text, "192.0.2.4 5060");
	OK(!ask(&c, name, 400));
	pthread_mutex_unlock(&gate);
	EQ(n_stale, 2);
	close_all(&c);
}

TEST(hanging_names)
{
	struct ctx c;
	long start_ms = unit_now_ms();

	open_all(&c);
	pthread_mutex_lock(&gate);
	ask(&c, "hang1", 50);
	ask(&c, "hang1", 30);
	ask(&c, "good", 60000);
	c.stop_at = 3;
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 3);
	OK(unit_now_ms() - start_ms < 20000);
	EQ(n_asked, 2);
	EQ(c.code, -ETIMEDOUT);
	HAS(c.err.text, "hang1: no answer of DNS");
	pthread_mutex_unlock(&gate);
	close_all(&c);
}

static void stop(void *arg)
{
	fp_loop_stop(arg);
}

/* The waiting end at their own deadline, while the question goes on; whoever asks
 * again joins it. */
TEST(question_outlives_those_who_ask)
{
	struct ctx c;
	struct fp_timer t = { .fire = stop };
	int64_t began_ms = fp_clock_ms();

	open_all(&c);
	t.ctx = c.l;
	pthread_mutex_lock(&gate);
	ask(&c, "hang1", 20);
	fp_loop_timer_arm(c.l, &t, began_ms + 100);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 1);
	HAS(c.err.text, "within 20 ms");
	OK(ask(&c, "hang1", 60000));
	fp_resolve_cancel(ask(&c, "hang1", 60000));
	EQ(n_asked, 1);
	pthread_mutex_unlock(&gate);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 2);
	EQ(c.code, 0);
	EQ(n_asked, 1);
	close_all(&c);
}

/* More names at once than threads are given to them. */
TEST(names_wait_for_their_turn)
{
	struct ctx c;
	char name[16];

	open_all(&c);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		ask(&c, name, 60000);
	}
	OK(n_asked <= 64);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 100);
	EQ(n_asked, 100);
	close_all(&c);
}

TEST(closed_from_within)
{
	struct ctx c;

	open_all(&c);
	c.is_closing = true;
	for (int i = 0; i < 5; i++)
		ask(&c, i % 2 ? "a" : "b", 60000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 1);
	close_all(&c);
}
