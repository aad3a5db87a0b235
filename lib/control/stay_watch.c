/* SPDX-License-Identifier: Apache-2.0 */
/* The lists directory, by inotify(7). */
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "control/stay_priv.h"
#include "io/clock.h"

#define SETTLE_MS 200 /* editors and rsync change a file in several steps */
#define EVENTS                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |            \
	 IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

static void on_change(void *ctx, uint32_t events)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct fp_stay *s = ctx;
	bool is_any = false;

	(void)events;
	/* which file it was does not matter: all are read */
	while (read(s->watch_fd, buf, sizeof(buf)) > 0)
		is_any = true;
	if (is_any)
		fp_loop_timer_arm(s->loop, &s->reload,
				  fp_clock_ms() + SETTLE_MS);
}

void fp_stay_watch_again(struct fp_stay *s)
{
	int was = s->dir_watch;

	/* the same number when it is the same directory */
	s->dir_watch =
		inotify_add_watch(s->watch_fd, s->opts.source.dir, EVENTS);
	if (was >= 0 && was != s->dir_watch)
		inotify_rm_watch(s->watch_fd, was);
}

int fp_stay_watch_open(struct fp_stay *s, struct fp_err *e)
{
	int r;

	s->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->watch_fd < 0)
		return fp_err_sys(e, -errno, "inotify");
	fp_stay_watch_again(s);
	if (s->dir_watch < 0)
		return fp_err_sys(e, -errno, "%s", s->opts.source.dir);
	r = fp_loop_fd_add(s->loop, s->watch_fd, EPOLLIN, on_change, s);
	return r ? fp_err_sys(e, r, "inotify") : 0;
}

void fp_stay_watch_close(struct fp_stay *s)
{
	if (s->watch_fd < 0)
		return;
	fp_loop_fd_del(s->loop, s->watch_fd);
	close(s->watch_fd);
	s->watch_fd = -1;
}
