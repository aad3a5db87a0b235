/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that run LAB_TURN times as fast from the start of the process, and waits
 * of the event loop that are as much shorter, for LD_PRELOAD: a day in minutes.
 * The kernel's own deadlines (of TCP, of threads) are as they are. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000LL

static long long turn = 1;
static long long began[2]; /* CLOCK_REALTIME, CLOCK_MONOTONIC */

static long long real_ns(clockid_t id)
{
	struct timespec t;

	syscall(SYS_clock_gettime, id, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
	const char *s = getenv("LAB_TURN");

	if (s && atoll(s) > 0)
		turn = atoll(s);
	began[CLOCK_REALTIME] = real_ns(CLOCK_REALTIME);
	began[CLOCK_MONOTONIC] = real_ns(CLOCK_MONOTONIC);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	long long ns;

	if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, t);
	ns = began[id] + (real_ns(id) - began[id]) * turn;
	t->tv_sec = ns / NS;
	t->tv_nsec = ns % NS;
	return 0;
}

int gettimeofday(struct timeval *t, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}

int epoll_wait(int fd, struct epoll_event *ev, int n, int timeout_ms)
{
	long long ns = timeout_ms * 1000000LL / turn;
	struct timespec wait = { .tv_sec = ns / NS, .tv_nsec = ns % NS };

	return (int)syscall(SYS_epoll_pwait2, fd, ev, n,
			    timeout_ms < 0 ? NULL : &wait, NULL, 8);
}
