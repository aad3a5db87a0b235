/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_UNIT_H
#define FP_TEST_UNIT_H

/* A unit test is one C file that includes this and has cases:
 *
 *	TEST(adds_up)
 *	{
 *		EQ(1 + 1, 2);
 *		STR("a", "a");
 *		OK(is_true());
 *	}
 *
 * Each case runs in a process of its own, so that a crash or a hang is one
 * failed case.  Output is TAP; "PROGRAM CASE" runs one case without fork, for a
 * debugger.  A failed check is reported and the case goes on; a check's value
 * is whether it held. */

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNIT_CASE_TIMEOUT_S 120
#define UNIT_SKIP 77

struct unit_case {
	const char *name;
	void (*run)(void);
	struct unit_case *next;
};

static struct unit_case *unit_cases, **unit_last = &unit_cases;
static int unit_failed;

#define TEST(NAME)                                                       \
	static void NAME(void);                                          \
	static struct unit_case unit_case_##NAME = { #NAME, NAME, NULL };\
	__attribute__((constructor)) static void unit_add_##NAME(void)   \
	{                                                                \
		*unit_last = &unit_case_##NAME;                          \
		unit_last = &unit_case_##NAME.next;                      \
	}                                                                \
	static void NAME(void)

#define OK(COND) unit_ok(!!(COND), #COND, __FILE__, __LINE__)
#define EQ(A, B) unit_eq((long long)(A), (long long)(B), #A, __FILE__, __LINE__)
#define STR(A, B) unit_str(A, B, #A, __FILE__, __LINE__)
#define HAS(TEXT, PART) unit_has(TEXT, PART, #TEXT, __FILE__, __LINE__)
#define SKIP(WHY)                                    \
	do {                                         \
		printf("# skip %s\n", WHY);          \
		fflush(stdout);                      \
		_exit(UNIT_SKIP);                    \
	} while (0)

static inline bool unit_ok(bool is_ok, const char *what, const char *file,
			   int line)
{
	if (!is_ok) {
		printf("# %s:%d: not so: %s\n", file, line, what);
		unit_failed++;
	}
	return is_ok;
}

static inline bool unit_eq(long long a, long long b, const char *what,
			   const char *file, int line)
{
	if (a != b) {
		printf("# %s:%d: %s is %lld, not %lld\n", file, line, what, a,
		       b);
		unit_failed++;
	}
	return a == b;
}

static inline bool unit_str(const char *a, const char *b, const char *what,
			    const char *file, int line)
{
	bool is_ok = a == b || (a && b && !strcmp(a, b));

	if (!is_ok) {
		printf("# %s:%d: %s is \"%s\", not \"%s\"\n", file, line, what,
		       a ? a : "(null)", b ? b : "(null)");
		unit_failed++;
	}
	return is_ok;
}

static inline bool unit_has(const char *text, const char *part,
			    const char *what, const char *file, int line)
{
	bool is_ok = text && strstr(text, part);

	if (!is_ok) {
		printf("# %s:%d: %s is \"%s\", without \"%s\"\n", file, line,
		       what, text ? text : "(null)", part);
		unit_failed++;
	}
	return is_ok;
}

static inline long unit_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int unit_run_one(const struct unit_case *c)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(UNIT_CASE_TIMEOUT_S);
		c->run();
		/* exit, so that a leak checker has its say. */
		exit(unit_failed ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFSIGNALED(status))
		printf("# %s: died of signal %d\n", c->name, WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	int n = 0, n_failed = 0;

	for (struct unit_case *c = unit_cases; c; c = c->next) {
		long start_ms = unit_now_ms();
		int status;

		if (argc > 1 && !strcmp(argv[1], c->name)) {
			c->run();
			return unit_failed ? 1 : 0;
		}
		if (argc > 1)
			continue;
		status = unit_run_one(c);
		n_failed += status && status != UNIT_SKIP;
		printf("%sok %d %s in %ldms%s\n",
		       status && status != UNIT_SKIP ? "not " : "", ++n,
		       c->name, unit_now_ms() - start_ms,
		       status == UNIT_SKIP ? " # skip" : "");
	}
	printf("1..%d\n", n);
	return n_failed ? 1 : 0;
}

#endif
