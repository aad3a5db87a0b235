/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "io/clock.h"
#include "io/lock.h"

#define STEP_MAX_MS 20

static void sleep_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* flock(2) has no deadline, so it is tried again at short, growing intervals. */
int fp_lock_take(int dir_fd, bool is_shared, int64_t timeout_ms,
		 struct fp_err *e)
{
	int op = (is_shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
	int64_t end_ms = fp_clock_ms() + timeout_ms, step_ms = 1;

	while (flock(dir_fd, op)) {
		int64_t left_ms = end_ms - fp_clock_ms();

		if (errno != EWOULDBLOCK && errno != EINTR)
			return fp_err_sys(e, -errno, "cannot lock");
		if (left_ms <= 0)
			return fp_err(e, -EAGAIN,
				      "locked by another process for %lld ms",
				      (long long)timeout_ms);
		sleep_ms(step_ms < left_ms ? step_ms : left_ms);
		if (step_ms < STEP_MAX_MS)
			step_ms *= 2;
	}
	return 0;
}

void fp_lock_private(int dir_fd)
{
	struct stat st;

	if (!fstat(dir_fd, &st) && (st.st_mode & S_IRWXO))
		(void)fchmod(dir_fd, st.st_mode & 07770);
}

void fp_lock_give(int dir_fd)
{
	flock(dir_fd, LOCK_UN);
}
