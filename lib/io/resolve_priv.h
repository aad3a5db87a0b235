/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_RESOLVE_PRIV_H
#define FP_IO_RESOLVE_PRIV_H

/* What the files of resolve.h share; not for others. */

#include "io/resolve.h"

/* What the thread has. */
struct fp_question {
	char host[256];
	struct sockaddr_storage to;
	socklen_t len;
};

/* In a thread: data is a struct fp_question. */
int fp_resolve_ask(void *data, struct fp_err *e);

#endif
