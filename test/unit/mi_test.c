/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the management interface, with a server on the same loop that does
 * what a case wants: what callbacks may do, what strangers send, what changes
 * look like.  Transports and their faults are in test/bats/fp-health-mi.bats. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include "health/opensips.h"
#include "io/clock.h"
#include "peer/mi.h"
#include "unit.h"

#define ANSWERS 16

static struct {
	struct fp_loop *loop;
	struct fp_mi *mi;
	int fd;
	uint16_t port;
	/* of the server */
	char asked[ANSWERS][1024];
	int n_asked;
	struct sockaddr_in from;
	const char *(*answer)(const char *asked); /* "": later, or never */
	/* of the client */
	int n_done, n_ok, code;
	char text[512];
	struct fp_mi_call *other;
} t;

/* ---- the server */

static const char *id_of(const char *request, char id[64])
{
	const char *s = strstr(request, "\"id\":\"");

	if (!s || sscanf(s + 6, "%63[^\"]", id) != 1)
		*id = 0;
	return id;
}

static void send_text(const char *text)
{
	sendto(t.fd, text, strlen(text), 0, (struct sockaddr *)&t.from,
	       sizeof(t.from));
}

static void send_result(const char *result, const char *id)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "{\"jsonrpc\":\"2.0\",\"result\":%s,\"id\":\"%s\"}", result,
		 id);
	send_text(text);
}

static void served(void *ctx, uint32_t events)
{
	socklen_t len = sizeof(t.from);
	char *to = t.asked[t.n_asked % ANSWERS], id[64];
	const char *result;
	ssize_t n;

	(void)ctx;
	(void)events;
	n = recvfrom(t.fd, to, sizeof(*t.asked) - 1, 0,
		     (struct sockaddr *)&t.from, &len);
	if (n < 0)
		return;
	to[n] = 0;
	t.n_asked++;
	result = t.answer ? t.answer(to) : "\"OK\"";
	if (*result)
		send_result(result, id_of(to, id));
}

static void stop(void *ctx)
{
	(void)ctx;
	fp_loop_stop(t.loop);
}

static void run_ms(int ms)
{
	struct fp_timer end = { .fire = stop };

	fp_loop_timer_arm(t.loop, &end, fp_clock_ms() + ms);
	fp_loop_run(t.loop);
	fp_loop_timer_disarm(t.loop, &end);
}

static void start(const char *(*answer)(const char *asked))
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct fp_mi_opts o = { .to.transport = FP_T_UDP,
				.to.host = "127.0.0.1",
				.sa_len = sizeof(sa) };
	socklen_t len = sizeof(sa);

	t.answer = answer;
	t.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bind(t.fd, (struct sockaddr *)&sa, sizeof(sa));
	getsockname(t.fd, (struct sockaddr *)&sa, &len);
	t.port = o.to.port = ntohs(sa.sin_port);
	memcpy(&o.sa, &sa, sizeof(sa));
	if (!OK(!fp_loop_open(&t.loop, NULL)) ||
	    !OK(!fp_loop_fd_add(t.loop, t.fd, EPOLLIN, served, NULL)) ||
	    !OK(!fp_mi_open(&t.mi, t.loop, &o, NULL)))
		exit(1);
}

static void end(void)
{
	fp_mi_close(t.mi);
	close(t.fd);
	fp_loop_close(t.loop);
}

/* ---- the client */

static void done(void *ctx, int code, const struct fp_jsonrpc *r,
		 const struct fp_err *e)
{
	(void)ctx;
	t.n_done++;
	t.n_ok += !code && r && !r->is_error;
	t.code = code;
	snprintf(t.text, sizeof(t.text), "%s", e->text);
	fp_loop_stop(t.loop);
}

static void ask(int64_t timeout_ms)
{
	EQ(fp_mi_ask(t.mi, "uptime", NULL, timeout_ms, done, NULL, NULL, NULL),
	   0);
}

static const char *silent(const char *asked)
{
	(void)asked;
	return "";
}

TEST(a_request_and_its_reply)
{
	start(NULL);
	ask(1000);
	fp_loop_run(t.loop);
	EQ(t.n_ok, 1);
	HAS(t.asked[0], "\"method\":\"uptime\"");
	end();
}

TEST(strangers_are_not_heard)
{
	char id[64], other[80];

	start(silent);
	ask(300);
	run_ms(50);
	EQ(t.n_asked, 1);
	id_of(t.asked[0], id);
	snprintf(other, sizeof(other), "%s0", id);
	send_result("\"OK\"", other);
	send_result("\"OK\"", "1");
	*other = *id == '0' ? '1' : '0';
	snprintf(other + 1, sizeof(other) - 1, "%s", id + 1);
	send_result("\"OK\"", other);
	run_ms(50);
	EQ(t.n_done, 0);
	send_result("\"OK\"", id);
	fp_loop_run(t.loop);
	EQ(t.n_ok, 1);
	/* twice is once */
	send_result("\"OK\"", id);
	run_ms(20);
	EQ(t.n_done, 1);
	end();
}

TEST(an_error_without_an_id_is_for_the_only_one)
{
	start(silent);
	ask(300);
	run_ms(30);
	send_text("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,"
		  "\"message\":\"Parse error\"},\"id\":null}");
	fp_loop_run(t.loop);
	EQ(t.n_done, 1);
	EQ(t.n_ok, 0);
	EQ(t.code, 0);
	end();
}

TEST(what_is_too_long_for_one_of_two)
{
	char id[64];

	start(silent);
	ask(200);
	ask(200);
	run_ms(50);
	send_text("500 Internal error");
	run_ms(30);
	EQ(t.n_done, 0);
	send_result("\"OK\"", id_of(t.asked[1], id));
	fp_loop_run(t.loop);
	EQ(t.n_ok, 1);
	fp_loop_run(t.loop);
	EQ(t.n_done, 2);
	EQ(t.code, -EMSGSIZE);
	/* and is forgotten */
	ask(50);
	fp_loop_run(t.loop);
	EQ(t.code, -ETIMEDOUT);
	end();
}

TEST(nobody_there)
{
	start(NULL);
	fp_loop_fd_del(t.loop, t.fd);
	close(t.fd);
	ask(2000);
	/* the kernel has said so of the first: nothing is sent until that is told */
	EQ(fp_mi_ask(t.mi, "uptime", NULL, 2000, done, NULL, NULL, NULL),
	   -ECONNREFUSED);
	fp_loop_run(t.loop);
	run_ms(50);
	EQ(t.n_done, 1);
	EQ(t.code, -ECONNREFUSED);
	/* asked anew, it is tried anew */
	ask(2000);
	fp_loop_run(t.loop);
	EQ(t.n_done, 2);
	EQ(t.code, -ECONNREFUSED);
	end();
}

/* ---- what done may do */

static void ask_again(void *ctx, int code, const struct fp_jsonrpc *r,
		      const struct fp_err *e)
{
	(void)ctx;
	(void)code;
	(void)r;
	(void)e;
	if (++t.n_done < 100)
		EQ(fp_mi_ask(t.mi, "uptime", NULL, 1000, ask_again, NULL, NULL,
			     NULL),
		   0);
	else
		fp_loop_stop(t.loop);
}

TEST(done_may_ask)
{
	start(NULL);
	fp_mi_ask(t.mi, "uptime", NULL, 1000, ask_again, NULL, NULL, NULL);
	fp_loop_run(t.loop);
	EQ(t.n_done, 100);
	end();
}

static void drop_other(void *ctx, int code, const struct fp_jsonrpc *r,
		       const struct fp_err *e)
{
	done(ctx, code, r, e);
	fp_mi_drop(t.other);
}

TEST(done_may_drop_others)
{
	start(silent);
	fp_mi_ask(t.mi, "uptime", NULL, 50, drop_other, NULL, NULL, NULL);
	fp_mi_ask(t.mi, "uptime", NULL, 60, done, NULL, &t.other, NULL);
	fp_loop_run(t.loop);
	run_ms(50);
	EQ(t.n_done, 1);
	end();
}

static void close_it(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *e)
{
	done(ctx, code, r, e);
	fp_mi_close(t.mi);
	t.mi = NULL;
}

static void close_case(const char *(*answer)(const char *asked),
		       bool is_refused)
{
	start(answer);
	if (is_refused) {
		fp_loop_fd_del(t.loop, t.fd);
		close(t.fd);
	}
	for (int i = 0; i < 5; i++)
		fp_mi_ask(t.mi, "uptime", NULL, 50 + i, close_it, NULL, NULL,
			  NULL);
	fp_loop_run(t.loop);
	EQ(t.n_done, 1);
	end();
}

TEST(done_may_close_after_a_reply)
{
	close_case(NULL, false);
}

TEST(done_may_close_after_silence)
{
	close_case(silent, false);
}

TEST(done_may_close_after_a_refusal)
{
	close_case(silent, true);
}

static int n_freed;
static void count_free(void *kept)
{
	(void)kept;
	n_freed++;
}

TEST(what_is_kept)
{
	int a, b;

	start(NULL);
	OK(!fp_mi_kept(t.mi));
	fp_mi_keep(t.mi, &a, count_free);
	OK(fp_mi_kept(t.mi) == &a);
	fp_mi_keep(t.mi, &b, count_free);
	EQ(n_freed, 1);
	end();
	EQ(n_freed, 2);
}

TEST(bounds)
{
	char *params = malloc(70000);
	struct fp_err e;

	start(NULL);
	memset(params, ' ', 69999);
	params[69999] = 0;
	EQ(fp_mi_ask(t.mi, "uptime", params, 100, done, NULL, NULL, &e),
	   -E2BIG);
	HAS(e.text, "above 65457");
	EQ(fp_mi_request_max(t.mi), 65457);
	EQ(fp_mi_reply_max(t.mi), 65457);
	free(params);
	end();
}

/* ---- changes */

static void was_set(void *ctx, int code, const struct fp_err *e)
{
	(void)ctx;
	t.n_done++;
	t.code = code;
	snprintf(t.text, sizeof(t.text), "%s", e->text);
	fp_loop_stop(t.loop);
}

TEST(changes_as_they_are_sent)
{
	static const struct {
		struct fp_view_dest d;
		bool is_enabled;
		const char *sent;
	} cases[] = {
		{ { .kind = FP_DEST_DISPATCHER,
		    .set = "1",
		    .uri = "sip:192.0.2.1" },
		  false,
		  "\"method\":\"ds_set_state\",\"params\":{\"state\":\"i\","
		  "\"group\":\"1\",\"address\":\"sip:192.0.2.1\"}" },
		{ { .kind = FP_DEST_DISPATCHER,
		    .set = "p:7",
		    .uri = "sip:\"x\"" },
		  true,
		  "{\"state\":\"a\",\"group\":\"p:7\",\"address\":"
		  "\"sip:\\\"x\\\"\"}" },
		{ { .kind = FP_DEST_LOAD_BALANCER, .id = 3 },
		  false,
		  "\"method\":\"lb_status\",\"params\":{\"destination_id\":3,"
		  "\"new_status\":0}" },
		{ { .kind = FP_DEST_RTPENGINE,
		    .set = "2",
		    .uri = "udp:192.0.2.9:2223" },
		  true,
		  "\"method\":\"rtpengine_enable\",\"params\":{\"url\":"
		  "\"udp:192.0.2.9:2223\",\"enable\":1,\"setid\":2}" },
	};

	start(NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fp_opensips_set(t.mi, &cases[i].d, cases[i].is_enabled, 500,
				was_set, NULL, NULL);
		fp_loop_run(t.loop);
		EQ(t.code, 0);
		HAS(t.asked[i], cases[i].sent);
	}
	end();
}

static const char *refuse(const char *asked)
{
	char id[64], text[256];

	snprintf(text, sizeof(text),
		 "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":404,\"message\":"
		 "\"destination not found\"},\"id\":\"%s\"}",
		 id_of(asked, id));
	send_text(text);
	return "";
}

TEST(changes_that_are_refused_or_dropped)
{
	const struct fp_view_dest d = { .kind = FP_DEST_DISPATCHER,
					.set = "1",
					.uri = "sip:192.0.2.1" };

	start(refuse);
	fp_opensips_set(t.mi, &d, true, 500, was_set, NULL, NULL);
	fp_loop_run(t.loop);
	EQ(t.code, -EREMOTEIO);
	STR(t.text, "ds_set_state sip:192.0.2.1: destination not found");
	/* the connection is closed while two are out: nothing leaks */
	t.answer = silent;
	fp_opensips_set(t.mi, &d, true, 500, was_set, NULL, NULL);
	fp_opensips_set(t.mi, &d, false, 500, was_set, NULL, NULL);
	run_ms(20);
	EQ(t.n_done, 1);
	end();
}

/* ---- readings */

static struct fp_view *view;

static void viewed(void *ctx, int code, struct fp_view *v,
		   const struct fp_err *e)
{
	was_set(ctx, code, e);
	view = v;
}

static const char *old_one(const char *asked)
{
	if (strstr(asked, "\"which\""))
		return "[\"version\",\"uptime\"]";
	if (strstr(asked, "\"version\""))
		return "{\"Server\":\"OpenSIPS (3.6.8 (x86_64/linux))\"}";
	return "{\"Now\":\"Sat Nov 21 09:03:54 2026\",\"Up time\":\"54 [sec]\"}";
}

static void read_all(void)
{
	EQ(fp_opensips_read(t.mi, FP_OS_CLUSTER | FP_OS_DESTS, 300, viewed,
			    NULL, NULL, NULL),
	   0);
	fp_loop_run(t.loop);
}

TEST(commands_are_asked_once)
{
	start(old_one);
	read_all();
	EQ(t.code, 0);
	EQ(t.n_asked, 3);
	EQ(view->opensips.up_s, 54);
	EQ(view->opensips.dialogs, -1);
	OK(!view->opensips.has_clusterer && !view->opensips.has_dests);
	fp_view_free(view);
	read_all();
	EQ(t.n_asked, 5);
	fp_view_free(view);
	end();
}

static const char *silent_later(const char *asked)
{
	return strstr(asked, "\"which\"") ? old_one(asked) : "";
}

TEST(how_far_it_came)
{
	start(silent);
	read_all();
	EQ(t.code, -ETIMEDOUT);
	OK(!view);
	STR(t.text, "no reply to which in 300 ms");
	t.answer = silent_later;
	read_all();
	EQ(t.code, -ETIMEDOUT);
	OK(view);
	fp_view_free(view);
	end();
}

TEST(a_reading_is_dropped)
{
	struct fp_opensips_read *r;

	start(silent);
	fp_opensips_read(t.mi, FP_OS_BASE, 300, viewed, NULL, &r, NULL);
	run_ms(20);
	fp_opensips_read_drop(r);
	run_ms(20);
	EQ(t.n_done, 0);
	end();
}

/* ---- the names of 4.x */

static void send_error(int code, const char *asked)
{
	char text[256], id[64];

	snprintf(text, sizeof(text),
		 "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":"
		 "\"Method not found\"},\"id\":\"%s\"}",
		 code, id_of(asked, id));
	send_text(text);
}

/* One that has only them; and one that has the old alone. */
static const char *newer(const char *asked)
{
	if (strstr(asked, "\"method\":\"dialog:list\",\"params\":{\"x\":1}}"))
		return "\"OK\"";
	send_error(-32601, asked);
	return "";
}

static void ask_dialogs(void)
{
	EQ(fp_mi_ask(t.mi, "dlg_list", "{\"x\":1}", 1000, done, NULL, NULL,
		     NULL),
	   0);
	run_ms(1000);
}

TEST(names_of_4)
{
	start(newer);
	ask_dialogs();
	EQ(t.n_ok, 1);
	EQ(t.n_asked, 2);
	/* from now on by the new name */
	ask_dialogs();
	EQ(t.n_ok, 2);
	EQ(t.n_asked, 3);
	end();
}

static const char *without(const char *asked)
{
	send_error(-32601, asked);
	return "";
}

TEST(a_command_that_is_nowhere)
{
	start(without);
	ask_dialogs();
	EQ(t.n_done, 1);
	EQ(t.n_ok, 0);
	EQ(t.code, 0);
	EQ(t.n_asked, 2);
	ask_dialogs();
	EQ(t.n_asked, 4);
	end();
}
