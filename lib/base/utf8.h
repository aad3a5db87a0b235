/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_UTF8_H
#define FP_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length, 1 to 4, of the well-formed UTF-8 sequence (RFC 3629 4) that
 * starts the C string s; 0 when it is malformed.  s is not empty. */
size_t fp_utf8_len(const char *s);

/* The character of such a sequence; len is what fp_utf8_len said, not 0. */
uint32_t fp_utf8_char(const char *s, size_t len);

/* Would it do something to what it is shown among?  Controls (C0, DEL, C1), and
 * what has no shape of its own but turns lines or their direction: U+2028, U+2029,
 * Bidi_Control of Unicode's PropList.txt, U+FEFF. */
bool fp_utf8_is_control(uint32_t c);

#endif
