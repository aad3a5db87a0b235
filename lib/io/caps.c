/* SPDX-License-Identifier: Apache-2.0 */
#include "io/caps.h"

#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPS_MAX 64
#define WORDS _LINUX_CAPABILITY_U32S_3

struct caps {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct v[WORDS];
};

static int caps_get(struct caps *c, struct fp_err *e)
{
	*c = (struct caps){ .head = { _LINUX_CAPABILITY_VERSION_3, 0 } };
	return syscall(SYS_capget, &c->head, c->v)
		       ? fp_err_sys(e, -errno, "capget")
		       : 0;
}

static int caps_set(struct caps *c, struct fp_err *e)
{
	return syscall(SYS_capset, &c->head, c->v)
		       ? fp_err_sys(e, -errno, "capset")
		       : 0;
}

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
	struct caps c;
	int r = caps_get(&c, e);

	if (r)
		return r;
	drop_bounding(keep & ~FP_CAPS_FILES); /* later it cannot */
	for (int i = 0; i < WORDS; i++) {
		c.v[i].permitted &= (uint32_t)(keep >> (32 * i));
		c.v[i].effective = c.v[i].permitted;
		c.v[i].inheritable = 0; /* and with it the ambient set */
	}
	r = caps_set(&c, e);
	if (!r && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		r = fp_err_sys(e, -errno, "no_new_privs");
	return r;
}

uint64_t fp_caps_have(void)
{
	struct caps c;
	uint64_t have = 0;

	if (caps_get(&c, NULL))
		return 0;
	for (int i = 0; i < WORDS; i++)
		have |= (uint64_t)c.v[i].permitted << (32 * i);
	return have;
}

int fp_caps_use(uint64_t use, struct fp_err *e)
{
	struct caps c;
	int r = caps_get(&c, e);

	if (r)
		return r;
	for (int i = 0; i < WORDS; i++)
		c.v[i].effective =
			c.v[i].permitted & (uint32_t)(use >> (32 * i));
	return caps_set(&c, e);
}

uint64_t fp_caps_raise(uint64_t caps)
{
	struct caps c;
	uint64_t was = 0;

	if (caps_get(&c, NULL))
		return 0;
	for (int i = 0; i < WORDS; i++)
		was |= (uint64_t)c.v[i].effective << (32 * i);
	fp_caps_use(was | caps, NULL); /* or the open says what it lacks */
	return was;
}

/* Another user makes it what fs.suid_dumpable says, which may be a core for root:
 * PR_SET_DUMPABLE(2const). */
static void no_core(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int fp_caps_files_as(uid_t uid, gid_t gid, struct fp_err *e)
{
	setfsgid(gid);
	setfsuid(uid);
	no_core();
	/* they tell nothing; an id that there is none of changes nothing */
	return (uid_t)setfsuid((uid_t)-1) == uid
		       ? 0
		       : fp_err_sys(e, -EPERM, "files as user %u",
				    (unsigned int)uid);
}

int fp_caps_become(uid_t uid, gid_t gid, struct fp_err *e)
{
	/* or the permitted set went with uid 0 (capabilities(7)) */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return fp_err_sys(e, -errno, "going on as user %u",
				  (unsigned int)uid);
	no_core();
	return fp_caps_use(UINT64_MAX, e);
}

void fp_caps_print(uint64_t caps, char *out, size_t size)
{
	static const struct {
		uint64_t cap;
		const char *name;
	} names[] = {
		{ FP_CAP_BPF, "CAP_BPF" },
		{ FP_CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ FP_CAP_PERFMON, "CAP_PERFMON" },
		{ FP_CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	const char *sep = "";
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(caps & names[i].cap) || n >= size)
			continue;
		caps &= ~names[i].cap;
		n += (size_t)snprintf(out + n, size - n, "%s%s", sep,
				      names[i].name);
		sep = " and ";
	}
}
