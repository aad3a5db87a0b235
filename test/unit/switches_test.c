/* SPDX-License-Identifier: Apache-2.0 */
#include "io/work.h"
#include "recover/switches.h"
#include "test/unit/esl_server.h"

/* ---- what the tests share */

struct lab {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	struct fp_inventory *inv;
	struct fp_switches s;
	char said[400];
	int n_events;
};

static void on_say(void *ctx, const char *text)
{
	struct lab *lab = ctx;

	snprintf(lab->said, sizeof(lab->said), "%s", text);
}

static void on_event(void *ctx, struct fp_switch *x,
		     const struct fp_esl_frame *f)
{
	struct lab *lab = ctx;

	STR(x->name, "fs1");
	HAS(f->body, "CHANNEL_CREATE");
	lab->n_events++;
	fp_loop_stop(lab->loop);
}

static int open_text(struct lab *lab, const char *text, int64_t timeout_ms,
		     struct fp_err *e)
{
	const struct fp_switches_opts o = { .timeout_ms = timeout_ms,
					    .say = on_say,
					    .ctx = lab };
	struct fp_switches_opts all = o;

	*lab = (struct lab){ .n_events = 0 };
	EQ(fp_loop_open(&lab->loop, e), 0);
	EQ(fp_work_open(&lab->work, lab->loop, 2, e), 0);
	EQ(fp_resolver_open(&lab->resolver, lab->loop, lab->work, e), 0);
	EQ(fp_inventory_parse(&lab->inv, "c.ini", text, strlen(text), e), 0);
	all.loop = lab->loop;
	all.resolver = lab->resolver;
	return fp_switches_init(&lab->s, &all, lab->inv, e);
}

static void close_lab(struct lab *lab)
{
	fp_switches_fini(&lab->s);
	fp_resolver_close(lab->resolver);
	fp_work_close(lab->work);
	fp_loop_close(lab->loop);
	fp_inventory_free(lab->inv);
}

static struct fp_switch *open_lab(struct lab *lab, int port, int64_t timeout_ms)
{
	struct fp_err e;
	char text[200];

	snprintf(text, sizeof(text),
		 "fs1 ansible_host=192.0.2.21 fp_esl=127.0.0.1:%d\n", port);
	EQ(open_text(lab, text, timeout_ms, &e), 0);
	lab->s.event = on_event;
	return &lab->s.v[0];
}

static void asked(struct fp_switch *x, const char *command, const char *wanted)
{
	struct fp_err e = { .text = "" };
	char *body = NULL;

	if (EQ(fp_switch_ask(x, command, &body, &e), 0))
		STR(body, wanted);
	else
		printf("# %s\n", e.text);
	free(body);
}

/* ---- the cluster file */

TEST(variables)
{
	static const char text[] =
		"fs1 ansible_host=192.0.2.21 fp_esl=10.0.0.21 "
		"fp_switchname=media1 fp_rtp=192.0.2.121 "
		"fp_rtp_ports=16384-20383 fp_recovery_ports=40000-40999 "
		"fp_recovery_db=service=freeswitch\n"
		"fs2 fp_esl=fs2.example.net:18021 fp_recovery_db=\n"
		"sip1 fp_mi=udp:10.0.0.11:8080\n";
	struct fp_switch *x;
	struct lab lab;
	struct fp_err e;

	EQ(open_text(&lab, text, 100, &e), 0);
	EQ(lab.s.n, 2);
	x = fp_switches_find(&lab.s, "fs1");
	OK(x == &lab.s.v[0] && x->all == &lab.s);
	STR(x->switchname, "media1");
	STR(x->db, "service=freeswitch");
	STR(x->rtp_ip, "192.0.2.121");
	STR(x->adv_ip, "192.0.2.121");
	EQ(x->rtp_first, 16384);
	EQ(x->rtp_last, 20383);
	EQ(x->recovery_first, 40000);
	EQ(x->recovery_last, 40999);
	EQ(x->code, -ENOTCONN);
	OK(fp_switches_by_switchname(&lab.s, "media1") == x);
	x = fp_switches_by_switchname(&lab.s, "fs2");
	STR(x->name, "fs2");
	STR(x->rtp_ip, "");
	OK(!x->db);
	OK(!fp_switches_find(&lab.s, "sip1"));
	close_lab(&lab);
}

TEST(bad_variables)
{
	static const struct {
		const char *text, *why;
	} v[] = {
		{ "sip1 fp_mi=udp:10.0.0.11:8080\n", "no node" },
		{ "fs1 fp_esl=udp:10.0.0.1:8021\n", "an event socket is TCP" },
		{ "fs1 fp_esl=10.0.0.1 fp_rtp=fs1.example.net\n",
		  "fs1: fp_rtp: \"fs1.example.net\"" },
		{ "fs1 fp_esl=10.0.0.1 fp_rtp_ports=9\n",
		  "fs1: fp_rtp_ports: \"9\"" },
		{ "fs1 fp_esl=10.0.0.1 fp_recovery_ports=9-8\n",
		  "fs1: fp_recovery_ports: \"9-8\"" },
		{ "fs1 fp_esl=10.0.0.1\nb fp_esl=10.0.0.2 fp_switchname=fs1\n",
		  "fs1 and b have the same fp_switchname=fs1" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_err e = { .text = "" };
		struct lab lab;

		EQ(open_text(&lab, v[i].text, 100, &e), -EINVAL);
		HAS(e.text, v[i].why);
		close_lab(&lab);
	}
}

/* ---- readings */

TEST(reads_all_at_once)
{
	int port_1, port_2, port_3;
	pid_t a = start(&port_1, "fs1", "ClueCon", false);
	pid_t b = start(&port_2, "other", "ClueCon", false);
	struct lab lab;
	struct fp_err e;
	char text[300];
	long began;

	start(&port_3, "", "", true);
	snprintf(text, sizeof(text),
		 "fs1 fp_esl=127.0.0.1:%d fp_rtp_ports=20000-20999\n"
		 "fs2 fp_esl=127.0.0.1:%d\nfs3 fp_esl=localhost:%d\n"
		 "fs4 fp_esl=127.0.0.1:1\n",
		 port_1, port_2, port_3);
	EQ(open_text(&lab, text, 400, &e), 0);
	began = unit_now_ms();
	EQ(fp_switches_read(&lab.s, FP_SWITCH_STATE, &e), 0);
	OK(unit_now_ms() - began < 900);
	EQ(lab.s.v[0].code, 0);
	STR(lab.s.v[0].view.run, RUN_1);
	STR(lab.s.v[0].view.version, "1.10.12-release~64bit");
	EQ(lab.s.v[0].view.sessions, 3);
	EQ(lab.s.v[0].view.max_sessions, 1000);
	EQ(lab.s.v[0].view.rtp_first, 20000);
	OK(lab.s.v[0].view.is_ready && !lab.s.v[0].view.is_paused);
	OK(llabs(lab.s.v[0].view.skew_ms) < 200);
	EQ(lab.s.v[1].code, -ESTALE);
	HAS(lab.s.v[1].err.text, "it calls itself other");
	EQ(lab.s.v[2].code, -ENODATA);
	HAS(lab.s.v[2].err.text, "frozen?");
	EQ(lab.s.v[3].code, -ECONNREFUSED);
	close_lab(&lab);
	stop(a);
	stop(b);
}

TEST(a_connection_is_kept_and_opened_again)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 2000);
	struct fp_err e = { .text = "" };
	char run[64] = "", *body = NULL;

	EQ(fp_switch_ask(x, "echo a", &body, &e), -ENOTCONN);
	HAS(e.text, "fs1: ");
	EQ(fp_switch_run(x, run, &e), 0);
	STR(run, RUN_1);
	EQ(x->code, -ENOTCONN); /* of readings alone */
	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(x->code, 0);
	asked(x, "echo a b", "a b");
	EQ(fp_switch_ask(x, "quit", &body, &e), -ECONNRESET);
	EQ(fp_switch_ask(x, "echo a", &body, &e), -ENOTCONN);
	HAS(lab.said, "fs1: it ended the connection");
	EQ(fp_switch_run(x, run, &e), 0);
	STR(run, RUN_2); /* the server's second */
	STR(x->view.run, RUN_1);
	asked(x, "echo a", "a");
	fp_switch_drop(x);
	EQ(fp_switch_ask(x, "echo a", &body, &e), -ENOTCONN);
	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(x->code, 0);
	STR(x->view.run, RUN_2);
	close_lab(&lab);
	stop(pid);
}

TEST(passwords)
{
	char file[] = "/tmp/fp-switches-XXXXXX", text[200];
	int port, fd = mkstemp(file);
	pid_t pid = start(&port, "fs1", "s3cret", false);
	struct lab lab;
	struct fp_err e;

	OK(write(fd, "s3cret\n", 7) == 7);
	close(fd);
	snprintf(text, sizeof(text),
		 "fs1 fp_esl=127.0.0.1:%d fp_esl_password_file=%s\n"
		 "fs2 fp_esl=127.0.0.1:%d fp_esl_password_file=/nonesuch\n",
		 port, file, port);
	EQ(open_text(&lab, text, 2000, &e), 0);
	EQ(fp_switches_read(&lab.s, FP_SWITCH_STATE, &e), 0);
	EQ(lab.s.v[0].code, 0);
	EQ(lab.s.v[1].code, -ENOENT);
	close_lab(&lab);
	unlink(file);
	EQ(fp_switch_read(open_lab(&lab, port, 2000), FP_SWITCH_STATE, &e), 0);
	EQ(lab.s.v[0].code, -EACCES);
	close_lab(&lab);
	stop(pid);
}

/* ---- commands */

struct got {
	struct lab *lab;
	int n, n_wanted, n_bad, code;
	char body[100], why[200];
};

static void on_got(void *ctx, int code, const char *body,
		   const struct fp_err *e)
{
	struct got *g = ctx;

	g->code = code;
	g->n_bad += code != 0;
	snprintf(g->body, sizeof(g->body), "%s", body ? body : "(null)");
	snprintf(g->why, sizeof(g->why), "%s", e ? e->text : "");
	if (++g->n == g->n_wanted)
		fp_loop_stop(g->lab->loop);
}

TEST(answers)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 2000);
	struct got g = { .lab = &lab, .n_wanted = 1 };
	struct fp_err e = { .text = "" };
	char *body = NULL;

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(fp_switch_ask(x, "uuid_kill nosuch", &body, &e), -EREMOTEIO);
	STR(e.text, "fs1: -ERR No such channel!");
	EQ(fp_switch_ask(x, "a\nb", &body, &e), -EINVAL);
	EQ(fp_switch_ask(x, "big", &body, &e), 0);
	EQ(strlen(body), (size_t)5 << 20);
	free(body);
	EQ(fp_switch_send(x, "uuid_kill nosuch", 1000, on_got, &g, &e), 0);
	EQ(fp_loop_run(lab.loop), 0);
	EQ(g.code, -EREMOTEIO);
	STR(g.body, "-ERR No such channel!\n");
	close_lab(&lab);
	stop(pid);
}

TEST(hundreds_under_way)
{
	enum { N = 2000 };
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 5000);
	struct got g = { .lab = &lab, .n_wanted = N };
	struct fp_err e;
	char line[40];

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	for (int i = 1; i <= N; i++) {
		snprintf(line, sizeof(line), "echo %d", i);
		EQ(fp_switch_send(x, line, 5000, on_got, &g, &e), 0);
	}
	EQ(fp_loop_run(lab.loop), 0);
	EQ(g.n, N);
	EQ(g.n_bad, 0);
	STR(g.body, "2000");
	close_lab(&lab);
	stop(pid);
}

TEST(a_recovery_delays_no_question)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 2000);
	struct got g = { .lab = &lab, .n_wanted = 1 };
	struct fp_err e;

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(fp_switch_send(x, "fsctl recover sofia:fp-1", 2000, on_got, &g, &e),
	   0);
	asked(x, "echo 1", "1");
	asked(x, "echo 2", "2");
	EQ(g.n, 0);
	asked(x, "echo 3", "3"); /* with it the job ends */
	if (!g.n)
		EQ(fp_loop_run(lab.loop), 0);
	EQ(g.code, 0);
	STR(g.body, "+OK 2 session(s) recovered in total\n");
	EQ(lab.n_events, 0); /* jobs are nobody else's */
	close_lab(&lab);
	stop(pid);
}

TEST(a_job_ends_late_or_with_its_connection)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 2000);
	struct got g = { .lab = &lab, .n_wanted = 1 };
	struct fp_err e;
	char *body;

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(fp_switch_send(x, "fsctl recover sofia:fp-1", 100, on_got, &g, &e),
	   0);
	EQ(fp_loop_run(lab.loop), 0);
	EQ(g.code, -ETIMEDOUT);
	HAS(g.why, "it may go on");
	asked(x, "echo 1", "1");
	EQ(fp_switch_send(x, "fsctl recover sofia:fp-1", 2000, on_got, &g, &e),
	   0);
	EQ(fp_switch_ask(x, "quit", &body, &e), -ECONNRESET);
	EQ(g.n, 2);
	EQ(g.code, -ECONNRESET);
	close_lab(&lab);
	stop(pid);
}

TEST(events_are_asked_for_again)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 2000);
	struct fp_err e;

	EQ(fp_switch_events(x, "a\nb", &e), -EINVAL);
	EQ(fp_switch_events(x, "CHANNEL_CREATE", &e), 0);
	for (int i = 1; i <= 2; i++) {
		EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
		if (lab.n_events < i)
			EQ(fp_loop_run(lab.loop), 0);
		EQ(lab.n_events, i);
		fp_switch_drop(x);
	}
	close_lab(&lab);
	stop(pid);
}

/* ---- silence */

TEST(frozen_amid)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 300);
	struct got g = { .lab = &lab, .n_wanted = 1 };
	struct fp_err e;
	long began;

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(x->code, 0);
	EQ(fp_switch_send(x, "freeze", 5000, on_got, &g, &e), 0);
	began = unit_now_ms();
	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	OK(unit_now_ms() - began < 800);
	EQ(x->code, -ETIMEDOUT);
	HAS(x->err.text, "frozen?");
	EQ(g.code, -ETIMEDOUT); /* its connection was given up */
	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(x->code, -ENODATA); /* connects, and no banner */
	close_lab(&lab);
	stop(pid);
}

TEST(a_slow_answer_ends_no_job)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 300);
	struct got g = { .lab = &lab, .n_wanted = 1 };
	struct fp_err e;

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(fp_switch_send(x, "fsctl recover sofia:fp-1", 9000, on_got, &g, &e),
	   0);
	asked(x, "echo 1", "1");
	kill(pid, SIGSTOP);
	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(x->code, -ETIMEDOUT);
	EQ(g.n, 0);
	kill(pid, SIGCONT);
	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(x->code, 0);
	STR(x->view.run, RUN_1);
	if (!g.n)
		EQ(fp_loop_run(lab.loop), 0);
	EQ(g.code, 0);
	asked(x, "echo 2", "2");
	close_lab(&lab);
	stop(pid);
}

/* ---- a signal */

TEST(interrupted)
{
	int port;
	pid_t pid = start(&port, "fs1", "ClueCon", false);
	struct lab lab;
	struct fp_switch *x = open_lab(&lab, port, 2000);
	struct fp_err e;
	char *body = NULL;

	EQ(fp_switch_read(x, FP_SWITCH_STATE, &e), 0);
	EQ(fp_loop_signals(lab.loop, NULL, NULL, &e), 0);
	raise(SIGTERM);
	EQ(fp_switch_ask(x, "freeze", &body, &e), -EINTR);
	close_lab(&lab);
	stop(pid);
}
