/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rights.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/bpfmay.h"
#include "peer/pins.h"

/* ---- taking and giving up */

static int fp_become_owner(const struct fp_rights *r, struct fp_err *e)
{
	struct stat st;

	if (geteuid() != 0 || (stat(r->state_dir, &st) && stat(r->pins, &st)) ||
	    !st.st_uid)
		return 0;
	if (fp_caps_become(st.st_uid, st.st_gid, e))
		return fp_err_prefix(
			e, -EINVAL,
			"%s is not root's, and root without CAP_SETUID and CAP_SETGID would lock its owner out",
			r->state_dir);
	return 0;
}

/* As one is, without capabilities; what is not there needs none. */
static bool fp_reaches(const char *path, int mode)
{
	return !faccessat(AT_FDCWD, path, mode, AT_EACCESS) ||
	       (errno != EACCES && errno != EPERM);
}

/* What opens files, while the directories want it of us.  Nothing is in effect
 * afterwards. */
static int fp_files_kept(const struct fp_rights *r, uint64_t *keep,
			 struct fp_err *e)
{
	char lists[PATH_MAX], pin[PATH_MAX + 8];
	size_t n;
	int rc = fp_caps_use(0, e);

	if (rc)
		return rc;
	snprintf(lists, sizeof(lists), "%s/lists", r->state_dir);
	n = fp_maps_dir(r->pins, pin, PATH_MAX);
	if (n < PATH_MAX)
		snprintf(pin + n, sizeof(pin) - n, "/conf");
	*keep = fp_reaches(lists, R_OK | X_OK) && fp_reaches(pin, R_OK)
			? 0
			: FP_CAPS_FILES;
	return 0;
}

int fp_rights_work(const struct fp_rights *r, struct fp_err *e)
{
	uint64_t keep;
	int rc = fp_files_kept(r, &keep, e);

	return rc ? rc : fp_caps_keep(keep | r->need | r->use, e);
}

int fp_rights_rest(const struct fp_rights *r, struct fp_err *e)
{
	uint64_t keep;
	int rc = fp_files_kept(r, &keep, e);

	if (rc)
		return rc;
	if (fp_bpf_is_refused())
		keep |= FP_CAP_BPF | FP_CAP_SYS_ADMIN;
	return fp_caps_keep(keep, e);
}

/* ---- explaining */

static void fp_user_name(uid_t uid, char *out, size_t size)
{
	struct passwd pw, *found = NULL;
	char buf[2048];

	if (!getpwuid_r(uid, &pw, buf, sizeof(buf), &found) && found)
		snprintf(out, size, "%s", found->pw_name);
	else
		snprintf(out, size, "%u", (unsigned int)uid);
}

/* Who has it, and that it is not us. */
static int fp_say_owner(const char *path, const char *what, struct fp_err *e)
{
	char owner[64], me[64];
	struct stat st;

	if (stat(path, &st))
		return 0;
	fp_user_name(st.st_uid, owner, sizeof(owner));
	fp_user_name(geteuid(), me, sizeof(me));
	return fp_err(
		e, -EINVAL,
		"%s belongs to user %s and has mode %04o: user %s may not %s",
		path, owner, st.st_mode & 07777, me, what);
}

/* The first directory on the way to path that lets us not pass, or path itself
 * when it cannot be used; of a path that ends early, its last part that is
 * there. */
static int fp_say_path(const char *path, int mode, struct fp_err *e)
{
	char part[PATH_MAX], last[PATH_MAX] = "/";

	for (const char *p = path; *p; p += strspn(p, "/")) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (faccessat(AT_FDCWD, part, F_OK, AT_EACCESS)) {
			if (errno == EACCES)
				return fp_say_owner(last, "pass through it", e);
			if (errno != ENOENT || !(mode & W_OK) ||
			    !faccessat(AT_FDCWD, last, W_OK | X_OK,
				       AT_EACCESS) ||
			    errno != EACCES)
				return 0;
			return fp_say_owner(last, "make anything there", e);
		}
		snprintf(last, sizeof(last), "%s", part);
	}
	if (!faccessat(AT_FDCWD, last, mode, AT_EACCESS) || errno != EACCES)
		return 0;
	return fp_say_owner(last, mode & W_OK ? "change it" : "read it", e);
}

static int fp_say_lists(const struct fp_rights *r, struct fp_err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lists", r->state_dir);
	return fp_say_path(path, R_OK | (r->is_change ? W_OK : 0), e);
}

static int fp_say_files(const struct fp_rights *r, struct fp_err *e)
{
	const int mode = R_OK | (r->is_change ? W_OK : 0);
	char path[PATH_MAX + 8];
	size_t n;
	int rc;

	rc = fp_say_lists(r, e);
	if (!rc)
		rc = fp_say_path(r->pins, mode, e);
	n = fp_maps_dir(r->pins, path, PATH_MAX);
	if (!rc)
		rc = fp_say_path(path, mode, e);
	if (n < PATH_MAX)
		snprintf(path + n, sizeof(path) - n, "/conf");
	/* a map's memory is shared to write, whatever for */
	return rc ? rc : fp_say_path(path, R_OK | W_OK, e);
}

/* bpf() said no. */
static int fp_say_bpf(struct fp_err *e)
{
	const uint64_t any = FP_CAP_BPF | FP_CAP_SYS_ADMIN;
	struct fp_err was = *e;

	if (!(fp_caps_have() & any))
		return fp_err(
			e, -EINVAL,
			"%s: it needs CAP_BPF, which this process does not have; kernel.unprivileged_bpf_disabled is %d",
			was.text, fp_bpf_disabled());
	return fp_err(
		e, -EINVAL,
		"%s: the kernel refuses bpf() in spite of CAP_BPF (lockdown, a seccomp filter, a container's user namespace?)",
		was.text);
}

int fp_rights_explain(const struct fp_rights *r, int code, struct fp_err *e)
{
	int rc = 0;

	if (e->rule[0] || (code != -EPERM && code != -EACCES))
		return code;
	if (code == -EACCES)
		rc = fp_say_files(r, e);
	else
		rc = fp_say_bpf(e);
	return rc ? rc : code;
}

/* ---- */

int fp_rights_begin(const struct fp_rights *r, const char *what,
		    struct fp_err *e)
{
	uint64_t have = fp_caps_have(), missing = r->need & ~have;
	char names[80];
	int rc;

	/* which stands for them all (capable(), include/linux/capability.h:
	 * perfmon_capable, bpf_capable) */
	if (missing && !(have & FP_CAP_SYS_ADMIN)) {
		fp_caps_print(missing, names, sizeof(names));
		return fp_err(
			e, -EINVAL,
			"%s needs %s, which this process does not have (root does; setcap or AmbientCapabilities= gives them)",
			what, names);
	}
	rc = r->is_itself ? 0 : fp_become_owner(r, e);
	if (!rc)
		rc = fp_caps_keep(r->need | r->use | FP_CAPS_FILES |
					  (missing ? FP_CAP_SYS_ADMIN : 0),
				  e);
	/* before anything is changed: the second step must not be what fails */
	return rc || !r->is_change ? rc : fp_say_lists(r, e);
}
