/* SPDX-License-Identifier: Apache-2.0 */
/* SIP transactions with servers of this process, over real sockets. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "io/clock.h"
#include "peer/sip.h"

/* What is put in the place of what the request had; NULL: as it was. */
struct change {
	const char *status, *branch, *call_id, *cseq;
};

struct ctx {
	struct fp_loop *l;
	struct fp_sip *sip;
	/* the server */
	int fd, other_fd, accepted;
	struct sockaddr_in at;
	const struct change *change; /* of each answer; NULL: silence */
	size_t n_changes;
	bool is_other; /* it answers from another address */
	int n_asked;
	int64_t asked_ms[32];
	char request[2048];
	/* what was told */
	int n_done, code, status, stop_at;
	char reason[64];
	struct fp_err err;
	struct fp_sip_call *call;
	struct fp_timer timer;
	bool is_closing;
};

static void on_done(void *arg, int code, const struct fp_sip_response *r,
		    int cert_days, const struct fp_err *e)
{
	struct ctx *c = arg;

	EQ(cert_days, -1);
	EQ(!code, r != NULL);
	c->call = NULL;
	c->code = code;
	c->err = *e;
	if (r) {
		c->status = r->status;
		snprintf(c->reason, sizeof(c->reason), "%s", r->reason);
	}
	if (c->is_closing) {
		fp_sip_close(c->sip);
		c->sip = NULL;
		fp_loop_stop(c->l);
	}
	if (++c->n_done == c->stop_at)
		fp_loop_stop(c->l);
}

/* ---- the server */

/* The value between a mark and the next of ends, in the request. */
static void part(const char *request, const char *mark, const char *ends,
		 char out[128])
{
	const char *at = strstr(request, mark);

	*out = 0;
	if (OK(at))
		snprintf(out, 128, "%.*s",
			 (int)strcspn(at + strlen(mark), ends),
			 at + strlen(mark));
}

static int answer(const char *request, const struct change *v, char out[2048])
{
	char branch[128], call_id[128], cseq[128];

	part(request, ";branch=", ";\r", branch);
	part(request, "Call-ID: ", "\r", call_id);
	part(request, "CSeq: ", "\r", cseq);
	return snprintf(out, 2048,
			"SIP/2.0 %s\r\n"
			"Via: SIP/2.0/X h;branch=%s;rport=1\r\n"
			"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n"
			"Call-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
			v->status, v->branch ? v->branch : branch,
			v->call_id ? v->call_id : call_id,
			v->cseq ? v->cseq : cseq);
}

static void on_request(void *arg, uint32_t events)
{
	struct ctx *c = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char text[2048];
	ssize_t n = recvfrom(c->fd, c->request, sizeof(c->request) - 1, 0,
			     (struct sockaddr *)&from, &len);

	(void)events;
	if (n < 0)
		return;
	c->request[n] = 0;
	if (c->n_asked < 32)
		c->asked_ms[c->n_asked] = fp_clock_ms();
	c->n_asked++;
	for (size_t i = 0; i < c->n_changes; i++) {
		int size = answer(c->request, &c->change[i], text);

		sendto(c->is_other ? c->other_fd : c->fd, text, (size_t)size, 0,
		       (struct sockaddr *)&from, len);
	}
}

static int udp_at(uint32_t address, struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*at);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	at->sin_addr.s_addr = htonl(address);
	EQ(bind(fd, (struct sockaddr *)at, len), 0);
	EQ(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

static void begin(struct ctx *c)
{
	struct fp_sip_opts o = { .from_user = NULL };
	struct sockaddr_in other;
	struct fp_err e;

	memset(c, 0, sizeof(*c));
	c->accepted = -1;
	c->stop_at = 1;
	EQ(fp_loop_open(&c->l, &e), 0);
	EQ(fp_sip_open(&c->sip, c->l, &o, &e), 0);
	c->fd = udp_at(INADDR_LOOPBACK, &c->at);
	c->other_fd = udp_at(INADDR_LOOPBACK + 1, &other);
	EQ(fp_loop_fd_add(c->l, c->fd, EPOLLIN, on_request, c), 0);
}

static void finish(struct ctx *c)
{
	fp_sip_close(c->sip);
	fp_loop_close(c->l);
	close(c->fd);
	close(c->other_fd);
	if (c->accepted >= 0)
		close(c->accepted);
}

static void ask(struct ctx *c, enum fp_transport t, int64_t timeout_ms)
{
	struct fp_endpoint to = { .transport = t, .host = "127.0.0.1" };
	struct fp_err e;

	EQ(fp_prefix_parse(&to.addr, to.host, strlen(to.host), NULL), 0);
	to.port = ntohs(c->at.sin_port);
	if (!EQ(fp_sip_ask(c->sip, &to, (struct sockaddr *)&c->at,
			   sizeof(c->at), NULL, timeout_ms, on_done, c,
			   &c->call, &e),
		0))
		printf("# %s\n", e.text);
}

/* ---- UDP */

TEST(udp_answered)
{
	static const struct change ok = { .status = "200 OK" };
	char want[256];
	struct ctx c;

	begin(&c);
	c.change = &ok;
	c.n_changes = 1;
	ask(&c, FP_T_NONE, 5000);
	EQ(c.n_done, 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 1);
	EQ(c.code, 0);
	EQ(c.status, 200);
	STR(c.reason, "OK");
	EQ(c.n_asked, 1);
	snprintf(want, sizeof(want),
		 "OPTIONS sip:127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP "
		 "127.0.0.1:",
		 ntohs(c.at.sin_port));
	HAS(c.request, want);
	HAS(c.request, "\r\nFrom: <sip:fastpath@127.0.0.1>;tag=");
	finish(&c);
}

/* RFC 3261 17.1.2.2: 0, 500, 1500, 3500, 7500, and then each 4 s. */
static void run_fast(void *arg)
{
	struct ctx *c = arg;

	fp_clock_turn(15);
	fp_loop_timer_arm(c->l, &c->timer, fp_clock_ms() + 1);
}

static void check_times(const struct ctx *c, const int64_t *at_ms, int n)
{
	EQ(c->n_asked, n);
	for (int i = 0; i < n && i < c->n_asked; i++) {
		int64_t late_ms = c->asked_ms[i] - c->asked_ms[0] - at_ms[i];

		if (!OK(late_ms >= -20 && late_ms < 300))
			printf("# request %d is %lld ms late\n", i,
			       (long long)late_ms);
	}
}

TEST(udp_silence_and_its_timers)
{
	static const int64_t at_ms[] = { 0,     500,   1500,  3500,
					 7500,  11500, 15500, 19500,
					 23500, 27500, 31500 };
	struct ctx c;

	begin(&c);
	c.timer = (struct fp_timer){ .fire = run_fast, .ctx = &c };
	run_fast(&c);
	ask(&c, FP_T_UDP, 32000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	STR(c.err.text, "no reply within 32000 ms, asked 11 times");
	check_times(&c, at_ms, 11);
	finish(&c);
}

/* A provisional answer is not the end; after it each 4 s. */
TEST(udp_provisional)
{
	static const int64_t at_ms[] = { 0, 500, 4500, 8500 };
	static const struct change trying = { .status = "100 Trying" };
	struct ctx c;

	begin(&c);
	c.change = &trying;
	c.n_changes = 1;
	c.timer = (struct fp_timer){ .fire = run_fast, .ctx = &c };
	run_fast(&c);
	ask(&c, FP_T_UDP, 10000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	STR(c.err.text, "no more than a 100 within 10000 ms");
	check_times(&c, at_ms, 4);
	finish(&c);
}

/* ---- BYE within somebody else's dialog */

static int say_bye(struct ctx *c, enum fp_transport t, const char *call_id,
		   struct fp_err *e)
{
	struct fp_endpoint to = { .transport = t, .host = "127.0.0.1" };
	const struct fp_sip_bye bye = {
		.from = "<sip:caller@h>;tag=c",
		.to = "<sip:called@h>;tag=s",
		.call_id = call_id,
		.cseq = 4,
	};

	to.port = ntohs(c->at.sin_port);
	return fp_sip_ask_bye(c->sip, &to, (struct sockaddr *)&c->at,
			      sizeof(c->at), NULL, &bye, 2000, on_done, c,
			      &c->call, e);
}

TEST(bye_answered)
{
	static const struct change ok = { .status = "200 OK" };
	struct ctx c;
	struct fp_err e;

	begin(&c);
	c.change = &ok;
	c.n_changes = 1;
	EQ(say_bye(&c, FP_T_UDP, "1-24@192.0.2.50", &e), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, 0);
	EQ(c.status, 200);
	EQ(c.n_asked, 1);
	OK(!strncmp(c.request, "BYE sip:127.0.0.1:", 18));
	HAS(c.request, "\r\nFrom: <sip:caller@h>;tag=c\r\n"
		       "To: <sip:called@h>;tag=s\r\n"
		       "Call-ID: 1-24@192.0.2.50\r\n");
	HAS(c.request, "\r\nCSeq: 4 BYE\r\n");
	finish(&c);
}

/* What differs in one of them is no answer; the last one is. */
TEST(bye_answers_of_others)
{
	static const struct change other[] = {
		{ .status = "200 OK", .call_id = "1-24@192.0.2.51" },
		{ .status = "200 OK", .call_id = "1-24@192.0.2.5" },
		{ .status = "200 OK", .call_id = "" },
		{ .status = "200 OK", .cseq = "4 OPTIONS" },
		{ .status = "200 OK", .cseq = "5 BYE" },
		{ .status = "481 Call Does Not Exist" },
	};
	struct ctx c;
	struct fp_err e;

	begin(&c);
	c.change = other;
	c.n_changes = sizeof(other) / sizeof(*other);
	EQ(say_bye(&c, FP_T_UDP, "1-24@192.0.2.50", &e), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, 0);
	EQ(c.status, 481);
	finish(&c);
}

TEST(bye_with_a_line_too_many)
{
	struct ctx c;
	struct fp_err e;

	begin(&c);
	EQ(say_bye(&c, FP_T_UDP, "1\r\nX: y", &e), -EINVAL);
	EQ(c.n_done, 0);
	finish(&c);
}

static const struct change wrong[] = {
	{ .status = "200 OK",
	  .branch = "z9hG4bK00000000000000000000000000000000" },
	{ .status = "200 OK", .branch = "z9hG4bK" },
	{ .status = "200 OK", .branch = "" },
	{ .status = "200 OK", .call_id = "000000000000000000000000" },
	{ .status = "200 OK", .call_id = "" },
	{ .status = "200 OK", .cseq = "0 OPTIONS" },
	{ .status = "200 OK", .cseq = "4294967295 OPTIONS" },
	{ .status = "200 OK", .cseq = "1 INVITE" },
	{ .status = "99 OK" },
	{ .status = "" },
};

/* Another's reply, or none at all, is silence: then ours comes. */
TEST(udp_not_ours)
{
	static const struct change all[] = { { .status = "486 Busy Here" } };
	struct ctx c;

	begin(&c);
	c.change = wrong;
	c.n_changes = sizeof(wrong) / sizeof(*wrong);
	ask(&c, FP_T_UDP, 120);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	STR(c.err.text, "no reply within 120 ms, asked 1 time");
	c.change = all;
	c.n_changes = 1;
	c.is_other = true;
	c.stop_at = 2;
	ask(&c, FP_T_UDP, 120);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	c.is_other = false;
	c.stop_at = 3;
	ask(&c, FP_T_UDP, 5000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, 0);
	EQ(c.status, 486);
	finish(&c);
}

/* An answer that comes when nobody waits any more, and one that comes twice. */
TEST(udp_late_and_twice)
{
	static const struct change twice[] = { { .status = "200 OK" },
					       { .status = "500 No" } };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char request[2048] = "", text[2048];
	struct ctx c;

	begin(&c);
	fp_loop_fd_del(c.l, c.fd);
	ask(&c, FP_T_UDP, 50);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	OK(recvfrom(c.fd, request, sizeof(request) - 1, 0,
		    (struct sockaddr *)&from, &len) > 0);
	len = sizeof(struct sockaddr_in);
	sendto(c.fd, text, (size_t)answer(request, twice, text), 0,
	       (struct sockaddr *)&from, len);
	EQ(fp_loop_fd_add(c.l, c.fd, EPOLLIN, on_request, &c), 0);
	c.change = twice;
	c.n_changes = 2;
	c.stop_at = 2;
	ask(&c, FP_T_UDP, 5000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 2);
	EQ(c.status, 200);
	c.stop_at = 3;
	ask(&c, FP_T_UDP, 5000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 3);
	EQ(c.status, 200);
	finish(&c);
}

/* Nobody is there: ICMP says so at once, to the one who asked. */
TEST(udp_refused)
{
	static const struct change ok = { .status = "200 OK" };
	struct sockaddr_in at, was;
	struct ctx c;
	long start_ms = unit_now_ms();

	begin(&c);
	c.change = &ok;
	c.n_changes = 1;
	was = c.at;
	close(udp_at(INADDR_LOOPBACK, &at));
	c.stop_at = 40;
	for (int i = 0; i < 20; i++) {
		c.at = at;
		ask(&c, FP_T_UDP, 60000);
		c.at = was;
		ask(&c, FP_T_UDP, 60000);
	}
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 40);
	EQ(c.n_asked, 20);
	c.at = at;
	c.stop_at = 41;
	ask(&c, FP_T_UDP, 60000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ECONNREFUSED);
	STR(c.err.text, "ICMP: Connection refused");
	OK(unit_now_ms() - start_ms < 20000);
	finish(&c);
}

TEST(udp_no_way)
{
	struct ctx c;

	begin(&c);
	/* a class that is reserved */
	c.at.sin_addr.s_addr = htonl(0xf0000001);
	ask(&c, FP_T_UDP, 1000);
	EQ(c.n_done, 0);
	EQ(fp_loop_run(c.l), 0);
	OK(c.code < 0 && c.code != -ETIMEDOUT);
	HAS(c.err.text, "cannot send: ");
	finish(&c);
}

TEST(udp_many)
{
	static const struct change ok = { .status = "200 OK" };
	struct ctx c;

	begin(&c);
	c.change = &ok;
	c.n_changes = 1;
	/* as many at once as the server's buffer holds */
	for (int i = 1; i <= 3000; i++) {
		ask(&c, FP_T_UDP, 60000);
		c.stop_at = i;
		if (i % 100 == 0)
			EQ(fp_loop_run(c.l), 0);
	}
	EQ(c.n_done, 3000);
	EQ(c.n_asked, 3000);
	EQ(c.code, 0);
	finish(&c);
}

TEST(udp_v6)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	struct fp_endpoint to = { .transport = FP_T_UDP, .host = "::1" };
	static const struct change ok = { .status = "200 OK" };
	socklen_t len = sizeof(at);
	struct fp_err e;
	struct ctx c;

	begin(&c);
	c.change = &ok;
	c.n_changes = 1;
	fp_loop_fd_del(c.l, c.fd);
	close(c.fd);
	c.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	at.sin6_addr = in6addr_loopback;
	if (c.fd < 0 || bind(c.fd, (struct sockaddr *)&at, len))
		SKIP("no IPv6 here");
	EQ(getsockname(c.fd, (struct sockaddr *)&at, &len), 0);
	EQ(fp_loop_fd_add(c.l, c.fd, EPOLLIN, on_request, &c), 0);
	EQ(fp_prefix_parse(&to.addr, "::1", 3, NULL), 0);
	EQ(fp_sip_ask(c.sip, &to, (struct sockaddr *)&at, len, NULL, 5000,
		      on_done, &c, NULL, &e),
	   0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.status, 200);
	HAS(c.request, "OPTIONS sip:[::1] SIP/2.0\r\nVia: SIP/2.0/UDP [::1]:");
	finish(&c);
}

TEST(dropped_and_closed)
{
	static const struct change ok = { .status = "200 OK" };
	struct ctx c;

	begin(&c);
	ask(&c, FP_T_UDP, 60000);
	fp_sip_drop(c.call);
	fp_sip_drop(NULL);
	c.change = &ok;
	c.n_changes = 1;
	c.is_closing = true;
	for (int i = 0; i < 20; i++)
		ask(&c, FP_T_UDP, 60000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 1);
	finish(&c);
	begin(&c);
	ask(&c, FP_T_UDP, 60000);
	ask(&c, FP_T_TCP, 60000);
	finish(&c);
	EQ(c.n_done, 0);
}

TEST(what_is_not_asked)
{
	struct fp_endpoint to = { .transport = FP_T_WS, .host = "h" };
	struct fp_err e;
	struct ctx c;

	begin(&c);
	EQ(fp_sip_ask(c.sip, &to, (struct sockaddr *)&c.at, sizeof(c.at), NULL,
		      1000, on_done, &c, NULL, &e),
	   -EPROTONOSUPPORT);
	to.transport = FP_T_TLS;
	EQ(fp_sip_ask(c.sip, &to, (struct sockaddr *)&c.at, sizeof(c.at), NULL,
		      1000, on_done, &c, NULL, &e),
	   -EPROTONOSUPPORT);
	STR(e.text, "no settings for TLS");
	finish(&c);
}

/* ---- TCP: fd listens; what is accepted is answered by bytes of the test */

static const char *tcp_text; /* of the server; NULL: as changes say */
static bool tcp_is_dripping, tcp_is_endless;

static void on_tcp_request(void *arg, uint32_t events)
{
	struct ctx *c = arg;
	char text[8192] = "";
	size_t n = 0;
	ssize_t got = recv(c->accepted, c->request, sizeof(c->request) - 1, 0);

	(void)events;
	if (got <= 0) {
		fp_loop_fd_del(c->l, c->accepted);
		return;
	}
	c->request[got] = 0;
	c->n_asked++;
	for (size_t i = 0; i < c->n_changes; i++)
		n += (size_t)answer(c->request, &c->change[i], text + n);
	if (tcp_text)
		n = (size_t)snprintf(text, sizeof(text), "%s", tcp_text);
	for (size_t i = 0; i < n; i += tcp_is_dripping ? 1 : n)
		send(c->accepted, text + i, tcp_is_dripping ? 1 : n,
		     MSG_NOSIGNAL);
	if (tcp_text) {
		fp_loop_fd_del(c->l, c->accepted);
		shutdown(c->accepted, SHUT_WR);
	}
}

static void on_endless(void *arg, uint32_t events)
{
	struct ctx *c = arg;

	(void)events;
	if (send(c->accepted, "SIP/2.0 200 OKKKKKKKKKKKKKKKKKKK", 32,
		 MSG_NOSIGNAL) < 0)
		fp_loop_fd_del(c->l, c->accepted);
}

static void on_accept(void *arg, uint32_t events)
{
	struct ctx *c = arg;

	(void)events;
	if (c->accepted >= 0)
		close(c->accepted);
	c->accepted = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK);
	EQ(fp_loop_fd_add(c->l, c->accepted,
			  tcp_is_endless ? EPOLLOUT : EPOLLIN,
			  tcp_is_endless ? on_endless : on_tcp_request, c),
	   0);
}

static void begin_tcp(struct ctx *c)
{
	socklen_t len = sizeof(c->at);

	begin(c);
	fp_loop_fd_del(c->l, c->fd);
	close(c->fd);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c->at.sin_port = 0;
	EQ(bind(c->fd, (struct sockaddr *)&c->at, len), 0);
	EQ(listen(c->fd, 8), 0);
	EQ(getsockname(c->fd, (struct sockaddr *)&c->at, &len), 0);
	EQ(fp_loop_fd_add(c->l, c->fd, EPOLLIN, on_accept, c), 0);
}

TEST(tcp_answered)
{
	static const struct change all[] = {
		{ .status = "100 Trying" },
		{ .status = "200 OK", .call_id = "another" },
		{ .status = "404 Not Found" },
	};
	struct ctx c;

	for (int i = 0; i < 2; i++) {
		tcp_is_dripping = i;
		begin_tcp(&c);
		c.change = all;
		c.n_changes = 3;
		ask(&c, FP_T_TCP, 10000);
		EQ(fp_loop_run(c.l), 0);
		EQ(c.code, 0);
		EQ(c.status, 404);
		HAS(c.request, ";transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP "
			       "127.0.0.1;branch=z9hG4bK");
		finish(&c);
	}
}

TEST(tcp_silence)
{
	struct ctx c;

	begin_tcp(&c);
	ask(&c, FP_T_TCP, 100);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	STR(c.err.text, "connected, but no reply within 100 ms");
	EQ(c.n_asked, 1);
	finish(&c);
}

static const struct {
	const char *text;
	int code;
	const char *why;
} broken[] = {
	{ "", -ECONNRESET, "the connection was closed without a reply" },
	{ "SIP/2.0 200 O", -ECONNRESET, "closed without a reply" },
	{ "HTTP/1.1 400 Bad Request\r\n", -EBADMSG,
	  "not a SIP reply: \"HTTP/1.1 400 Bad Request\"" },
	{ "SIP/2.0 200 OK\r\n\r\n", -EBADMSG, "no Content-Length" },
	{ "SIP/2.0 200 OK\r\nl: 99999999\r\n\r\n", -EBADMSG,
	  "a Content-Length that cannot be" },
};

TEST(tcp_broken)
{
	struct ctx c;

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		tcp_text = broken[i].text;
		begin_tcp(&c);
		ask(&c, FP_T_TCP, 10000);
		EQ(fp_loop_run(c.l), 0);
		EQ(c.code, broken[i].code);
		HAS(c.err.text, broken[i].why);
		finish(&c);
	}
}

TEST(tcp_endless)
{
	struct ctx c;

	tcp_is_endless = true;
	begin_tcp(&c);
	ask(&c, FP_T_TCP, 60000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -EBADMSG);
	finish(&c);
}

TEST(tcp_refused)
{
	struct ctx c;

	begin_tcp(&c);
	fp_loop_fd_del(c.l, c.fd);
	close(c.fd);
	ask(&c, FP_T_TCP, 10000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ECONNREFUSED);
	c.fd = dup(c.other_fd);
	finish(&c);
}
