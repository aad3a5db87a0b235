/* SPDX-License-Identifier: Apache-2.0 */
/* The event socket: the same frames come out however the bytes are cut. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/esl.h"

#define MAX_BYTES 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ask(const struct fp_esl_frame *f)
{
	char value[128];

	if (strlen(f->body) > f->body_len || f->body_len > MAX_BYTES)
		abort();
	if (fp_esl_header(f->head, "Content-Type", false, value,
			  sizeof(value)) &&
	    strlen(value) >= sizeof(value))
		abort();
	fp_esl_header(f->body, "Core-UUID", true, value, 8);
	fp_esl_header(f->body, "Up-Time", true, value, sizeof(value));
	if (isinf(fp_esl_json_number(f->body, "response.sessions.count")))
		abort();
	fp_esl_json_number(f->body, "response.idleCPU.used");
	fp_esl_json_text(f->body, "response.systemStatus", value, 16);
}

/* What comes out, as one text. */
static void read_all(struct fp_buf *to, const uint8_t *data, size_t n,
		     size_t step)
{
	struct fp_esl_reader *r;
	struct fp_esl_frame f;
	int code = 0;

	if (fp_esl_reader_new(&r, MAX_BYTES))
		abort();
	for (size_t at = 0; at < n && code >= 0; at += step) {
		size_t len = n - at < step ? n - at : step;

		if (fp_esl_feed(r, (const char *)data + at, len))
			abort();
		while ((code = fp_esl_next(r, &f, NULL)) == 1) {
			ask(&f);
			fp_buf_printf(to, "%d|%s|%s|%zu|", f.kind, f.text,
				      f.head, f.body_len);
			fp_buf_add(to, f.body, f.body_len);
		}
	}
	fp_buf_printf(to, "end %d", code);
	fp_esl_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_buf whole = { 0 }, cut = { 0 };

	if (n > 2 * MAX_BYTES)
		return 0;
	read_all(&whole, data, n, n ? n : 1);
	read_all(&cut, data, n, n ? 1 + data[n - 1] % 7 : 1);
	if (whole.len != cut.len || memcmp(whole.data, cut.data, whole.len))
		abort();
	fp_buf_fini(&whole);
	fp_buf_fini(&cut);
	return 0;
}
