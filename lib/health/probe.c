/* SPDX-License-Identifier: Apache-2.0 */
#include "health/probe.h"

#include <string.h>
#include <unistd.h>

#include "io/clock.h"

void fp_probe_done(struct fp_probe *p, struct fp_reading *r)
{
	if (r->latency_us < 0 && !r->is_silent)
		r->latency_us = fp_clock_us() - p->started_us;
	p->is_running = false;
	p->done(p, r);
}

void fp_probe_news(struct fp_probe *p, struct fp_reading *r)
{
	p->done(p, r);
}

/* What says that nothing came back, or that there is no way there. */
static bool is_silence(int code)
{
	return code == -ETIMEDOUT || code == -EHOSTUNREACH ||
	       code == -ENETUNREACH || code == -ENETDOWN || code == -EHOSTDOWN;
}

/* What is wrong here and says nothing of the server. */
static bool is_ours(int code)
{
	switch (code) {
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOBUFS:
	case -EINVAL:
	case -EADDRNOTAVAIL:
	case -EAFNOSUPPORT:
		return true;
	default:
		return false;
	}
}

void fp_reading_fail(struct fp_reading *r, int code, const struct fp_err *e)
{
	const char *text = e && e->text[0] ? e->text : strerror(-code);

	fp_reading_say(r, is_ours(code) ? FP_UNKNOWN : FP_CRITICAL, "%s", text);
	r->is_silent = is_silence(code);
}

int fp_probe_has_socket(struct fp_err *e)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fp_err_sys(e, -errno, "no socket");
	close(fd);
	return 0;
}

void fp_reading_no_name(struct fp_reading *r, int code, const struct fp_err *e)
{
	fp_reading_say(r, FP_UNKNOWN, "%s",
		       e->text[0] ? e->text : strerrordesc_np(-code));
	r->is_silent = code == -ETIMEDOUT || code == -EHOSTUNREACH;
}
