/* SPDX-License-Identifier: Apache-2.0 */
/* lib/io: the clock, timers, the event loop, locks. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "io/clock.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/timer.h"

TEST(clock_turns)
{
	int64_t ms = fp_clock_ms(), s = fp_clock_unix_s();

	OK(ms > 0 && llabs(s - (int64_t)time(NULL)) <= 1);
	fp_clock_turn(3600000);
	OK(fp_clock_ms() - ms >= 3600000 && fp_clock_ms() - ms < 3610000);
	OK(fp_clock_unix_s() - s >= 3600 && fp_clock_unix_s() - s < 3610);
	fp_clock_turn(-3600000);
	OK(fp_clock_ms() - ms < 10000);
}

static bool is_heap(const struct fp_timers *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (h->list[i]->slot != i ||
		    (i && h->list[(i - 1) / 2]->at_ms > h->list[i]->at_ms))
			return false;
	return true;
}

/* Random puts, moves and takes; what is left comes out in order. */
TEST(timers_heap)
{
	static struct fp_timer t[500];
	struct fp_timers h = { 0 };
	int64_t last_ms = 0;
	uint32_t n_armed = 0;

	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct fp_timer *x = &t[rand() % 500];

		if (rand() % 3)
			EQ(fp_timers_put(&h, x, rand() % 100 - 1), 0);
		else
			fp_timers_take(&h, x);
		if (i % 100 == 0)
			OK(is_heap(&h));
	}
	for (int i = 0; i < 500; i++)
		n_armed += t[i].at_ms != 0;
	EQ(h.n, n_armed);
	while (h.n) {
		OK(h.list[0]->at_ms >= last_ms);
		last_ms = h.list[0]->at_ms;
		fp_timers_take(&h, h.list[0]);
		OK(is_heap(&h));
	}
	fp_timers_put(&h, &t[0], 5);
	fp_timers_fini(&h);
	EQ(t[0].at_ms, 0);
}

/* What the callbacks of the loop's tests share. */
struct ctx {
	struct fp_loop *l;
	struct fp_timer timers[4];
	int fds[4];
	char order[64];
	int n;
};

struct one {
	struct ctx *c;
	char name;
};

static void note(void *arg)
{
	struct one *o = arg;

	if (o->c->n < 63)
		o->c->order[o->c->n++] = o->name;
}

static void loop_open(struct ctx *c)
{
	struct fp_err e;

	memset(c, 0, sizeof(*c));
	EQ(fp_loop_open(&c->l, &e), 0);
}

TEST(loop_without_work_ends)
{
	struct ctx c;

	loop_open(&c);
	EQ(fp_loop_run(c.l), 0);
	fp_loop_close(c.l);
	fp_loop_close(NULL);
}

TEST(loop_fires_in_order)
{
	struct ctx c;
	struct one o[3] = { { &c, 'a' }, { &c, 'b' }, { &c, 'c' } };
	int64_t now_ms = fp_clock_ms();

	loop_open(&c);
	for (int i = 0; i < 3; i++)
		c.timers[i] = (struct fp_timer){ .fire = note, .ctx = &o[i] };
	fp_loop_timer_arm(c.l, &c.timers[0], now_ms + 40);
	fp_loop_timer_arm(c.l, &c.timers[1], now_ms + 500000);
	fp_loop_timer_arm(c.l, &c.timers[1], now_ms + 20); /* moved */
	fp_loop_timer_arm(c.l, &c.timers[2], now_ms + 1);
	fp_loop_timer_disarm(c.l, &c.timers[2]);
	fp_loop_timer_disarm(c.l, &c.timers[2]);
	EQ(fp_loop_run(c.l), 0);
	STR(c.order, "ba");
	OK(fp_clock_ms() - now_ms >= 40 && fp_clock_ms() - now_ms < 5000);
	EQ(c.timers[0].at_ms, 0);
	fp_loop_close(c.l);
}

static void turn_clock(void *arg)
{
	(void)arg;
	fp_clock_turn(3600000);
}

/* A turned clock makes an hour pass at once. */
TEST(loop_follows_the_clock)
{
	struct ctx c;
	struct one o = { &c, 'h' };
	long start_ms = unit_now_ms();

	loop_open(&c);
	c.timers[0] = (struct fp_timer){ .fire = turn_clock };
	c.timers[1] = (struct fp_timer){ .fire = note, .ctx = &o };
	fp_loop_timer_arm(c.l, &c.timers[0], fp_clock_ms() + 5);
	fp_loop_timer_arm(c.l, &c.timers[1], fp_clock_ms() + 3600000);
	EQ(fp_loop_run(c.l), 0);
	STR(c.order, "h");
	OK(unit_now_ms() - start_ms < 5000);
	fp_loop_close(c.l);
}

static void fire_again(void *arg)
{
	struct ctx *c = arg;

	c->n++;
	fp_loop_timer_arm(c->l, &c->timers[0], 1); /* long past */
}

static void ready_stop(void *arg, uint32_t events)
{
	struct ctx *c = arg;

	EQ(events, EPOLLIN);
	fp_loop_stop(c->l);
}

/* A timer that is always due does not keep a descriptor waiting. */
TEST(loop_is_fair)
{
	struct ctx c;

	loop_open(&c);
	EQ(pipe(c.fds), 0);
	EQ(write(c.fds[1], "x", 1), 1);
	c.timers[0] = (struct fp_timer){ .fire = fire_again, .ctx = &c };
	fp_loop_timer_arm(c.l, &c.timers[0], 1);
	EQ(fp_loop_fd_add(c.l, c.fds[0], EPOLLIN, ready_stop, &c), 0);
	EQ(fp_loop_run(c.l), 0);
	OK(c.n < 100);
	fp_loop_close(c.l);
}

static void read_del(void *arg, uint32_t events)
{
	struct ctx *c = arg;
	char byte;

	(void)events;
	EQ(read(c->fds[0], &byte, 1), 1);
	c->order[c->n++] = byte;
	if (byte == 'z')
		fp_loop_fd_del(c->l, c->fds[0]);
}

TEST(loop_reads)
{
	struct ctx c;

	loop_open(&c);
	EQ(pipe(c.fds), 0);
	EQ(fp_loop_fd_add(c.l, -1, EPOLLIN, read_del, &c), -EBADF);
	EQ(fp_loop_fd_mod(c.l, c.fds[0], EPOLLIN), -ENOENT);
	EQ(fp_loop_fd_add(c.l, c.fds[0], 0, read_del, &c), 0);
	EQ(fp_loop_fd_add(c.l, c.fds[0], 0, read_del, &c), -EEXIST);
	EQ(fp_loop_fd_mod(c.l, c.fds[0], EPOLLIN), 0);
	EQ(write(c.fds[1], "abz", 3), 3);
	EQ(fp_loop_run(c.l), 0);
	STR(c.order, "abz");
	fp_loop_fd_del(c.l, c.fds[0]);
	fp_loop_close(c.l);
}

static void stop(void *arg)
{
	struct ctx *c = arg;

	fp_loop_stop(c->l);
}

/* Whoever comes first puts a quiet socket of the same number in the other's
 * place. */
static void replace_other(void *arg, uint32_t events)
{
	struct ctx *c = arg;

	(void)events;
	if (c->n++)
		return;
	for (int i = 0; i < 4; i += 2) {
		fp_loop_fd_del(c->l, c->fds[i]);
		dup2(c->fds[1], c->fds[i]);
		fp_loop_fd_add(c->l, c->fds[i], EPOLLIN, replace_other, c);
	}
	c->timers[0] = (struct fp_timer){ .fire = stop, .ctx = c };
	fp_loop_timer_arm(c->l, &c->timers[0], fp_clock_ms() + 20);
}

/* Two descriptors are ready at once, the first callback replaces the second:
 * its event must not reach the newcomer of the same number. */
TEST(loop_drops_stale_events)
{
	struct ctx c;
	int quiet[2];

	loop_open(&c);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, c.fds), 0);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, c.fds + 2), 0);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, quiet), 0);
	EQ(write(c.fds[1], "x", 1), 1);
	EQ(write(c.fds[3], "x", 1), 1);
	dup2(quiet[0], c.fds[1]);
	EQ(fp_loop_fd_add(c.l, c.fds[0], EPOLLIN, replace_other, &c), 0);
	EQ(fp_loop_fd_add(c.l, c.fds[2], EPOLLIN, replace_other, &c), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n, 1);
	fp_loop_close(c.l);
}

static void reload(void *arg)
{
	struct ctx *c = arg;

	c->order[c->n++] = 'r';
	raise(c->n < 2 ? SIGHUP : SIGTERM);
}

static void raise_hup(void *arg)
{
	(void)arg;
	raise(SIGHUP);
}

TEST(loop_signals)
{
	struct sigaction now;
	struct ctx c;
	struct fp_err e;
	sigset_t mask;

	loop_open(&c);
	EQ(fp_loop_signals(c.l, reload, &c, &e), 0);
	c.timers[0] = (struct fp_timer){ .fire = raise_hup, .ctx = &c };
	c.timers[1] = c.timers[0];
	fp_loop_timer_arm(c.l, &c.timers[0], 1);
	fp_loop_timer_arm(c.l, &c.timers[1], fp_clock_ms() + 100000);
	EQ(fp_loop_run(c.l), SIGTERM);
	STR(c.order, "rr");
	/* The next one kills. */
	sigprocmask(SIG_SETMASK, NULL, &mask);
	OK(!sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGINT));
	sigaction(SIGTERM, NULL, &now);
	OK(now.sa_handler == SIG_DFL);
	fp_loop_close(c.l);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	OK(!sigismember(&mask, SIGHUP));
}

/* A process that holds the lock for hold_ms.  Returns once it holds it. */
static pid_t holder(const char *dir, bool is_shared, int hold_ms)
{
	int ready[2];
	char byte;
	pid_t pid;

	EQ(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fp_lock_take(fd, is_shared, 0, NULL))
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep((useconds_t)hold_ms * 1000);
		_exit(0);
	}
	close(ready[1]);
	EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

TEST(lock_contention)
{
	char dir[] = "/tmp/fastpath-lock.XXXXXX";
	struct fp_err e = { 0 };
	int64_t start_ms;
	int fd, status;
	pid_t pid;

	OK(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid = holder(dir, false, 400);
	EQ(fp_lock_take(fd, false, 0, &e), -EAGAIN);
	HAS(e.text, "0 ms");
	EQ(fp_lock_take(fd, true, 50, &e), -EAGAIN);
	HAS(e.text, "for 50 ms");
	start_ms = fp_clock_ms();
	EQ(fp_lock_take(fd, false, 60000, &e), 0);
	OK(fp_clock_ms() - start_ms < 10000);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	/* Held again and again is held; given is free. */
	EQ(fp_lock_take(fd, false, 0, &e), 0);
	fp_lock_give(fd);
	pid = holder(dir, true, 200);
	EQ(fp_lock_take(fd, true, 0, &e), 0);
	EQ(fp_lock_take(fd, false, 0, &e), -EAGAIN);
	EQ(waitpid(pid, &status, 0), pid);
	close(fd);
	EQ(fp_lock_take(fd, false, 1000, &e), -EBADF);
	HAS(e.text, "Bad file descriptor");
	rmdir(dir);
}
