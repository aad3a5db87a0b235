/* SPDX-License-Identifier: Apache-2.0 */
#include "io/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPS_MAX 64

/* Dropping from the bounding set takes CAP_SETPCAP, which who has little does
 * not have, nor need. */
static void drop_bounding(uint64_t keep)
{
	for (int cap = 0; cap < CAPS_MAX; cap++)
		if (!(keep >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

int fp_caps_keep(uint64_t keep, struct fp_err *e)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct v[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &h, v))
		return fp_err_sys(e, -errno, "capget");
	drop_bounding(keep);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		v[i].permitted &= (uint32_t)(keep >> (32 * i));
		v[i].effective = v[i].permitted;
		v[i].inheritable = 0; /* and with it the ambient set */
	}
	if (syscall(SYS_capset, &h, v))
		return fp_err_sys(e, -errno, "capset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fp_err_sys(e, -errno, "no_new_privs");
	return 0;
}
