/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_UTF8_H
#define FP_BASE_UTF8_H

#include <stddef.h>

/* The length, 1 to 4, of the well-formed UTF-8 sequence (RFC 3629 4) that
 * starts the C string s; 0 when it is malformed.  s is not empty. */
size_t fp_utf8_len(const char *s);

#endif
