/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_CHECKS_H
#define FP_HEALTH_CHECKS_H

/* All checks there are: of probes, of the filter, and comparisons. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "logic/health.h"

/* Is the word in a list with ',' between? */
bool fp_checks_has(const char *list, const char *word, size_t n);
/* How long the word at *list is; *list is moved over spaces to it. */
size_t fp_checks_word(const char **list);
/* "sip-2" is the second "sip": the length of that. */
size_t fp_checks_base(const char *name);

/* Comparisons, and whose readings (any of them) they are made of. */
struct fp_comparison {
	const char *name, *of;
	const char *const *figures; /* ended by NULL */
};
extern const struct fp_comparison fp_comparisons[]; /* ended by a NULL name */

/* The figures of a check, ended by NULL; NULL: there is no such check. */
const char *const *fp_checks_figures(const char *name, size_t n);
/* Each threshold is of a check and a figure that there are.  0; -EINVAL: the
 * word, and what there is. */
int fp_checks_hold(const struct fp_thresholds *t, struct fp_err *e);
/* Those that hold unless t has its own of that check or of any. */
int fp_checks_defaults(struct fp_thresholds *t, struct fp_err *e);

#endif
