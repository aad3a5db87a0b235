/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/loop.h"
#include "io/timer.h"

#define MAX_EVENTS 64
#define MAX_BATCHES 64 /* of events, until timers have their turn */
#define SIGNAL_KEY UINT64_MAX

/* A watched descriptor, at its own index.  age tells it from an earlier one of
 * the same number, whose events may still be in hand. */
struct watch {
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
	uint32_t age;
};

struct fp_loop {
	int epoll_fd, signal_fd;
	struct watch *watches;
	size_t n_watches, n_active;
	struct fp_timers timers;
	bool is_stopped;
	int signal;
	sigset_t mask_before;
	void (*reload)(void *ctx);
	void *reload_ctx;
};

int fp_loop_open(struct fp_loop **out, struct fp_err *e)
{
	struct fp_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return fp_err_sys(e, -ENOMEM, "event loop");
	l->signal_fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		int code = -errno;

		free(l);
		return fp_err_sys(e, code, "event loop");
	}
	*out = l;
	return 0;
}

void fp_loop_close(struct fp_loop *l)
{
	if (!l)
		return;
	if (l->signal_fd >= 0) {
		close(l->signal_fd);
		sigprocmask(SIG_SETMASK, &l->mask_before, NULL);
	}
	close(l->epoll_fd);
	free(l->watches);
	fp_timers_fini(&l->timers);
	free(l);
}

static struct watch *watch_of(struct fp_loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->n_watches || !l->watches[fd].ready)
		return NULL;
	return &l->watches[fd];
}

static int make_room(struct fp_loop *l, size_t fd)
{
	size_t n = l->n_watches ? l->n_watches : 16;
	struct watch *list;

	if (fd < l->n_watches)
		return 0;
	while (n <= fd)
		n *= 2;
	list = reallocarray(l->watches, n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	memset(list + l->n_watches, 0, (n - l->n_watches) * sizeof(*list));
	l->watches = list;
	l->n_watches = n;
	return 0;
}

static int control(struct fp_loop *l, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	ev.data.u64 = (uint64_t)l->watches[fd].age << 32 | (uint32_t)fd;
	return epoll_ctl(l->epoll_fd, op, fd, &ev) ? -errno : 0;
}

int fp_loop_fd_add(struct fp_loop *l, int fd, uint32_t events,
		   void (*ready)(void *ctx, uint32_t events), void *ctx)
{
	int r;

	if (fd < 0)
		return -EBADF;
	r = make_room(l, (size_t)fd);
	if (r)
		return r;
	if (watch_of(l, fd))
		return -EEXIST;
	l->watches[fd].age++;
	r = control(l, EPOLL_CTL_ADD, fd, events);
	if (r)
		return r;
	l->watches[fd].ready = ready;
	l->watches[fd].ctx = ctx;
	l->n_active++;
	return 0;
}

int fp_loop_fd_mod(struct fp_loop *l, int fd, uint32_t events)
{
	return watch_of(l, fd) ? control(l, EPOLL_CTL_MOD, fd, events)
			       : -ENOENT;
}

void fp_loop_fd_del(struct fp_loop *l, int fd)
{
	if (!watch_of(l, fd))
		return;
	control(l, EPOLL_CTL_DEL, fd, 0);
	l->watches[fd].ready = NULL;
	l->n_active--;
}

int fp_loop_timer_arm(struct fp_loop *l, struct fp_timer *t, int64_t at_ms)
{
	return fp_timers_put(&l->timers, t, at_ms);
}

void fp_loop_timer_disarm(struct fp_loop *l, struct fp_timer *t)
{
	fp_timers_take(&l->timers, t);
}

int fp_loop_signals(struct fp_loop *l, void (*reload)(void *ctx), void *ctx,
		    struct fp_err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = SIGNAL_KEY };
	sigset_t set;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (reload)
		sigaddset(&set, SIGHUP);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->signal_fd, &ev)) {
		code = -errno;
		if (l->signal_fd >= 0)
			close(l->signal_fd);
		l->signal_fd = -1;
		return fp_err_sys(e, code, "cannot watch signals");
	}
	sigprocmask(SIG_BLOCK, &set, &l->mask_before);
	l->reload = reload;
	l->reload_ctx = ctx;
	return 0;
}

/* The first SIGINT or SIGTERM ends the run; from then on they have their
 * default action, so that a second one kills at once. */
static void take_signals(struct fp_loop *l)
{
	struct signalfd_siginfo info;
	sigset_t set;

	while (read(l->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			l->reload(l->reload_ctx);
			continue;
		}
		l->signal = (int)info.ssi_signo;
		l->is_stopped = true;
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		return;
	}
}

static void dispatch(struct fp_loop *l, const struct epoll_event *ev)
{
	struct watch *w;

	if (ev->data.u64 == SIGNAL_KEY) {
		take_signals(l);
		return;
	}
	w = watch_of(l, (int)(uint32_t)ev->data.u64);
	if (w && w->age == ev->data.u64 >> 32)
		w->ready(w->ctx, ev->events);
}

/* At most as many as there are now: one that arms itself again for the past
 * must not keep descriptors waiting. */
static void fire_timers(struct fp_loop *l)
{
	int64_t now_ms = fp_clock_ms();

	for (uint32_t n = l->timers.n; n && l->timers.n && !l->is_stopped;
	     n--) {
		struct fp_timer *t = l->timers.list[0];

		if (t->at_ms > now_ms)
			return;
		fp_timers_take(&l->timers, t);
		t->fire(t->ctx);
	}
}

static int wait_ms(const struct fp_loop *l)
{
	int64_t left_ms;

	if (!l->timers.n)
		return -1;
	left_ms = l->timers.list[0]->at_ms - fp_clock_ms();
	return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Descriptors first, all that are ready: what arrived in time is not late because
 * we were.  0; -errno. */
static int dispatch_all(struct fp_loop *l)
{
	struct epoll_event ev[MAX_EVENTS];
	int n = MAX_EVENTS, timeout_ms = wait_ms(l);

	for (int k = 0; k < MAX_BATCHES && n == MAX_EVENTS; k++) {
		n = epoll_wait(l->epoll_fd, ev, MAX_EVENTS, timeout_ms);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !l->is_stopped; i++)
			dispatch(l, &ev[i]);
		if (l->is_stopped)
			break;
		timeout_ms = 0;
	}
	return 0;
}

int fp_loop_run(struct fp_loop *l)
{
	int r;

	l->is_stopped = false;
	l->signal = 0;
	while (!l->is_stopped && (l->n_active || l->timers.n)) {
		r = dispatch_all(l);
		if (r)
			return r;
		fire_timers(l);
	}
	return l->signal;
}

void fp_loop_stop(struct fp_loop *l)
{
	l->is_stopped = true;
}

int fp_loop_wait(struct fp_loop *l, const bool *is_done, struct fp_err *e)
{
	int r = 0;

	while (!*is_done && !r)
		r = fp_loop_run(l);
	if (r < 0)
		return fp_err_sys(e, r, "event loop");
	return r && !*is_done ? fp_err(e, -EINTR, "interrupted") : 0;
}
