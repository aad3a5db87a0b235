/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync receive: the node's end of a channel, on stdin and stdout. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/loop.h"
#include "node/receive.h"
#include "node/rights.h"
#include "sync.h"

#define READ_BYTES (256u << 10)
#define STAGING_MS 60000 /* between messages, while a push is open */
#define LOOK_MS 60000    /* the clock of what is pending is another one */
#define WATCH_MS 5000    /* who stays behind: is it still pending? */
#define AGAIN_MS 1000    /* what is to be taken back is locked */

struct session {
	struct fp_receive_opts o;
	struct fp_receive *receive;
	struct fp_loop *loop;
	struct fp_timer late, due;
	char *in;
	bool is_over;
	int status;
};

/* ---- what the node asks for */

static int write_all(void *ctx, const char *data, size_t n)
{
	(void)ctx;
	while (n) {
		ssize_t r = write(STDOUT_FILENO, data, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EIO;
		data += r;
		n -= (size_t)r;
	}
	return 0;
}

static void changed(void *ctx, const char *by, const char *why,
		    const char *text)
{
	(void)ctx;
	fp_log_change(*why ? why : NULL, "receive: %s%s%s", text,
		      *by ? " by=" : "", by);
}

/* ---- the loop */

static void take_back(struct session *s)
{
	struct fp_err e = { .text = "" };

	if (fp_receive_due(&s->o, &e))
		fp_log(FP_LOG_WARN, "a push that nobody confirmed: %s", e.text);
}

/* After each message and each look: how long may we wait? */
static void set_timers(struct session *s)
{
	int64_t now_ms = fp_clock_ms(), due_ms = fp_receive_due_ms(&s->o);

	fp_loop_timer_disarm(s->loop, &s->late);
	fp_loop_timer_disarm(s->loop, &s->due);
	if (fp_receive_is_staging(s->receive))
		fp_loop_timer_arm(s->loop, &s->late, now_ms + STAGING_MS);
	if (due_ms >= 0)
		fp_loop_timer_arm(s->loop, &s->due,
				  now_ms + (due_ms < LOOK_MS ? due_ms
							     : LOOK_MS));
}

static void on_late(void *ctx)
{
	struct session *s = ctx;

	fp_log(FP_LOG_ERR, "a push was begun, and nothing came for %d s",
	       STAGING_MS / 1000);
	s->status = FP_EXIT_AGAIN;
	fp_loop_stop(s->loop);
}

static void on_due(void *ctx)
{
	struct session *s = ctx;

	take_back(s);
	set_timers(s);
	if (!fp_receive_due_ms(&s->o)) /* it could not be */
		fp_loop_timer_arm(s->loop, &s->due, fp_clock_ms() + AGAIN_MS);
}

static void on_bytes(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	ssize_t n = read(STDIN_FILENO, s->in, READ_BYTES);
	int r;

	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	r = n > 0 ? fp_receive_bytes(s->receive, s->in, (size_t)n) : 0;
	if (n <= 0 || r) {
		if (n < 0 || r == 1 || (r < 0 && r != -EPIPE))
			s->status = FP_EXIT_FAIL;
		s->is_over = true;
		fp_loop_stop(s->loop);
		return;
	}
	set_timers(s);
}

/* The node is opened anew for each message: there is nothing to read again. */
static void on_hup(void *ctx)
{
	(void)ctx;
}

/* A file is always ready, and epoll(7) does not know it. */
static int run_file(struct session *s)
{
	while (!s->is_over)
		on_bytes(s, EPOLLIN);
	return 0;
}

static int run(struct session *s, struct fp_err *e)
{
	int r = fp_loop_open(&s->loop, e);

	if (r)
		return r;
	s->late = (struct fp_timer){ .fire = on_late, .ctx = s };
	s->due = (struct fp_timer){ .fire = on_due, .ctx = s };
	r = fp_loop_signals(s->loop, on_hup, NULL, e);
	if (!r) {
		set_timers(s);
		r = fp_loop_fd_add(s->loop, STDIN_FILENO, EPOLLIN, on_bytes, s);
		if (!r)
			r = fp_loop_run(s->loop);
		else if (r == -EPERM)
			r = run_file(s);
		else
			fp_err_sys(e, r, "stdin is no channel");
	}
	fp_loop_close(s->loop);
	return r < 0 ? r : 0; /* a signal ends us as the other side does */
}

/* ---- after the session: somebody must take back what is not confirmed */

static void keep_watch(struct session *s)
{
	int64_t ms;

	while ((ms = fp_receive_due_ms(&s->o)) >= 0) {
		struct timespec t;

		if (!ms)
			take_back(s);
		if (!ms)
			ms = AGAIN_MS;
		if (ms > WATCH_MS)
			ms = WATCH_MS;
		t = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
		nanosleep(&t, NULL);
	}
}

/* Without the channel's descriptors, and any that were handed down, or sshd would
 * wait for us. */
static void leave_watch(struct session *s)
{
	int fd;

	if (fork()) /* without a child the next writer does it */
		return;
	setsid();
	close_range(0, UINT_MAX, 0);
	fd = open("/dev/null", O_RDWR);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	keep_watch(s);
	_exit(0);
}

/* ---- */

/* Whoever has the key of a forced command decides nothing but what he says on
 * the channel. */
static int confine(const struct fp_cli *c, struct fp_err *e)
{
	const struct fp_rights rights = { .state_dir = c->state_dir,
					  .pins = c->pin_dir,
					  .use = FP_CAP_BPF,
					  .is_change = true };
	int r;

	clearenv();
	umask(022);
	signal(SIGPIPE, SIG_IGN); /* the answer is lost, the step is not */
	r = fp_rights_begin(&rights, "receive", e);
	return r ? r : fp_rights_work(&rights, e);
}

int fs_receive(struct fp_cli *c)
{
	struct session s = { .o = {
				     .state_dir = c->state_dir,
				     .pins = c->pin_dir,
				     .cluster = c->cluster,
				     .is_cluster_named = c->is_cluster_named,
				     .timeout_ms = c->timeout_ms,
				     .version = FP_VERSION,
				     .send = write_all,
				     .changed = changed,
			     } };
	struct fp_err e = { .text = "" };
	bool is_pending;
	int r;

	if (c->argc)
		return fp_cli_usage(c, "receive takes no \"%s\"", c->argv[0]);
	s.in = malloc(READ_BYTES);
	r = s.in ? confine(c, &e) : fp_err(&e, -ENOMEM, "out of memory");
	if (!r)
		r = fp_receive_open(&s.receive, &s.o, &e);
	if (!r)
		r = run(&s, &e);
	is_pending = s.receive && fp_receive_has_pending(s.receive);
	fp_receive_close(s.receive);
	free(s.in);
	if (is_pending)
		leave_watch(&s);
	return r ? fp_cli_fail(c, r, &e) : s.status;
}
