/* SPDX-License-Identifier: Apache-2.0 */
/* What a FreeSWITCH's configuration says. */
#include <stdio.h>
#include <string.h>

#include "recover/switches_priv.h"

const char *switch_conf_question(int q)
{
	return q == SWITCH_Q_SOFIA ? "api sofia status" : NULL;
}

int switch_conf_take(struct switch_link *l, int q, const struct fp_esl_frame *f,
		     struct fp_err *e)
{
	(void)l;
	(void)q;
	(void)f;
	(void)e;
	return 0;
}

void switch_conf_done(struct switch_link *l, unsigned int parts)
{
	(void)l;
	(void)parts;
}

void switch_conf_free(struct switch_link *l)
{
	(void)l;
}
