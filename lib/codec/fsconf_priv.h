/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_FSCONF_PRIV_H
#define FP_CODEC_FSCONF_PRIV_H

#include "codec/fsconf.h"

/* The one of that name, made when there is none; NULL: no memory, or too many. */
struct fp_fsprofile *fp_fsconf_add(struct fp_fsconf *c, const char *name);
/* What core-db-dsn says: nothing of it is kept but that. */
void fp_fsconf_dsn(struct fp_fsconf *c, const char *dsn);
/* text of n bytes into a field of size; what does not fit is cut. */
void fp_fsconf_copy(char *out, size_t size, const char *text, size_t n);

#endif
