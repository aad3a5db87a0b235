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
 * failed case; what it printed follows its TAP line.  "PROGRAM CASE" runs one
 * case without fork, for a debugger.  A failed check is reported and the case
 * goes on; a check's value is whether it held. */

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

#define TEST(NAME)                                                             \
	static void NAME(void);                                                \
	static struct unit_case unit_case_##NAME = { #NAME, NAME, NULL };      \
	__attribute__((constructor)) static void unit_add_##NAME(void)         \
	{                                                                      \
		*unit_last = &unit_case_##NAME;                                \
		unit_last = &unit_case_##NAME.next;                            \
	}                                                                      \
	static void NAME(void)

#define OK(COND) unit_ok(!!(COND), #COND, __FILE__, __LINE__)
#define EQ(A, B) unit_eq((long long)(A), (long long)(B), #A, __FILE__, __LINE__)
#define STR(A, B) unit_str(A, B, #A, __FILE__, __LINE__)
#define HAS(TEXT, PART) unit_has(TEXT, PART, #TEXT, __FILE__, __LINE__)
#define SKIP(WHY)                                                              \
	do {                                                                   \
		printf("%s\n", WHY);                                           \
		fflush(stdout);                                                \
		_exit(UNIT_SKIP);                                              \
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

/* All of fd up to its end (EIO: a terminal whose other side is closed), as a
 * string. */
static inline void unit_read_all(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 && (got = read(fd, to + n, size - 1 - n)) > 0)
		n += (size_t)got;
	to[n] = 0;
}

static inline long unit_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void unit_child(const struct unit_case *c, FILE *log)
{
	const char *limit_s = getenv("FP_CASE_TIMEOUT");

	dup2(fileno(log), STDOUT_FILENO);
	dup2(fileno(log), STDERR_FILENO);
	setlinebuf(stdout);
	alarm(limit_s ? (unsigned int)atoi(limit_s) : UNIT_CASE_TIMEOUT_S);
	c->run();
	/* exit, so that a leak checker has its say. */
	exit(unit_failed ? 1 : 0);
}

/* The case's exit status, 128 and more for a signal; its output is in log. */
static inline int unit_run(const struct unit_case *c, FILE *log)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		unit_child(c, log);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static inline void unit_print_log(FILE *log)
{
	char line[4096];

	rewind(log);
	while (fgets(line, sizeof(line), log))
		printf("%s%s", *line == '#' ? "" : "# ", line);
}

static inline bool unit_case(const struct unit_case *c, int n)
{
	long start_ms = unit_now_ms();
	FILE *log = tmpfile();
	char why[256] = "";
	int status;

	if (!log)
		return false;
	status = unit_run(c, log);
	rewind(log);
	if (status == UNIT_SKIP && fgets(why, sizeof(why), log))
		why[strcspn(why, "\n")] = 0;
	printf("%sok %d %s in %ldms%s%s\n",
	       status && status != UNIT_SKIP ? "not " : "", n, c->name,
	       unit_now_ms() - start_ms, *why ? " # skip " : "", why);
	if (status > 128)
		printf("# died of signal %d\n", status - 128);
	if (status && status != UNIT_SKIP)
		unit_print_log(log);
	fclose(log);
	return !status || status == UNIT_SKIP;
}

int main(int argc, char **argv)
{
	int n = 0, n_failed = 0;

	for (struct unit_case *c = unit_cases; c; c = c->next) {
		if (argc > 1 && !strcmp(argv[1], c->name)) {
			c->run();
			return unit_failed ? 1 : 0;
		}
		if (argc == 1 && !unit_case(c, ++n))
			n_failed++;
	}
	printf("1..%d\n", n);
	return n_failed || argc > 1 ? 1 : 0;
}

#endif
