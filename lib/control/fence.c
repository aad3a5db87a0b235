/* SPDX-License-Identifier: Apache-2.0 */
#include "control/fence.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/child.h"

#define LINE_MAX_BYTES 200

struct running {
	struct fp_loop *loop;
	char line[LINE_MAX_BYTES]; /* the last whole one, or what is after it */
	size_t n;
	bool is_new, is_done; /* is_new: what comes next begins a line */
	int code, status;
};

/* As text for one line: what steers terminals is left out. */
static void on_out(void *ctx, const char *p, size_t n)
{
	struct running *r = ctx;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\n' || c == '\r') {
			r->is_new = true;
			continue;
		}
		if (r->is_new)
			r->n = 0;
		r->is_new = false;
		if (r->n + 1 < sizeof(r->line))
			r->line[r->n++] = c < ' ' || c == 0x7f ? '?' : (char)c;
		r->line[r->n] = 0;
	}
}

static void on_ended(void *ctx, int code, int status)
{
	struct running *r = ctx;

	r->code = code;
	r->status = status;
	r->is_done = true;
	fp_loop_stop(r->loop);
}

static int wait_for(struct running *run, const struct fp_fence_command *f,
		    const char *const *argv, struct fp_err *e)
{
	const struct fp_child_opts o = { .argv = argv,
					 .timeout_ms = f->timeout_ms,
					 .out = on_out,
					 .ended = on_ended,
					 .ctx = run };
	struct fp_child *c;
	int r = fp_child_start(&c, run->loop, &o, e);

	if (r)
		return fp_err_prefix(e, r, "--fence");
	r = fp_loop_wait(run->loop, &run->is_done, e);
	if (r && !run->is_done)
		fp_child_kill(c);
	return r;
}

int fp_fence_command(const struct fp_fence_command *f, char *line, size_t size,
		     int *status, struct fp_err *e)
{
	struct running run = { .loop = f->loop };
	char node[300], id[100], address[300];
	/* both of its streams, in their order */
	const char *const argv[] = { "env",
				     node,
				     id,
				     address,
				     "sh",
				     "-c",
				     "exec sh -c \"$1\" 2>&1",
				     "sh",
				     f->command,
				     NULL };
	int r;

	snprintf(node, sizeof(node), "FP_NODE=%s", f->node);
	snprintf(id, sizeof(id), "FP_RUN=%s", f->run ? f->run : "");
	snprintf(address, sizeof(address), "FP_ADDRESS=%s", f->address);
	r = wait_for(&run, f, argv, e);
	if (!r && run.code == -ETIMEDOUT)
		r = fp_err(e, -ETIMEDOUT,
			   "the fence command took longer than %lld ms: killed",
			   (long long)f->timeout_ms);
	else if (!r && run.code)
		r = fp_err_sys(e, run.code, "the fence command");
	snprintf(line, size, "%s", run.line);
	*status = run.status;
	return r;
}
