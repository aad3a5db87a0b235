/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a FreeSWITCH: whatever it says, what is made of it is printable and
 * in its bounds.  The first byte says to which question. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health/esl_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct fp_esl_state *s)
{
	const struct fp_view_freeswitch *v = &s->view;
	struct fp_reading r;

	fp_reading_init(&r);
	fp_esl_state_judge(s, "fs1", &r);
	for (const char *p = r.detail; *p; p++)
		if ((unsigned char)*p < ' ')
			abort();
	for (size_t i = 0; i < r.n_figures; i++)
		if (!isfinite(r.figure[i].value))
			abort();
	if (v->up_s < 0 || v->sessions < 0 || v->max_sessions < 0 ||
	    v->now_s < 0 || (*v->run && strlen(v->run) != 36))
		abort();
	fp_reading_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_esl_state s = { 0 };
	struct fp_esl_frame f = { .kind = FP_ESL_RESPONSE,
				  .text = "",
				  .head = "" };
	char *body;

	if (!n)
		return 0;
	body = strndup((const char *)data + 1, n - 1);
	if (!body)
		return 0;
	f.body = body;
	f.body_len = strlen(body);
	if (*data % (FP_ESL_QUESTIONS + 1) == FP_ESL_QUESTIONS)
		fp_esl_state_beat(&s, body);
	else
		fp_esl_state_take(&s, *data % (FP_ESL_QUESTIONS + 1), &f, 0,
				  1000);
	check(&s);
	s.trouble = NULL;
	check(&s);
	free(body);
	return 0;
}
